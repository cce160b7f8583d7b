"""What is told of a resource that a pass leaves alone."""

from __future__ import annotations

from typing import Any

import pytest

from novacron.core.conditions import TYPES, Condition
from novacron.core.manifest import Manifest
from novacron.stack import unexamined

STOOD = unexamined.because("Progressing", "ml: pods of an older template are still there", stalled=False)


def by_type(listed: tuple[Condition, ...]) -> dict[str, Condition]:
    assert [condition.type for condition in listed] == list(TYPES), "all of them, in kstatus' order"
    return {condition.type: condition for condition in listed}


def summary(listed: tuple[Condition, ...]) -> tuple[str, ...]:
    found = by_type(listed)
    return tuple(found[type_].status for type_ in ("Ready", "Reconciling", "Stalled", "Paused"))


def body(*conditions: Condition, **changes: Any) -> Manifest:
    listed = [
        {"type": item.type, "status": item.status, "reason": item.reason, "message": item.message}
        | changes.get(item.type, {})
        for item in conditions
    ]
    return {"status": {"conditions": listed}}


def test_one_that_needs_a_person_is_stalled_and_one_that_does_not_is_reconciling() -> None:
    assert summary(unexamined.because("InvalidSpec", "why")) == ("False", "False", "True", "False")
    assert summary(unexamined.because("RightMissing", "why", stalled=False)) == ("False", "True", "False", "False")


def test_one_that_is_deleted_is_at_work_and_says_what_is_left() -> None:
    found = unexamined.deleting("Pod/a, Pod/b")
    assert summary(found) == ("False", "True", "False", "False")
    assert by_type(found)["Ready"].message == "Being deleted; still there: Pod/a, Pod/b"
    assert by_type(found)["MemoryAdequate"].status == "Unknown"


def test_paused_keeps_the_last_verdicts() -> None:
    found = by_type(unexamined.paused(body(*STOOD)))
    stood = by_type(STOOD)
    assert found.pop("Paused").status == "True"
    assert found == {type_: item for type_, item in stood.items() if type_ != "Paused"}


@pytest.mark.parametrize("shown", [{}, {"status": {}}, {"status": {"conditions": []}}])
def test_paused_before_anything_was_told_is_not_ready(shown: Manifest) -> None:
    assert summary(unexamined.paused(shown)) == ("False", "False", "True", "True")


def test_words_of_a_newer_version_are_as_good_as_none() -> None:
    """An older operator that takes over, as in a rollback."""
    newer = body(*STOOD, Ready={"reason": "NotKnownYet"})
    newer["status"]["conditions"].append({"type": "NewerType", "status": "True", "reason": "New", "message": ""})
    found = by_type(unexamined.paused(newer))
    assert (found["Ready"].status, found["Ready"].reason) == ("False", "Unobserved")
    assert "NewerType" not in found
