"""When a resource is looked at again without an event: soon while a cause may come to light, never in a crowd."""

from __future__ import annotations

import itertools

import pytest

from novacron.core.conditions import Condition
from novacron.stack import resync
from novacron.stack.memory import Memory
from novacron.stack.problem import Problem

_JITTER = 1.2
"""The most that the operator adds to a delay."""
READY = (Condition("Ready", "True", "AllWorkloadsAvailable", ""),)


def waiting_for(reason: str = "WorkloadUnavailable", message: str = "") -> tuple[Condition, ...]:
    return (Condition("Ready", "False", reason, message),)


def looks(verdict: tuple[Condition, ...], until: float, waiting: int = 1) -> list[float]:
    """When a resource with this verdict is looked at, at the latest, from its first look on."""
    memory, now, found = Memory("u", 0.0), 0.0, [0.0]
    while now < until:
        now += _JITTER * resync.again(memory, verdict, now, settled=False, waiting=waiting)
        found.append(now)
    return found


@pytest.mark.parametrize("count", [1, 150])
def test_a_cause_that_comes_to_light_in_the_first_minutes_is_seen_within_half_a_minute(count: int) -> None:
    """Another resource's passes and this one's own requests need some of it."""
    found = [moment for moment in looks(waiting_for(), 1000, count) if moment <= resync.EARLY]
    assert max(later - earlier for earlier, later in itertools.pairwise(found)) <= 20


def test_later_it_is_looked_for_less_and_less_often() -> None:
    found = looks(waiting_for(), 20_000)
    gaps = [later - earlier for earlier, later in itertools.pairwise(found)]
    assert gaps == sorted(gaps)
    assert gaps[-1] == pytest.approx(_JITTER * resync.UNSETTLED_MOST)
    assert len(found) < 80


def test_a_thousand_resources_in_one_outage_are_looked_at_no_faster_than_ten_in_a_second() -> None:
    found = looks(waiting_for(), 3600, waiting=1000)
    assert all(later - earlier >= 100 for earlier, later in itertools.pairwise(found) if earlier <= 180)


def test_another_verdict_is_young_again() -> None:
    memory = Memory("u", 0.0)
    for moment in (0.0, 100.0, 200.0, 300.0):
        later = resync.again(memory, waiting_for(), moment, settled=False, waiting=1)
    assert later > resync.UNSETTLED_RESYNC
    changed = waiting_for("ImageUnavailable")
    assert resync.again(memory, changed, 301.0, settled=False, waiting=1) == resync.UNSETTLED_RESYNC


def test_a_ready_resource_rests_unless_pods_are_missing() -> None:
    memory = Memory("u", 0.0)
    assert resync.again(memory, READY, 0.0, settled=True, waiting=0) == resync.SETTLED_RESYNC
    assert resync.again(memory, READY, 0.0, settled=False, waiting=0) == resync.UNSETTLED_RESYNC
    assert memory.waits
    resync.again(memory, READY, 1.0, settled=True, waiting=0)
    assert not memory.waits


def test_a_conflict_is_looked_at_all_the_time() -> None:
    found = looks(waiting_for("NameConflict"), 2000)
    gaps = [later - earlier for earlier, later in itertools.pairwise(found)]
    assert gaps == pytest.approx([_JITTER * resync.UNSETTLED_RESYNC] * len(gaps))


def test_what_is_learnt_anew_forgets_neither_repairs_nor_how_long_something_is_awaited() -> None:
    memory = Memory("u", 0.0)
    resync.again(memory, waiting_for(), 0.0, settled=False, waiting=1)
    resync.again(memory, waiting_for(), 200.0, settled=False, waiting=1)
    renewed = memory.renewed(500.0)
    assert resync.again(renewed, waiting_for(), 500.0, settled=False, waiting=1) > 2 * resync.UNSETTLED_RESYNC


_KILL = Problem("OutOfMemory", "its container was killed", "raise it", lingering=True)


def test_a_kill_for_want_of_memory_is_told_for_minutes_after_the_pod_came_back() -> None:
    memory = Memory("u", 0.0)
    assert memory.noticed({"ml": _KILL}, 100.0) == {"ml": _KILL}
    assert memory.noticed({}, 690.0) == {"ml": _KILL}
    assert memory.trouble_ends(690.0) == pytest.approx(10)
    assert memory.noticed({}, 701.0) == {}
    assert memory.trouble_ends(701.0) == float("inf")


def test_whatever_is_the_matter_now_is_told_before_what_was() -> None:
    memory, crash = Memory("u", 0.0), Problem("CrashLoop", "it ends", "read")
    memory.noticed({"ml": _KILL}, 0.0)
    assert memory.noticed({"ml": crash}, 1.0) == {"ml": crash}


def test_a_kill_of_a_pod_that_a_rollout_replaces_is_not_remembered() -> None:
    memory = Memory("u", 0.0)
    memory.noticed({"ml": Problem("OutOfMemory", "killed", "raise it", older=True)}, 0.0)
    assert memory.noticed({}, 1.0) == {}
