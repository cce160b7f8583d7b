"""A node leaves the machine as it was, however it ends."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Collection, Mapping
from pathlib import Path

import pytest

from tests.support.node import machine
from tests.support.node.real_node import RealNode
from tests.support.waiting import until

pytestmark = pytest.mark.real_node
ROOT = Path(__file__).parents[2]
_POD = """
apiVersion: v1
kind: Pod
metadata: {name: waits}
spec:
  automountServiceAccountToken: false
  volumes: [{name: memory, emptyDir: {medium: Memory, sizeLimit: 1Mi}}]
  containers:
    - name: waits
      image: localhost/novacron-e2e/pause:1
      imagePullPolicy: Never
      volumeMounts: [{name: memory, mountPath: /memory}]
"""
_RUN = f"""
import signal
from tests.support.node.real_node import RealNode
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job ignores it, and so do its children
with RealNode() as node:
    node.kubectl("apply", "-f", "-", input='''{_POD}''')
    node.kubectl("wait", "--for=condition=Ready", "pod/waits", "--timeout=60s")
    print("up", flush=True)
    signal.pause()
"""


def _same(before: Mapping[str, frozenset[str]], others: Collection[int]) -> bool:
    assert machine.left(before, machine.facts(others)) == []
    return True


def test_a_node_that_is_stopped_leaves_nothing() -> None:
    others = machine.boxes()
    before = machine.facts(others)
    with RealNode() as node:
        node.kubectl("apply", "-f", "-", input=_POD)
        node.kubectl("wait", "--for=condition=Ready", "pod/waits", "--timeout=60s")
        during = machine.left(before, machine.facts(others))
        assert {line.split(":")[0] for line in during} >= {
            "links",
            "routes",
            "cgroups",
            "processes in other namespaces",
        }
    until(lambda: _same(before, others), "the machine is as before", 20)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT], ids=lambda item: item.name)
def test_a_test_run_that_is_killed_leaves_nothing(number: signal.Signals) -> None:
    others = machine.boxes()
    before = machine.facts(others)
    command = [sys.executable, "-c", _RUN]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as run:
        assert run.stdout is not None
        said = run.stdout.readline()
        run.send_signal(number)
        _out, errors = run.communicate()
    assert said == "up\n", errors[-4000:]
    until(lambda: _same(before, others), "the machine is as before", 20)
