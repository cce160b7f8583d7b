"""The pipe between the event loop and a job's thread: each byte once, in order; little held; an end for either side."""

from __future__ import annotations

import asyncio
import itertools
import threading
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from novacron.ml.service.body import Abandoned, Pipe

pieces = st.lists(st.binary(max_size=300), max_size=30)
sizes = st.lists(st.integers(1, 500), min_size=1, max_size=5)


def _read(pipe: Pipe, sizes: Sequence[int]) -> list[bytes]:
    """As a thread does it: until there is nothing more."""
    found = []
    for size in itertools.cycle(sizes):
        found.append(pipe.read(size) or b"")
        if not found[-1]:
            return found
    raise AssertionError


async def _passed(sent: Sequence[bytes], read: Sequence[int], most: int) -> list[bytes]:
    pipe = Pipe(most)
    reading = asyncio.create_task(asyncio.to_thread(_read, pipe, read))
    for piece in sent:
        await pipe.put(piece)
    pipe.end()
    return await reading


@given(pieces, sizes, st.integers(1, 1000))
def test_every_byte_comes_once_in_order_whatever_the_pieces(
    sent: Sequence[bytes], read: Sequence[int], most: int
) -> None:
    found = asyncio.run(_passed(sent, read, most))
    assert b"".join(found) == b"".join(sent)
    for size, piece in zip(itertools.cycle(read), found[:-2], strict=False):
        assert len(piece) == size  # less only at the end


async def test_a_client_faster_than_the_thread_is_not_read_from() -> None:
    pipe = Pipe(1000)
    taken = 0

    async def send() -> None:
        nonlocal taken
        for _ in range(100):
            await pipe.put(b"x" * 300)
            taken += 300

    sending = asyncio.create_task(send())
    await _settled()
    assert taken == 1200  # the piece that passes the bound is the last
    assert await asyncio.to_thread(pipe.read, 600) == b"x" * 600
    await _settled()
    assert taken == 1800
    assert await asyncio.to_thread(pipe.read, 5000) == b"x" * 5000  # more than is held otherwise
    await _settled()
    assert 600 + 5000 <= taken <= 600 + 5000 + 1000 + 300
    sending.cancel()


async def test_a_thread_that_waits_ends_when_nobody_wants_the_answer() -> None:
    pipe = Pipe(1000)
    reading = asyncio.create_task(asyncio.to_thread(pipe.read, 10))
    await pipe.put(b"x" * 9)
    pipe.abandon()
    with pytest.raises(Abandoned):
        await reading


@pytest.mark.parametrize("ended", [False, True], ids=["in the middle", "after the end"])
async def test_nothing_is_read_of_what_nobody_wants(ended: bool) -> None:
    pipe = Pipe(1000)
    pipe.check()
    await pipe.put(b"x" * 100)
    if ended:
        pipe.end()
    pipe.abandon()
    with pytest.raises(Abandoned):
        pipe.read(10)
    with pytest.raises(Abandoned):
        pipe.check()


async def test_whoever_still_sends_what_nobody_wants_is_let_go() -> None:
    pipe = Pipe(10)
    await pipe.put(b"x" * 20)
    waiting = asyncio.create_task(pipe.put(b"more"))
    await _settled()
    assert not waiting.done()
    pipe.abandon()
    await asyncio.wait_for(waiting, 5)
    for _ in range(1000):
        await pipe.put(b"x" * 1000)
    assert pipe.size == 20


async def test_small_pieces_do_not_wake_the_thread_before_it_has_what_it_wants() -> None:
    pipe = Pipe(10)
    woken = 0
    wait = pipe._changed.wait

    def counted(timeout: float | None = None) -> bool:
        nonlocal woken
        woken += 1
        return wait(timeout)

    pipe._changed.wait = counted  # type: ignore[method-assign]
    reading = asyncio.create_task(asyncio.to_thread(pipe.read, 1000))
    for _ in range(1000):
        await pipe.put(b"x")
    assert await reading == b"x" * 1000
    assert woken <= 1


def test_the_end_of_the_loop_is_no_error_of_the_thread() -> None:
    """The process ends while a thread still reads what came before."""
    held: list[Pipe] = []

    async def fill() -> None:
        pipe = Pipe(1000)
        await pipe.put(b"x" * 500)
        pipe.end()
        held.append(pipe)

    asyncio.run(fill())
    found: list[bytes] = []
    thread = threading.Thread(target=lambda: found.extend(_read(held[0], [200])))
    thread.start()
    thread.join(5)
    assert b"".join(found) == b"x" * 500


async def _settled() -> None:
    """What waits in the loop has run as far as it can."""
    for _ in range(300):
        await asyncio.sleep(0)
