"""Hashing in threads: the same work for nobody, a bounded queue, and places that come back."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator

import pytest
from argon2 import PasswordHasher

from novacron.auth.service.passwords import Busy, Passwords, Verified

PARAMETERS = "$argon2id$v=19$m=19456,t=2,p=1$"


@contextlib.asynccontextmanager
async def opened(threads: int = 1) -> AsyncIterator[Passwords]:
    passwords = Passwords(threads, lambda: None)
    running = asyncio.create_task(passwords.run())
    await asyncio.sleep(0)
    yield passwords
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_a_password_is_the_one_or_is_not() -> None:
    async with opened() as passwords:
        stored = await passwords.hashed("several words in a row")
        assert stored.startswith(PARAMETERS)
        assert await passwords.verified(stored, "several words in a row") == Verified(True, outdated=False)
        assert await passwords.verified(stored, "several words in a Row") == Verified(False)
        assert stored != await passwords.hashed("several words in a row")


async def test_other_parameters_are_told_to_whoever_knows_the_password() -> None:
    stored = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash("several words in a row")
    async with opened() as passwords:
        assert await passwords.verified(stored, "several words in a row") == Verified(True, outdated=True)
        assert await passwords.verified(stored, "other words") == Verified(False)


async def test_a_stored_hash_that_is_none_is_no_password() -> None:
    async with opened() as passwords:
        assert await passwords.verified("!", "anything") == Verified(False)


async def test_nobody_costs_the_same_work(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []
    verify = PasswordHasher.verify

    def spied(self: PasswordHasher, hash: str | bytes, password: str | bytes) -> bool:  # noqa: A002 - its name there
        seen.append(str(hash))
        return bool(verify(self, hash, password))

    monkeypatch.setattr(PasswordHasher, "verify", spied)
    async with opened() as passwords:
        stored = await passwords.hashed("several words in a row")
        await passwords.verified(stored, "other words")
        assert await passwords.verified(None, "other words") == Verified(False)
    assert [hash_.startswith(PARAMETERS) for hash_ in seen] == [True, True]


async def test_who_comes_too_late_is_told_at_once_and_places_come_back(monkeypatch: pytest.MonkeyPatch) -> None:
    go = threading.Event()
    monkeypatch.setattr(PasswordHasher, "hash", lambda _self, _password: str(go.wait(20)))
    go.set()
    async with opened() as passwords:
        go.clear()
        running = [asyncio.create_task(passwords.hashed("x")) for _ in range(17)]
        await asyncio.sleep(0)
        with pytest.raises(Busy):
            await passwords.hashed("x")
        running.pop().cancel()  # never begun: its place is free
        await asyncio.sleep(0)
        running.append(asyncio.create_task(passwords.hashed("x")))
        await asyncio.sleep(0)
        with pytest.raises(Busy):
            await passwords.hashed("x")
        running[0].cancel()  # begun: its thread is still at it
        await asyncio.sleep(0)
        with pytest.raises(Busy):
            await passwords.hashed("x")
        go.set()
        await asyncio.gather(*running, return_exceptions=True)
        assert await passwords.hashed("x") == "True"
