"""A limit admits what it says, evenly, and its burst; and nobody has to wait for longer than he is told."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from novacron.auth.domain.rate import Rate, admitted, per_minute, wait

RATES = st.builds(Rate, st.integers(1, 100_000), st.integers(1, 1000))
GAPS = st.lists(st.floats(0, 120, allow_subnormal=False), min_size=1, max_size=60)


def _run(rate: Rate, moments: list[float]) -> list[float]:
    """When something was admitted."""
    arrival, passed = float("-inf"), []
    for now in moments:
        if not wait(arrival, now, rate.tolerance):
            arrival = admitted(arrival, now, rate.interval)
            passed.append(now)
    return passed


def _moments(gaps: list[float], start: float = 1000.0) -> list[float]:
    moments = [start]
    for gap in gaps:
        moments.append(moments[-1] + gap)
    return moments


@given(RATES, GAPS)
def test_no_stretch_of_time_sees_more_than_its_share_and_the_burst(rate: Rate, gaps: list[float]) -> None:
    passed = _run(rate, _moments(gaps))
    for first in range(len(passed)):
        for last in range(first, len(passed)):
            seconds = passed[last] - passed[first]
            assert last - first + 1 <= rate.burst + (seconds + 1e-5) / rate.interval + 1e-6


@given(RATES, GAPS)
def test_the_wait_is_long_enough_and_not_longer_than_needed(rate: Rate, gaps: list[float]) -> None:
    arrival = 0.0
    for now in _moments(gaps):
        seconds = wait(arrival, now, rate.tolerance)
        assert seconds <= rate.interval + 1e-5
        if seconds:
            assert wait(arrival, now + seconds, rate.tolerance) == 0.0
            assert wait(arrival, now + seconds - 1e-5, rate.tolerance) > 0.0 or seconds < 1.2e-5
        else:
            arrival = admitted(arrival, now, rate.interval)


@given(RATES)
def test_a_new_client_has_its_whole_burst_and_not_one_more(rate: Rate) -> None:
    assert len(_run(rate, [1000.0] * (rate.burst + 5))) == rate.burst


@given(RATES)
def test_an_even_pace_is_never_refused(rate: Rate) -> None:
    moments = [1000.0 + number * rate.interval * 1.0001 for number in range(200)]
    assert _run(rate, moments) == moments


def test_a_sixth_of_the_minute_may_come_at_once() -> None:
    assert (per_minute(100), per_minute(60), per_minute(1)) == (Rate(100, 17), Rate(60, 10), Rate(1, 1))


@pytest.mark.parametrize(("requests", "burst"), [(0, 1), (1, 0), (-5, 3)])
def test_a_limit_of_nothing_is_refused(requests: int, burst: int) -> None:
    with pytest.raises(ValueError, match="at least 1"):
        Rate(requests, burst)
