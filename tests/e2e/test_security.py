"""What depends on the runtime, and is off by default, tried where it can be: user namespaces and strict groups."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.support.living import Living
from tests.support.lodging import Lodging

pytestmark = pytest.mark.real_node
_LOOK = """
import json, os, pathlib
inside, outside, count = map(int, pathlib.Path("/proc/self/uid_map").read_text().split())
print(json.dumps({"uid": os.getuid(), "groups": os.getgroups(), "inside": inside, "outside": outside, "count": count}))
"""


def _hardened(spec: dict[str, Any]) -> None:
    spec["security"] = {"userNamespaces": True, "strictSupplementalGroups": True}


def test_a_workload_runs_as_nobody_of_the_node(living: Living) -> None:
    with Lodging(living, _hardened) as lodging:
        lodging.until_ready()
        for role in ("api", "auth", "query", "ml"):
            command = ("exec", "-n", lodging.namespace, f"deploy/{lodging.name}-{role}", "--", "/usr/bin/python3", "-c")
            seen = json.loads(living.kubectl(*command, _LOOK))
            assert (seen["uid"], seen["groups"], seen["inside"]) == (65532, [65532], 0)
            # KEP-127: a range of the node's users that no other pod and nobody else has
            assert seen["outside"] >= 65536
            assert seen["count"] == 65536
