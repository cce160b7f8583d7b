"""A write goes on for as long as this process leads, however long it takes, and not a moment longer."""

from __future__ import annotations

import asyncio

import pytest

from novacron.adapters.credentials import Credentials
from novacron.adapters.kube import Kube, NotLeading


class Lease:
    """Permits so often, then no more."""

    def __init__(self, times: int) -> None:
        self.left = times

    def __call__(self) -> float:
        if self.left == 0:
            raise NotLeading("lost")
        self.left -= 1
        return 0.01


def client(lease: Lease) -> Kube:
    return Kube(Credentials("http://127.0.0.1:1", "x"), permit=lease)


async def test_a_write_that_takes_longer_than_the_lease_goes_on_while_it_is_renewed() -> None:
    lease, finish = Lease(5), asyncio.Event()

    async def request() -> str:
        await finish.wait()
        return "written"

    writing = asyncio.create_task(client(lease)._while_permitted(request()))
    while lease.left > 2:  # noqa: ASYNC110 - the lease has no word for it
        await asyncio.sleep(0.001)
    finish.set()
    assert await writing == "written"


async def test_a_write_ends_when_the_lease_is_lost() -> None:
    cancelled = asyncio.Event()

    async def request() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()

    with pytest.raises(NotLeading):
        await client(Lease(2))._while_permitted(request())
    assert cancelled.is_set(), "a write is in flight after the lease is lost"


async def test_without_the_lease_no_write_begins() -> None:
    begun = False

    async def request() -> None:
        nonlocal begun
        begun = True

    with pytest.raises(NotLeading):
        await client(Lease(0))._while_permitted(request())
    assert not begun
