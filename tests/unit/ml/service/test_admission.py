"""Places for jobs: never too many, none lost, first come first served, and nobody shut out by another organization."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from novacron.ml.domain.shares import Shares
from novacron.ml.service.admission import Admission, Full, Place

moves = st.lists(
    st.one_of(
        st.tuples(st.just("enter"), st.sampled_from(["a", "b", None])),
        st.tuples(st.just("leave"), st.integers(0, 20)),
        st.tuples(st.just("go"), st.integers(0, 20)),
    ),
    max_size=60,
)


def _admission(places: int = 2, waiting: int = 4, seconds: float = 60.0, disk: int = 1000) -> Admission:
    return Admission(places, Shares(disk, places), waiting, seconds)


async def _settled() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


@settings(deadline=None)
@given(moves, st.integers(1, 4), st.integers(0, 5))
def test_whatever_comes_and_goes_no_place_is_lost_or_given_twice(
    moves: list[tuple[str, object]], places: int, waiting: int
) -> None:
    async def played() -> None:
        admission = _admission(places, waiting)
        asking: list[asyncio.Task[Place]] = []
        held: list[Place] = []
        for move, what in moves:
            if move == "enter":
                asking.append(asyncio.create_task(admission.enter(what)))  # type: ignore[arg-type]
            elif move == "leave" and held:
                admission.leave(held.pop(int(str(what)) % len(held)))
            elif move == "go" and asking:
                asking.pop(int(str(what)) % len(asking)).cancel()
            await _settled()
            for task in [task for task in asking if task.done()]:
                asking.remove(task)
                if task.exception() is None:
                    held.append(task.result())
                else:
                    assert isinstance(task.exception(), Full)
            _check(admission, held, asking)
        for place in held:
            admission.leave(place)
        for task in asking:
            task.cancel()
        await asyncio.gather(*asking, return_exceptions=True)

    asyncio.run(played())


def _check(admission: Admission, held: list[Place], asking: list[asyncio.Task[Place]]) -> None:
    of_each = Counter(place.organization for place in held)
    most = max(1, admission.places - 1)
    assert admission.running == len(held) <= admission.places
    assert all(number <= most for number in of_each.values())
    assert admission.waiting == len(asking) <= admission.most_waiting
    if asking:  # whoever waits does so for a reason
        assert len(held) == admission.places or max(of_each.values()) == most


async def test_a_place_that_comes_when_nobody_wants_it_any_more_goes_to_the_next() -> None:
    admission = _admission(places=1)
    place = await admission.enter("a")
    first, second = (asyncio.create_task(admission.enter("b")) for _ in range(2))
    await _settled()
    admission.leave(place)
    first.cancel()  # it has the place, and does not know yet
    assert (await asyncio.wait_for(second, 5)).organization == "b"
    assert (admission.running, admission.waiting, first.cancelled()) == (1, 0, True)


async def test_who_waits_too_long_is_told_to_come_again() -> None:
    admission = _admission(places=1, seconds=0.05)
    place = await admission.enter("a")
    with pytest.raises(Full, match=r"none of the 1 jobs that run ended within 0\.05 s"):
        await admission.enter("a")
    assert admission.waiting == 0
    admission.leave(place)
    await admission.enter("a")


async def test_a_queue_is_not_endless() -> None:
    admission = _admission(places=1, waiting=1)
    await admission.enter("a")
    waiting = asyncio.create_task(admission.enter("a"))
    await _settled()
    with pytest.raises(Full, match="1 jobs run and 1 wait already"):
        await admission.enter("b")
    waiting.cancel()


async def test_one_organization_leaves_a_place_to_others() -> None:
    admission = _admission(places=3)
    for _ in range(2):
        await admission.enter("a")
    waiting = asyncio.create_task(admission.enter("a"))
    await _settled()
    other = await admission.enter("b")  # past the one who waits for his own
    admission.leave(other)
    await _settled()
    assert not waiting.done()
    waiting.cancel()


async def test_a_job_that_has_the_whole_disk_makes_others_wait_for_it() -> None:
    admission = _admission(places=2, disk=1000)
    place = await admission.enter("a")
    place.share.take(501)
    waiting = asyncio.create_task(admission.enter("b"))
    await _settled()
    assert not waiting.done()
    place.share.give(1)
    newcomer = asyncio.create_task(admission.enter("c"))
    assert (await asyncio.wait_for(waiting, 5)).organization == "b"
    newcomer.cancel()
