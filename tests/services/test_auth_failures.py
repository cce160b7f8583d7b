"""Failed logins in a real Redis: its script does what the rule says, and without Redis each pod does."""

from __future__ import annotations

import hashlib
import time
from collections.abc import AsyncIterator

import pytest

from novacron.auth.domain import backoff
from novacron.auth.domain.backoff import Attempts
from novacron.auth.service.failures import FailedLogins
from novacron.workload.service import redis
from tests.services.conftest import RedisAccount
from tests.services.stores import found, opened
from tests.support.redis_server import RedisServer

AWAY: list[int] = []


@pytest.fixture
async def failures(redis_server: RedisServer, redis_account: RedisAccount) -> AsyncIterator[FailedLogins]:
    async with opened(redis.opened, redis=redis_account.settings(redis_server)) as (commands, dependency):
        assert (await found(dependency)).state == "ok"
        redis_server.command("FLUSHALL")
        AWAY.clear()
        yield FailedLogins(commands, "prefix:", lambda: AWAY.append(1))


def put(server: RedisServer, key: str, count: int, age: float) -> None:
    server.command("HSET", key, "count", str(count), "last", f"{time.time() - age:.6f}")


@pytest.mark.parametrize("count", [1, 4, 5, 6, 10, 14, 15, 16, 1000])
@pytest.mark.parametrize("age", [0.0, 1.5, 100.0, 898.0, 902.0, -50.0])
async def test_redis_and_the_rule_agree(
    failures: FailedLogins, redis_server: RedisServer, count: int, age: float
) -> None:
    key = failures.key("someone@example.invalid", "192.0.2.1")
    put(redis_server, key, count, age)
    expected = backoff.begun(Attempts(count, 1000.0 - age), 1000.0)[1]
    wait = await failures.begin(key)
    assert abs(wait - expected) < 0.5
    assert int(redis_server.command("HGET", key, "count")) == count + (not expected)
    assert not AWAY


async def test_a_count_is_forgotten(failures: FailedLogins, redis_server: RedisServer) -> None:
    key = failures.key("someone@example.invalid", "192.0.2.1")
    assert await failures.begin(key) == 0
    assert 0 < redis_server.command("TTL", key) <= backoff.REMEMBERED_SECONDS
    await failures.succeeded(key)
    assert redis_server.command("EXISTS", key) == 0


async def test_what_could_not_be_judged_is_taken_back(failures: FailedLogins, redis_server: RedisServer) -> None:
    key = failures.key("someone@example.invalid", "192.0.2.1")
    for _ in range(20):
        assert await failures.begin(key) == 0
        await failures.taken_back(key)
    assert redis_server.command("HGET", key, "count") == "0"
    await failures.taken_back(failures.key("somebody else", "192.0.2.1"))
    assert len(redis_server.command("KEYS", "*")) == 1


def test_a_key_says_nothing(redis_server: RedisServer) -> None:
    class Nothing:
        client = None

    failures = FailedLogins(Nothing(), "prefix:", lambda: None)  # type: ignore[arg-type]
    key = failures.key("someone@example.invalid", "192.0.2.1")
    assert key == "prefix:login:" + hashlib.sha256(b"someone@example.invalid\x00192.0.2.1").hexdigest()
    assert key != failures.key("someone@example.invalid1", "92.0.2.1")


async def test_without_redis_each_pod_counts_by_itself(
    failures: FailedLogins, redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = failures.key("someone@example.invalid", "192.0.2.1")
    redis_server.stop()
    try:
        for _ in range(backoff.FREE):
            assert await failures.begin(key) == 0
        assert 0 < await failures.begin(key) <= 1
        assert AWAY
        await failures.succeeded(key)
        assert await failures.begin(key) == 0
        await failures.taken_back(key)
        monkeypatch.setattr("novacron.auth.service.failures._MOST", 3)
        for number in range(10):
            await failures.begin(failures.key("someone", str(number)))
        assert len(failures._own) == 3
    finally:
        redis_server.start()
    monkeypatch.setattr("novacron.auth.service.failures._AWAY_SECONDS", 0.0)
    failures._asked_again = 0.0
    before = len(AWAY)
    assert await failures.begin(key) == 0
    assert len(AWAY) == before
    assert redis_server.command("EXISTS", key) == 1
