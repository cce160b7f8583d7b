from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.support.controlplane import process
from tests.support.controlplane.process import Identity, StartError


def test_a_reused_pid_is_another_process() -> None:
    mine = process.identify(1)
    assert mine.alive()
    assert not Identity(1, mine.started + 1).alive()


def test_what_is_asked_to_stop_and_does_not_is_killed(tmp_path: Path) -> None:
    deaf = (
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); time.sleep(99)"
    )
    log = tmp_path / "log"
    running = process.start([sys.executable, "-c", deaf], log, detached=False)
    identity = process.identify(running.pid)
    process.until(lambda: "deaf" in log.read_text(), 10, identity.alive, "deaf", log)
    process.stop([identity], seconds=0.2)
    assert not identity.alive()
    assert running.wait(5) == -9


def test_a_component_that_ends_is_shown_with_its_last_lines(tmp_path: Path) -> None:
    log = tmp_path / "log"
    running = process.start([sys.executable, "-c", "print('out of luck'); raise SystemExit(3)"], log, detached=False)
    identity = process.identify(running.pid)
    with pytest.raises(StartError, match="out of luck"):
        process.until(lambda: False, 10, identity.alive, "unlucky", log)
    running.wait(5)


def test_an_owned_process_dies_with_its_owner(tmp_path: Path) -> None:
    """The kernel does it, so that it holds after SIGKILL as well."""
    owner = (
        "import sys, pathlib; from tests.support.controlplane import process;"
        f"child = process.start(['sleep', '99'], pathlib.Path({str(tmp_path / 'log')!r}), detached=False);"
        "found = process.identify(child.pid); print(found.pid, found.started, flush=True); sys.stdin.read()"
    )
    import subprocess

    running = subprocess.Popen([sys.executable, "-c", owner], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert running.stdout is not None
    child = Identity(*map(int, running.stdout.readline().split()))
    assert child.alive()
    running.kill()
    running.communicate()
    process.until(lambda: not child.alive(), 10, lambda: True, "child", tmp_path / "log")
