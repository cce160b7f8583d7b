from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.support.netpol.state import State, wait_in_force
from tests.support.waiting import NotInTime

_KNOWN = State(0, 1, {"Pod": 20}, ("x/policy",))


def _object(kind: str, version: int) -> dict[str, Any]:
    return {"kind": kind, "metadata": {"name": "one", "resourceVersion": str(version)}}


@pytest.mark.parametrize(
    ("state", "objects", "gone", "reason"),
    [
        pytest.param(None, [], [], "has not started", id="no file"),
        pytest.param(State(), [], [], "generation=0", id="no ruleset yet"),
        pytest.param(_KNOWN, [_object("Pod", 21)], [], "'Pod': 20", id="an object that is newer"),
        pytest.param(_KNOWN, [_object("NetworkPolicy", 1)], [], "'Pod': 20", id="a kind that is not known"),
        pytest.param(_KNOWN, [], ["x/policy"], "x/policy", id="a policy that is still there"),
    ],
)
def test_what_is_not_in_force_is_waited_for(
    tmp_path: Path, state: State | None, objects: list[dict[str, Any]], gone: list[str], reason: str
) -> None:
    file = tmp_path / "state.json"
    if state is not None:
        replace(state, written=time.time()).write(file)
    with pytest.raises(NotInTime, match=reason):
        wait_in_force(file, objects, gone=gone, seconds=0)


def test_an_enforcer_without_a_heartbeat_has_nothing_in_force(tmp_path: Path) -> None:
    _KNOWN.write(tmp_path / "state.json")
    with pytest.raises(NotInTime, match="is dead since"):
        wait_in_force(tmp_path / "state.json", [_object("Pod", 20)], seconds=0)


def test_what_is_in_force_is_returned(tmp_path: Path) -> None:
    now = replace(_KNOWN, written=time.time())
    now.write(tmp_path / "state.json")
    assert wait_in_force(tmp_path / "state.json", [_object("Pod", 20)], gone=["x/other"], seconds=0) == now
