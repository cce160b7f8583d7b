from __future__ import annotations

import pytest

from novacron.core import conditions
from novacron.core.conditions import Condition

_OLD = {
    "type": "Ready",
    "status": "True",
    "observedGeneration": 1,
    "lastTransitionTime": "2026-01-01T00:00:00Z",
    "reason": "AllWorkloadsAvailable",
    "message": "4 of 4 workloads are available",
}
_NOW = "2026-02-02T00:00:00Z"


def test_time_moves_only_when_the_status_flips() -> None:
    same = Condition("Ready", "True", "AllWorkloadsAvailable", "other words")
    (kept,) = conditions.replaced([_OLD], [same], 2, _NOW)
    assert (kept["lastTransitionTime"], kept["message"], kept["observedGeneration"]) == (
        "2026-01-01T00:00:00Z",
        "other words",
        2,
    )
    (flipped,) = conditions.replaced([_OLD], [Condition("Ready", "False", "InvalidSpec", "x")], 2, _NOW)
    assert flipped["lastTransitionTime"] == _NOW


def test_what_is_not_judged_any_more_disappears() -> None:
    assert conditions.replaced([_OLD], [], 2, _NOW) == []


@pytest.mark.parametrize(("type_", "reason"), [("Rdy", "InvalidSpec"), ("Ready", "Sunny")])
def test_undocumented_words_cannot_be_used(type_: str, reason: str) -> None:
    with pytest.raises(ValueError, match="undocumented"):
        Condition(type_, "True", reason, "")


def test_reasons_are_camel_case() -> None:
    assert all(reason.isalnum() and reason[0].isupper() for reason in conditions.REASONS)
