"""Activity: once a minute a session, in batches, bounded, and lost without a word but a count."""

from __future__ import annotations

from prometheus_client import CollectorRegistry

from novacron.auth.service import activity as module
from novacron.auth.service.activity import Activity
from novacron.auth.service.internal_port import Page
from novacron.auth.service.wall_metrics import WallMetrics
from novacron.core.dependencies import Unusable
from tests.unit.auth.service.feed_source import NOW, Clock, Script


class Pod:
    def __init__(self, answer: Page | Unusable | None = None) -> None:
        self.clock = Clock()
        self.source = Script(self.clock, answer or Page("c", [], False))
        self.registry = CollectorRegistry()
        self.activity = Activity(self.source, WallMetrics(self.registry), self.clock)


async def test_a_session_is_reported_once_a_minute() -> None:
    pod = Pod()
    for second in range(61):
        pod.activity.seen("session-1", NOW + second)
        await pod.activity.send()
        pod.clock.now += 1
    assert pod.source.active_calls == [{"session-1": NOW}, {"session-1": NOW + 60}]


async def test_many_are_reported_in_batches() -> None:
    pod = Pod()
    for number in range(2500):
        pod.activity.seen(f"session-{number}", NOW)
    await pod.activity.send()
    assert [len(call) for call in pod.source.active_calls] == [1000, 1000, 500]
    assert len({session for call in pod.source.active_calls for session in call}) == 2500


async def test_nothing_is_sent_where_nothing_is() -> None:
    pod = Pod()
    await pod.activity.send()
    assert pod.source.active_calls == []


async def test_what_is_lost_is_counted_and_not_sent_again() -> None:
    pod = Pod(Unusable("Unreachable"))
    for number in range(1500):
        pod.activity.seen(f"session-{number}", NOW)
    await pod.activity.send()
    assert len(pod.source.active_calls) == 1
    assert pod.registry.get_sample_value("novacron_auth_activity_lost_total") == 1500
    await pod.activity.send()
    assert len(pod.source.active_calls) == 1


async def test_memory_is_bounded() -> None:
    pod = Pod()
    for number in range(module._MOST + 500):
        pod.activity.seen(f"session-{number}", NOW)
    assert len(pod.activity._told) == module._MOST
    assert len(pod.activity._waiting) == module._MOST
