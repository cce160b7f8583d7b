from __future__ import annotations

import asyncio

from novacron.stack.queue import Key, Priority, WorkQueue

_A, _B, _C = ("n", "a"), ("n", "b"), ("n", "c")


class _Time:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def _queue(time: _Time) -> WorkQueue:
    return WorkQueue(time, lambda: 1.0)


async def _take(queue: WorkQueue) -> Key:
    async with asyncio.timeout(5):
        key, _ = await queue.get()
    return key


async def _nothing_ready(queue: WorkQueue) -> bool:
    waiting = asyncio.ensure_future(queue.get())
    for _ in range(10):
        await asyncio.sleep(0)
    done = waiting.done()
    waiting.cancel()
    return not done


async def test_a_key_waits_at_most_once() -> None:
    queue = _queue(_Time())
    for _ in range(3):
        queue.add(_A, Priority.CHILD)
    assert await _take(queue) == _A
    queue.done(_A)
    assert await _nothing_ready(queue)


async def test_user_edits_go_before_child_events_before_resync() -> None:
    queue = _queue(_Time())
    queue.add(_C, Priority.RESYNC)
    queue.add(_B, Priority.CHILD)
    queue.add(_A, Priority.USER)
    assert [await _take(queue) for _ in range(3)] == [_A, _B, _C]


async def test_a_key_is_worked_on_by_one_worker_at_a_time() -> None:
    queue = _queue(_Time())
    queue.add(_A, Priority.USER)
    assert await _take(queue) == _A
    queue.add(_A, Priority.USER)
    assert await _nothing_ready(queue)
    queue.done(_A)
    assert await _take(queue) == _A


async def test_a_delayed_key_waits_for_its_time() -> None:
    time = _Time()
    queue = _queue(time)
    queue.add(_A, Priority.RESYNC, after=10)
    assert await _nothing_ready(queue)
    time.now += 10
    assert await _take(queue) == _A


async def test_the_sooner_and_more_urgent_request_wins() -> None:
    time = _Time()
    queue = _queue(time)
    queue.add(_A, Priority.RESYNC, after=600)
    queue.add(_A, Priority.USER)
    queue.add(_A, Priority.CHILD, after=30)
    assert await _take(queue) == _A
    queue.done(_A)
    time.now += 1000
    assert await _nothing_ready(queue)


async def test_backoff_doubles_to_a_cap_and_ends_with_success() -> None:
    queue = _queue(_Time())
    assert [queue.retry(_A) for _ in range(4)] == [0.5, 1.0, 2.0, 4.0]
    assert [queue.retry(_A) for _ in range(10)][-1] == 60.0
    queue.succeeded(_A)
    assert queue.retry(_A) == 0.5
    assert queue.retry(_A, at_least=30) == 30


async def test_oldest_counts_from_when_a_key_was_due() -> None:
    time = _Time()
    queue = _queue(time)
    queue.add(_A, Priority.RESYNC, after=5)
    time.now += 4
    assert queue.oldest() == 0
    time.now += 4
    assert queue.oldest() == 3


async def test_a_sleeping_worker_wakes_for_a_new_key() -> None:
    queue = _queue(_Time())
    waiting = asyncio.ensure_future(_take(queue))
    await asyncio.sleep(0)
    queue.add(_A, Priority.USER)
    assert await waiting == _A


async def test_what_somebody_undoes_at_once_waits_but_a_users_edit_does_not() -> None:
    time = _Time()
    queue = _queue(time)
    queue.hold(_A, 30)
    queue.add(_A, Priority.CHILD, 0.2)
    time.now += 1
    assert await _nothing_ready(queue)
    queue.add(_A, Priority.USER)
    assert await _take(queue) == _A


def test_the_delay_that_the_server_asks_for_is_the_least() -> None:
    assert WorkQueue(_Time(), lambda: 0.8).retry(_A, at_least=30) == 30


async def test_a_new_leader_begins_with_an_empty_queue() -> None:
    time = _Time()
    queue = _queue(time)
    queue.add(_A, Priority.CHILD)
    time.now += 10_000
    queue.clear()
    queue.add(_A, Priority.RESYNC)
    assert (queue.depth(), queue.oldest()) == (1, 0.0)
