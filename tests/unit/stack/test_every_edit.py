"""Every leaf of every child: changed or removed by hand, it is drift. Without a server, hence all of them."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import pytest

from novacron.core import drift
from novacron.core.manifest import Manifest
from tests.support import resources
from tests.support.combinations import children

Path = tuple[str | int, ...]
RESOURCES = {"minimal": resources.minimal(), "full": resources.full()}
_SERVER_DROPS = (False, 0, "", None)
"""The API server does not tell these from an absent field; those that it does tell apart are drift._MEANT."""


def leaves(value: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from leaves(inner, (*path, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from leaves(inner, (*path, index))
    else:
        yield path, value


def edited(manifest: Manifest, path: Path, value: Any) -> Manifest:
    """A copy with another value at a path; without the path where the value is None."""
    copied = copy.deepcopy(manifest)
    target: Any = copied
    for step in path[:-1]:
        target = target[step]
    if value is None:
        del target[path[-1]]
    else:
        target[path[-1]] = value
    return copied


def owned(manifest: Manifest) -> Iterator[tuple[Path, Any]]:
    """Leaves that a person could edit: not what identifies the object."""
    for path, value in leaves(manifest):
        if path[0] in ("apiVersion", "kind") or path[:2] in (("metadata", "name"), ("metadata", "namespace")):
            continue
        if path[:2] == ("metadata", "ownerReferences"):
            continue  # without its owner it is no child of ours: core/plan.py refuses it
        yield path, value


@pytest.mark.parametrize("name", RESOURCES)
def test_a_changed_leaf_is_drift(name: str) -> None:
    unseen = [
        (child["kind"], path)
        for child in children(RESOURCES[name])
        for path, value in owned(child)
        if not drift.changed(child, edited(child, path, "somebody's" if value != "somebody's" else "else"))
    ]
    assert unseen == []


@pytest.mark.parametrize("name", RESOURCES)
def test_a_removed_leaf_is_drift(name: str) -> None:
    unseen = [
        (child["kind"], path)
        for child in children(RESOURCES[name])
        for path, value in owned(child)
        if (value not in _SERVER_DROPS or path[-1] in drift._MEANT)
        and not drift.changed(child, edited(child, path, None))
    ]
    assert unseen == []


def test_what_is_not_touched_is_no_drift() -> None:
    for body in RESOURCES.values():
        for child in children(body):
            assert drift.changed(child, copy.deepcopy(child)) == []
            assert drift.contested(child, copy.deepcopy(child)) == ([], [])
