"""Waiting after failed logins: from the fifth, doubling, bounded, and never for good."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from novacron.auth.domain import backoff
from novacron.auth.domain.backoff import Attempts

MOMENTS = st.floats(0, 2**33, allow_nan=False)


@pytest.mark.parametrize(
    ("count", "seconds"),
    [(0, 0), (1, 0), (4, 0), (5, 1), (6, 2), (7, 4), (14, 512), (15, 900), (16, 900), (10**9, 900)],
)
def test_the_pause(count: int, seconds: int) -> None:
    assert backoff.pause(count) == seconds


def test_the_first_attempts_are_free_and_the_next_one_waits() -> None:
    attempts: Attempts | None = None
    for number in range(1, backoff.FREE + 1):
        attempts, wait = backoff.begun(attempts, 100.0)
        assert (attempts.count, wait) == (number, 0.0)
    assert backoff.begun(attempts, 100.0) == (attempts, 1.0)
    assert backoff.begun(attempts, 100.25) == (attempts, 0.75)
    assert backoff.begun(attempts, 101.0) == (Attempts(6, 101.0), 0.0)


@given(st.integers(1, 10**6), MOMENTS, MOMENTS)
def test_whoever_waits_as_told_may_try(count: int, last: float, now: float) -> None:
    before = Attempts(count, last)
    after, wait = backoff.begun(before, now)
    assert 0 <= wait <= backoff.LONGEST_SECONDS
    if wait:
        assert after == before  # what is refused counts for nothing
        assert backoff.begun(before, max(now, last) + wait + 0.001)[1] == 0.0
    else:
        assert after.last == now
        assert after.count in (1, count + 1)


@given(st.integers(1, 10**6), MOMENTS)
def test_a_count_is_forgotten_after_a_while(count: int, last: float) -> None:
    later = last + backoff.REMEMBERED_SECONDS + 1
    assert backoff.begun(Attempts(count, last), later) == (Attempts(1, later), 0.0)


@given(st.lists(st.floats(0, 2000), max_size=200))
def test_a_guesser_gets_few_attempts(pauses: list[float]) -> None:
    """However it is timed, within an hour no more than the pauses allow."""
    attempts: Attempts | None = None
    now, made, begun_at = 0.0, 0, []
    for pause in pauses:
        now += pause
        attempts, wait = backoff.begun(attempts, now)
        if not wait:
            made += 1
            begun_at.append(now)
    for start in begun_at:
        within = [moment for moment in begun_at if start <= moment < start + backoff.LONGEST_SECONDS]
        assert len(within) <= 2 * (backoff.FREE + 11)
