"""The arithmetic of right-sizing: what must hold of any history of kills, whatever the sizes."""

from __future__ import annotations

import dataclasses
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from novacron.ml.domain import sizing
from novacron.ml.domain.sizing import COOL_DOWN, STEP, Sight, Verdict

MI = 1 << 20
sizes = st.integers(1, 1 << 50)
tried = st.none() | st.floats(-60, 1e6)


@st.composite
def sights(draw: st.DrawFn) -> Sight:
    limit = draw(sizes)
    bound = draw(sizes | st.just(limit) | st.integers(limit, 2 * limit))
    return Sight(limit, bound, draw(st.booleans()), draw(st.booleans()), draw(st.booleans()), draw(tried))


@given(sizes)
def test_the_next_limit_is_whole_and_half_as_much_again_and_less_than_a_step_more(limit: int) -> None:
    following = sizing.following(limit)
    assert following % STEP == 0
    assert 0 <= 2 * following - 3 * limit < 2 * STEP


@pytest.mark.parametrize(
    ("limit", "following"),
    [(1, 16), (64, 96), (128, 192), (192, 288), (500, 752), (4096, 6144), (16384, 24576)],
)
def test_steps_in_mebibytes(limit: int, following: int) -> None:
    assert sizing.following(limit * MI) == following * MI


@given(sights())
def test_the_limit_never_shrinks_and_is_never_raised_above_its_bound(sight: Sight) -> None:
    step = sizing.judged(sight)
    assert step.limit >= sight.limit
    if step.verdict in (Verdict.GROWING, Verdict.WAITING):
        assert sight.limit < step.limit <= sight.bound


@given(sights())
def test_it_grows_only_by_itself_and_over_what_happened_under_it_and_after_it_was_tried(sight: Sight) -> None:
    grows = sizing.judged(sight).verdict is Verdict.GROWING
    tried_enough = sight.tried is not None and sight.tried >= COOL_DOWN
    assert grows == (sight.short and sight.allowed and tried_enough and sight.limit < sight.bound)


@given(sights())
def test_what_waits_knows_when_its_time_comes(sight: Sight) -> None:
    step = sizing.judged(sight)
    if step.verdict is not Verdict.WAITING:
        return
    if sight.tried is None:
        assert step.seconds == math.inf
        return
    assert sight.tried + step.seconds == pytest.approx(COOL_DOWN)
    later = dataclasses.replace(sight, tried=COOL_DOWN)
    assert sizing.judged(later).verdict is Verdict.GROWING
    assert sizing.judged(later).limit == step.limit


@given(sights())
def test_nothing_but_growing_and_waiting_asks_for_another_look(sight: Sight) -> None:
    step = sizing.judged(sight)
    assert (step.seconds < math.inf) == (
        step.verdict is Verdict.GROWING or (step.verdict is Verdict.WAITING and sight.tried is not None)
    )


@given(sizes, st.integers(1, 1 << 50))
def test_kill_after_kill_it_reaches_the_bound_soon_and_stops_exactly_there(limit: int, more: int) -> None:
    bound, kills = limit + more, 0
    while (step := sizing.judged(Sight(limit, bound, True, True, False, COOL_DOWN))).verdict is Verdict.GROWING:
        assert step.limit > limit
        limit, kills = step.limit, kills + 1
        assert kills < 100
    assert (step.verdict, limit) == (Verdict.STOPPED, bound)


@given(sizes, st.none() | sizes, sizes)
def test_the_limit_of_the_pods_is_what_was_learned_within_the_bound_and_never_less_than_what_was_given(
    limit: int, learned: int | None, bound: int
) -> None:
    found = sizing.effective(limit, learned, bound)
    assert found >= limit
    assert found in {limit, learned, bound}
    assert found == limit or found <= bound
    if learned is not None and learned <= bound:
        assert found == max(limit, learned)


def test_the_limit_of_the_pods_follows_a_bound_that_is_lowered_and_raised_again() -> None:
    assert [sizing.effective(128, 288, bound) for bound in (512, 288, 200, 100, 512)] == [288, 288, 200, 128, 288]


@given(sights())
def test_without_kills_there_is_nothing_to_do(sight: Sight) -> None:
    quiet = sizing.judged(dataclasses.replace(sight, short=False))
    assert quiet.limit == sight.limit
    assert quiet.verdict is (Verdict.ROLLING if sight.smaller else Verdict.ADEQUATE)


@given(sights())
def test_switched_off_it_only_says_what_would_help(sight: Sight) -> None:
    step = sizing.judged(dataclasses.replace(sight, allowed=False, short=True))
    assert (step.verdict, step.limit) == (Verdict.SHORT, sizing.following(sight.limit))
