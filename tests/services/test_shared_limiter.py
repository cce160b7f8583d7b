"""Limits that pods share, on a real Redis: one count for all of them, by one clock, and what is left without it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import pytest
from prometheus_client import CollectorRegistry

from novacron.adapters import redis as adapter
from novacron.auth.domain.rate import Rate
from novacron.auth.service.shared_limiter import SharedLimiter, Verdict
from novacron.auth.service.wall_metrics import WallMetrics
from tests.support.certificates import Authority
from tests.support.redis_server import RedisServer

PREFIX = "novacron:test:limits:"


@pytest.fixture(scope="module")
def server(authority: Authority) -> Iterator[RedisServer]:
    """One of its own, which tests stop."""
    with RedisServer(authority, "", tls=False) as running:
        yield running


@pytest.fixture(autouse=True)
def empty(server: RedisServer) -> None:
    server.command("FLUSHALL")


class Pod:
    """One process' limiter."""

    def __init__(self, store: adapter.Redis, **rates: Rate) -> None:
        self.registry = CollectorRegistry()
        self.limiter = SharedLimiter(store, PREFIX, rates, WallMetrics(self.registry))

    async def check(self, key: str = "192.0.2.1", what: str = "login") -> Verdict:
        return await self.limiter.check(what, key)

    async def passed(self, times: int, key: str = "192.0.2.1") -> int:
        return sum([(await self.check(key)).allowed for _ in range(times)])

    def fallbacks(self) -> float:
        return self.registry.get_sample_value("novacron_auth_shared_limit_fallback_total") or 0.0


@asynccontextmanager
async def pods(server: RedisServer, number: int, **rates: Rate) -> AsyncIterator[list[Pod]]:
    stores = [adapter.Redis(adapter.Server("127.0.0.1", server.port, False)) for _ in range(number)]
    for store in stores:
        await store.adopt(adapter.Login())
    try:
        yield [Pod(store, **rates) for store in stores]
    finally:
        for store in stores:
            await store.close()


async def test_two_pods_share_one_limit(server: RedisServer) -> None:
    async with pods(server, 2, login=Rate(6, 3)) as (first, second):
        assert [await first.passed(2), await second.passed(2)] == [2, 1]
        verdict = await first.check()
        assert 9.0 < verdict.retry_after <= 10.0
        assert await second.passed(1, "192.0.2.2") == 1
        assert (first.fallbacks(), second.fallbacks()) == (0, 0)


async def test_at_once_from_both_no_more_get_through(server: RedisServer) -> None:
    async with pods(server, 2, login=Rate(1, 20)) as both:
        verdicts = await asyncio.gather(*(pod.check() for pod in both for _ in range(40)))
        assert sum(verdict.allowed for verdict in verdicts) == 20


async def test_whoever_waits_as_told_is_let_through(server: RedisServer) -> None:
    async with pods(server, 1, login=Rate(200, 1)) as (pod,):
        assert (await pod.check()).allowed
        verdict = await pod.check()
        assert 0 < verdict.retry_after <= 0.3
        await asyncio.sleep(verdict.retry_after + 0.01)  # the time that it names is what this test is about
        assert (await pod.check()).allowed


async def test_names_end_by_themselves_and_hold_nothing_in_clear(server: RedisServer) -> None:
    async with pods(server, 1, login=Rate(60, 5)) as (pod,):
        await pod.check("someone@example.com")
        (name,) = server.command("KEYS", "*")
        assert name.startswith(f"{PREFIX}limit:login:")
        assert "example" not in name
        assert 0 < server.command("PTTL", name) <= 1000


async def test_a_redis_that_lost_the_script_gets_it_again(server: RedisServer) -> None:
    async with pods(server, 1, login=Rate(60, 5)) as (pod,):
        assert (await pod.check()).allowed
        server.command("SCRIPT", "FLUSH")
        assert (await pod.check()).allowed
        assert pod.fallbacks() == 0


async def test_without_redis_each_pod_stands_alone_and_goes_on_from_what_was(server: RedisServer) -> None:
    async with pods(server, 2, login=Rate(6, 4)) as (first, second):
        assert await first.passed(3) == 3
        server.stop()
        try:
            assert [await first.passed(5), await second.passed(5)] == [1, 4]
            assert first.fallbacks() == 1  # what the pod refuses by itself asks nobody
            assert second.fallbacks() == 4
        finally:
            server.start()
        await _until_shared(first, server)


async def test_redis_that_hangs_is_not_waited_for_again_and_again(server: RedisServer) -> None:
    """It accepts connections and says nothing: the worst kind of outage."""
    silent = await asyncio.start_server(lambda _reader, _writer: None, "127.0.0.1", 0)
    store = adapter.Redis(adapter.Server("127.0.0.1", silent.sockets[0].getsockname()[1], False))
    await store.adopt(adapter.Login())
    pod = Pod(store, login=Rate(60_000, 10_000))
    began = time.monotonic()
    verdicts = [await pod.check() for _ in range(200)]
    assert all(verdict.allowed for verdict in verdicts)
    assert time.monotonic() - began < 0.9  # one wait of 0.25 s
    assert pod.fallbacks() == 200
    await store.close()
    silent.close()


async def test_a_user_without_rights_to_scripts_is_told_and_the_wall_stands(server: RedisServer) -> None:
    server.command("ACL", "SETUSER", "bare", "on", ">bare", "~*", "+get", "+set")
    store = adapter.Redis(adapter.Server("127.0.0.1", server.port, False))
    await store.adopt(adapter.Login("bare", "bare"))
    pod = Pod(store, login=Rate(6, 2))
    assert await pod.passed(4) == 2
    assert pod.fallbacks() == 2
    await store.close()


async def _until_shared(pod: Pod, server: RedisServer) -> None:
    """Until Redis counts again."""
    async with asyncio.timeout(10):
        while not server.command("KEYS", "*"):
            await pod.check("another")
            await asyncio.sleep(0.05)
    before = pod.fallbacks()
    assert (await pod.check("a third")).allowed
    assert pod.fallbacks() == before
