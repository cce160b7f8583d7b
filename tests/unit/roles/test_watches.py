"""What is taken for true of a cluster that answers now so, now so; and what asks for a pass, and how soon."""

from __future__ import annotations

from typing import Any

import pytest

from novacron.adapters import clock
from novacron.core import kinds
from novacron.core.capabilities import Capabilities
from novacron.roles.watches import MEASURED_SECONDS, Watches
from novacron.stack.queue import Key, Priority, WorkQueue

KEY = ("n", "novacron")


class Asked(WorkQueue):
    """Remembers what was asked for."""

    def __init__(self) -> None:
        super().__init__(lambda: 0.0)
        self.asked: list[tuple[Key, Priority, float]] = []

    def add(self, key: Key, priority: Priority, after: float = 0) -> None:
        self.asked.append((key, priority, after))


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """One number that is the time."""
    time = [1000.0]
    monkeypatch.setattr(clock, "monotonic", lambda: time[0])
    return time


@pytest.fixture
def queue() -> Asked:
    return Asked()


@pytest.fixture
def watches(now: list[float], queue: Asked) -> Watches:
    assert now
    return Watches(queue, "", "novacron-system")


def novacron(version: str) -> dict[str, Any]:
    return {"metadata": {"namespace": "n", "name": "novacron", "resourceVersion": version}}


def test_a_control_plane_in_mid_upgrade_counts_as_its_older_half(watches: Watches, now: list[float]) -> None:
    seen = [watches._steady(Capabilities(server=(1, minor))).server for minor in (32, 33, 32, 33)]
    assert seen == [(1, 32)] * 4
    now[0] += 601
    assert watches._steady(Capabilities(server=(1, 33))).server == (1, 33)


def test_an_adapter_that_is_away_for_a_moment_rewrites_no_autoscaler(watches: Watches, now: list[float]) -> None:
    assert watches._kept(None) is False
    assert watches._kept(metrics=True) is True
    assert watches._kept(None) is True
    assert watches._kept(metrics=False) is False
    now[0] += 601
    assert watches._kept(None) is False


def test_an_edit_asks_at_once_and_its_repetition_by_another_watch_does_not(watches: Watches, queue: Asked) -> None:
    watches.seen("ADDED", novacron("1"))
    watches.seen(None, novacron("1"))
    watches.seen("MODIFIED", novacron("2"))
    assert queue.asked == [(KEY, Priority.USER, 0)] * 2


def test_a_resource_that_goes_wakes_the_others_of_its_namespace(watches: Watches, queue: Asked) -> None:
    watches.seen("ADDED", novacron("1"))
    watches.known[("n", "second")] = "1"
    watches.known[("elsewhere", "third")] = "1"
    queue.asked.clear()
    watches.seen("DELETED", novacron("1"))
    assert [key for key, _priority, _after in queue.asked] == [KEY, ("n", "second")]


def test_a_measurement_can_wait(watches: Watches, queue: Asked) -> None:
    watches.known[KEY] = "1"
    watches._child_measured(*KEY)
    watches._child_measured("n", "unknown")
    assert queue.asked == [(KEY, Priority.RESYNC, MEASURED_SECONDS)]


def test_what_was_written_during_a_pass_is_no_news_and_the_rest_is(watches: Watches, queue: Asked) -> None:
    watches.known[KEY] = "1"
    watches.begin(KEY)
    watches._child_changed(*KEY, "7")
    watches._child_changed(*KEY, "8")
    child = {
        "kind": kinds.SERVICE.kind,
        "metadata": {"namespace": "n", "labels": {"app.kubernetes.io/instance": "novacron"}},
    }
    watches.wrote({**child, "metadata": {**child["metadata"], "name": "a", "resourceVersion": "7"}})  # type: ignore[dict-item]
    watches.end(KEY)
    assert [priority for _key, priority, _after in queue.asked] == [Priority.CHILD]
