"""Answers that are given again: for how long, how many, and to how many at once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from prometheus_client import CollectorRegistry
from starlette.requests import Request

from novacron.query.service.cache import Answer, Cache
from novacron.query.service.counts import CacheCounts
from novacron.workload.service.answers import Unavailable
from novacron.workload.service.representation import Representation

NOW = datetime(2026, 3, 29, 12, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)


class Bench:
    """A cache with a clock of its own, and a database that answers when it is told to."""

    def __init__(self, seconds: float = 30, most_bytes: int = 1000) -> None:
        self.time = 1000.0
        self.registry = CollectorRegistry()
        self.cache = Cache(seconds, CacheCounts(self.registry), most_bytes, lambda: self.time)
        self.asked = 0
        self.begun = asyncio.Event()
        self.may_answer = asyncio.Event()
        self.may_answer.set()

    def ask(self, size: int = 10, as_of: datetime = NOW) -> Callable[[], Coroutine[Any, Any, Answer]]:
        async def asked() -> Answer:
            self.asked += 1
            self.begun.set()
            number = self.asked
            await self.may_answer.wait()
            return Answer(as_of, Representation(f"{number}".encode().ljust(size)))

        return asked

    async def get(self, key: str = "key", oldest: datetime | None = None, **how: Any) -> int:
        """The number of the question that was answered."""
        found = await self.cache.answer(key, oldest, self.ask(**how))
        return int(found.representation.content)

    def counted(self) -> tuple[int, int, int, int]:
        """Hits, misses, shared, bytes."""

        def counter(outcome: str) -> int:
            name = "novacron_query_cache_requests_total"
            return int(self.registry.get_sample_value(name, {"outcome": outcome}) or 0)

        size = int(self.registry.get_sample_value("novacron_query_cache_bytes") or 0)
        hits, misses, shared = (counter(outcome) for outcome in ("hit", "miss", "shared"))
        return hits, misses, shared, size


async def test_an_answer_is_given_again_for_its_time_from_when_it_was_asked_for() -> None:
    bench = Bench(seconds=30)
    bench.may_answer.clear()
    first = asyncio.create_task(bench.get())
    await asyncio.sleep(0)
    bench.time += 20  # the database took so long
    bench.may_answer.set()
    assert await first == 1
    bench.time += 9.9
    assert await bench.get() == 1
    bench.time += 0.1
    assert await bench.get() == 2
    assert bench.counted() == (1, 2, 0, 10)


async def test_each_key_has_its_own() -> None:
    bench = Bench()
    assert [await bench.get(key) for key in ("a", "b", "a", "b")] == [1, 2, 1, 2]


async def test_who_asks_meanwhile_waits_for_the_same_answer() -> None:
    bench = Bench()
    bench.may_answer.clear()
    waiting = [asyncio.create_task(bench.get()) for _ in range(50)]
    await asyncio.sleep(0)
    bench.may_answer.set()
    assert await asyncio.gather(*waiting) == [1] * 50
    assert bench.counted() == (0, 1, 49, 10)


async def test_the_others_are_answered_when_the_first_hangs_up() -> None:
    bench = Bench()
    bench.may_answer.clear()
    leader, *others = [asyncio.create_task(bench.get()) for _ in range(3)]
    await asyncio.sleep(0)
    leader.cancel()
    with pytest.raises(asyncio.CancelledError):
        await leader
    bench.may_answer.set()
    assert await asyncio.gather(*others) == [1, 1]
    assert await bench.get() == 1
    assert bench.asked == 1


async def test_what_nobody_waits_for_any_more_is_kept() -> None:
    bench = Bench()
    bench.may_answer.clear()
    leader = asyncio.create_task(bench.get())
    await asyncio.sleep(0)
    leader.cancel()
    await asyncio.wait([leader])
    bench.may_answer.set()
    assert await bench.get() == 1


async def test_a_failure_is_everybodys_and_is_not_kept() -> None:
    bench = Bench()
    failing = asyncio.Event()

    async def fails() -> Answer:
        await failing.wait()
        raise Unavailable("TimedOut")

    waiting = [asyncio.create_task(bench.cache.answer("key", None, fails)) for _ in range(3)]
    await asyncio.sleep(0)
    failing.set()
    found = await asyncio.gather(*waiting, return_exceptions=True)
    assert [type(one) for one in found] == [Unavailable] * 3
    assert await bench.get() == 1
    assert bench.counted()[3] == 10


async def test_an_answer_of_before_is_no_answer() -> None:
    bench = Bench()
    assert await bench.get(as_of=NOW) == 1
    assert await bench.get(oldest=NOW) == 1
    assert await bench.get(oldest=NOW + SECOND, as_of=NOW + SECOND) == 2
    assert await bench.get(oldest=NOW + SECOND) == 2
    assert bench.counted() == (2, 2, 0, 10)


async def test_who_waits_for_one_of_before_asks_anew() -> None:
    bench = Bench()
    bench.may_answer.clear()
    first = asyncio.create_task(bench.get(as_of=NOW))
    second = asyncio.create_task(bench.get(oldest=NOW + SECOND, as_of=NOW + SECOND))
    await asyncio.sleep(0)
    bench.may_answer.set()
    assert (await first, await second) == (1, 2)
    assert bench.counted() == (0, 2, 0, 10)


async def test_no_more_is_kept_than_fits() -> None:
    bench = Bench(most_bytes=100)
    for key in "abc":
        await bench.get(key, size=40)
    assert bench.counted()[3] == 80
    assert [await bench.get(key, size=40) for key in "bca"] == [2, 3, 4]
    assert await bench.get("large", size=101) == 5
    assert bench.counted()[3] == 0
    assert await bench.get("large", size=101) == 6


async def test_what_has_ended_makes_room() -> None:
    bench = Bench(seconds=30)
    await bench.get("a", size=40)
    bench.time += 30
    await bench.get("b", size=10)
    assert bench.counted()[3] == 10


async def test_a_compressed_form_counts_from_when_it_was_made() -> None:
    bench = Bench(most_bytes=4100)
    await bench.get("a", size=100)
    found = await bench.cache.answer("b", None, bench.ask(size=4000))
    assert bench.counted()[3] == 4100
    await found.representation.answer(
        Request({"type": "http", "method": "GET", "headers": [(b"accept-encoding", b"gzip")]})
    )
    bench.cache.weigh("b")
    compressed = found.representation.size - 4000
    assert 0 < compressed < 100
    assert bench.counted()[3] == 4000 + compressed
    bench.cache.weigh("gone")
    assert [await bench.get("b"), await bench.get("a")] == [2, 3]


async def test_without_a_time_only_those_who_wait_share() -> None:
    bench = Bench(seconds=0)
    assert await asyncio.gather(*[bench.get() for _ in range(3)]) == [1, 1, 1]
    assert await bench.get() == 2
    assert bench.counted() == (0, 2, 2, 0)


async def test_whoever_comes_as_an_older_answer_lands_does_not_wait_for_ever() -> None:
    """In the same turn of the event loop: the answer is there, and still on the list of those that are waited for."""
    bench = Bench()
    bench.may_answer.clear()
    leader = asyncio.create_task(bench.get())
    await bench.begun.wait()
    bench.may_answer.set()
    later = asyncio.create_task(bench.get(oldest=NOW + SECOND, as_of=NOW + 2 * SECOND))
    async with asyncio.timeout(5):
        assert (await leader, await later) == (1, 2)
