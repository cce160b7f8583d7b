"""The enforcer's state file: what is in force, for tests that must not guess it. Written by a rename, so never half."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from tests.support.waiting import until

BEAT = 1.0
"""Seconds between two writings where nothing changes."""
_STALE = 10.0
"""Seconds without a writing after which the enforcer counts as dead."""


@dataclass(frozen=True, slots=True)
class State:
    """Args:
    written: seconds since the epoch.
    generation: rulesets applied since the start; 0 before the first one.
    versions: kind -> newest resource version of that kind whose content is in force.
    policies: ``namespace/name`` of each policy that is in force.
    pods: ``namespace/name`` -> address of each pod that is judged.
    problem: why what is known cannot be applied, or why nothing new is known; empty when all is well.
    """

    written: float = 0.0
    generation: int = 0
    versions: Mapping[str, int] = field(default_factory=dict)
    policies: tuple[str, ...] = ()
    pods: Mapping[str, str] = field(default_factory=dict)
    problem: str = ""

    def write(self, file: Path) -> None:
        draft = file.with_name(file.name + ".new")
        draft.write_text(json.dumps(asdict(self)))
        draft.replace(file)


def read(file: Path) -> State | None:
    """None before the enforcer has written anything."""
    try:
        content = json.loads(file.read_text())
    except FileNotFoundError:
        return None
    return State(**{**content, "policies": tuple(content["policies"])})


def wait_in_force(
    file: Path, objects: Iterable[Mapping[str, Any]] = (), *, gone: Iterable[str] = (), seconds: float = 15.0
) -> State:
    """Waits until rules that know all of this stand in the kernel.

    Args:
        objects: policies, pods and namespaces as the API server answered them; that state of theirs, or a later one,
            is known then. With a pod, its address is judged.
        gone: ``namespace/name`` of policies that must be in force no more.

    Raises:
        NotInTime: with the enforcer's last state.
    """
    wanted, unwanted = list(objects), frozenset(gone)

    def in_force() -> State | None:
        state = read(file)
        assert state is not None, f"{file} is not there: the enforcer has not started"
        assert time.time() - state.written < _STALE, f"the enforcer is dead since {state}"
        known = all(state.versions.get(item["kind"], 0) >= int(item["metadata"]["resourceVersion"]) for item in wanted)
        assert state.generation, state
        assert known, state
        assert not unwanted & set(state.policies), state
        return state

    what = ", ".join(f"{item['kind']} {item['metadata']['name']}" for item in wanted) or "the first ruleset"
    found = until(
        in_force, f"network policies in force: {what}; gone: {', '.join(sorted(unwanted))}", seconds, every=0.02
    )
    assert found is not None
    return found
