"""The feed in one pod: read to its end first, believed for ten seconds, started over when told."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from novacron.auth.domain.revocation import Revocations
from novacron.auth.service import feed as module
from novacron.auth.service.feed import RevocationFeed
from novacron.auth.service.internal_port import Page, UnknownCursor
from novacron.auth.service.standing import Unavailable
from novacron.auth.service.wall_metrics import WallMetrics
from novacron.core.dependencies import Unusable
from tests.unit.auth.service.feed_source import NOW, Clock, Script, claims

EMPTY = Page("c0", [], False)
FAR = 4_000_000_000
"""Long after these tests run: what expires by the clock must not do so here."""


def _ended(session: str) -> dict[str, Any]:
    return {"sid": session, "at": float(NOW), "expires": FAR}


class Pod:
    """One feed and what it reads."""

    def __init__(self, *answers: Page | Unusable | type[UnknownCursor]) -> None:
        self.clock = Clock()
        self.source = Script(self.clock, *answers)
        self.registry = CollectorRegistry()
        self.feed = RevocationFeed(
            self.source,
            Revocations(),
            WallMetrics(self.registry),
            skew=30,
            where="auth:8081",
            now=self.clock,
        )

    async def code(self, session: str = "session-1") -> str:
        """What the wall hears of a token."""
        try:
            found = await self.feed.objection(claims(session, expires=FAR), NOW)
        except Unavailable as error:
            return error.code
        return found.code if found else "stands"


async def test_nothing_is_believed_before_all_was_read() -> None:
    pod = Pod(Page("c1", [_ended("session-1")], True), Unusable("TimedOut"), Page("c2", [_ended("session-2")], False))
    assert await pod.code() == "revocations_stale"
    await pod.feed.poll()
    finding = await pod.feed.check()
    assert (finding.state, finding.reason, finding.required) == ("down", "TimedOut", True)
    assert await pod.code("another") == "revocations_stale"
    await pod.feed.poll()
    assert pod.source.asked == [None, "c1", "c1"]
    assert [await pod.code(session) for session in ("session-1", "session-2", "another")] == [
        "session_ended",
        "session_ended",
        "stands",
    ]
    assert (await pod.feed.check()).state == "ok"


async def test_news_come_with_the_next_look() -> None:
    pod = Pod(EMPTY, Page("c1", [_ended("session-1")], False))
    await pod.feed.poll()
    assert await pod.code() == "stands"
    await pod.feed.poll()
    assert await pod.code() == "session_ended"
    assert pod.source.asked == [None, "c0"]


async def test_what_is_known_is_believed_for_ten_seconds() -> None:
    pod = Pod(EMPTY, Unusable("Unreachable"))
    await pod.feed.poll()
    pod.clock.now += 10.0
    await pod.feed.poll()
    assert await pod.code() == "stands"
    assert (await pod.feed.check()).state == "ok"
    pod.clock.now += 0.1
    assert await pod.code() == "revocations_stale"
    pod.source.answers = [EMPTY]
    await pod.feed.poll()
    assert await pod.code() == "stands"


async def test_an_outage_after_the_start_is_told_and_takes_no_pod_out() -> None:
    pod = Pod(EMPTY, Unusable("Unreachable"))
    await pod.feed.poll()
    assert (await pod.feed.check()).state == "ok"
    pod.clock.now += 11
    await pod.feed.poll()
    assert pod.feed.changed()
    finding = await pod.feed.check()
    assert (finding.name, finding.state, finding.reason, finding.required) == (
        "auth-feed",
        "down",
        "Unreachable",
        False,
    )
    assert "auth:8081" in finding.message
    assert "protected routes answer 503" in finding.message
    assert not pod.feed.changed()


async def test_age_counts_from_when_the_question_was_asked() -> None:
    """An answer speaks of the moment at which it was made, which may be right after the question."""
    pod = Pod(EMPTY)
    pod.source.takes = 1.5
    await pod.feed.poll()
    assert pod.feed.age() == 1.5


async def test_age_counts_from_the_last_page() -> None:
    pod = Pod(Page("c1", [], True), Page("c2", [], True), EMPTY)
    pod.source.takes = 4.0
    await pod.feed.poll()
    assert pod.feed.age() == 4.0


async def test_an_unknown_cursor_starts_over_and_forgets_nothing() -> None:
    pod = Pod(Page("c1", [_ended("session-1")], False), UnknownCursor, Page("d1", [_ended("session-2")], False))
    await pod.feed.poll()
    await pod.feed.poll()
    assert pod.source.asked == [None, "c1", None]
    assert [await pod.code("session-1"), await pod.code("session-2")] == ["session_ended"] * 2


BROKEN: dict[str, tuple[Page | type[UnknownCursor], str]] = {
    "an item that is not understood": (Page("c1", [{"tenant": "a", "expires": FAR}], False), "not understood"),
    "a feed that goes in circles": (Page("c0", [], True), "does not advance"),
    "a beginning that is unknown": (UnknownCursor, "beginning"),
}


@pytest.mark.parametrize(("answer", "says"), BROKEN.values(), ids=BROKEN)
async def test_a_feed_that_makes_no_sense_is_not_believed(answer: Page | type[UnknownCursor], says: str) -> None:
    pod = Pod(EMPTY, answer)
    await pod.feed.poll()
    pod.clock.now += 11
    await pod.feed.poll()
    assert await pod.code() == "revocations_stale"
    finding = await pod.feed.check()
    assert finding.reason == "Refused"
    assert says in finding.message


async def test_hints_are_followed_at_once_and_do_not_become_a_flood(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "POLL_SECONDS", 60.0)
    monkeypatch.setattr(module, "_LEAST_SECONDS", 0.05)
    pod = Pod(EMPTY)
    task = asyncio.create_task(pod.feed.run())
    loop = asyncio.get_running_loop()
    began = loop.time()
    async with asyncio.timeout(10):
        while len(pod.source.asked) < 5:
            pod.feed.hint()
            await asyncio.sleep(0)
    assert 4 * 0.05 <= loop.time() - began < 9
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


async def test_what_was_never_read_is_asked_for_again_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """A pod is ready when auth answers, not a poll later."""
    monkeypatch.setattr(module, "POLL_SECONDS", 60.0)
    monkeypatch.setattr(module, "_LEAST_SECONDS", 0.01)
    pod = Pod(Unusable("Unreachable"), Unusable("Unreachable"), EMPTY)
    task = asyncio.create_task(pod.feed.run())
    async with asyncio.timeout(10):
        while (await pod.feed.check()).state != "ok":  # noqa: ASYNC110 - that it is current is no event
            await asyncio.sleep(0)
    assert len(pod.source.asked) == 3
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


async def test_it_is_counted() -> None:
    pod = Pod(Page("c1", [_ended("a"), _ended("b")], False), Unusable("TimedOut"))
    await pod.feed.poll()
    await pod.feed.poll()
    pod.clock.now += 3

    def sample(name: str, **labels: str) -> float | None:
        return pod.registry.get_sample_value(name, labels)

    assert sample("novacron_auth_revocations") == 2
    assert sample("novacron_auth_feed_age_seconds") == 3
    assert sample("novacron_auth_feed_polls_total", outcome="ok") == 1
    assert sample("novacron_auth_feed_polls_total", outcome="failed") == 1
