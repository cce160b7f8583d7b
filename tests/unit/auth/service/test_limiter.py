"""The wall in the process: each network for itself, in bounded memory, and what the bound does not give away."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from novacron.auth.domain.rate import Rate, per_minute
from novacron.auth.service.limiter import Limiter


class Clock:
    """Seconds that tests let pass."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_each_network_has_its_own_allowance() -> None:
    limiter = Limiter(Rate(60, 2), Clock())
    assert [limiter.check("a") for _ in range(3)] == [0.0, 0.0, 1.0]
    assert limiter.check("b") == 0.0


def test_a_refused_request_costs_nothing() -> None:
    clock = Clock()
    limiter = Limiter(Rate(60, 1), clock)
    assert limiter.check("a") == 0.0
    assert [limiter.check("a") for _ in range(100)] == [1.0] * 100
    clock.now += 1.0
    assert limiter.check("a") == 0.0


def test_asking_counts_nothing() -> None:
    limiter = Limiter(Rate(60, 1), Clock())
    assert [limiter.wait("a") for _ in range(3)] == [0.0] * 3
    limiter.check("a")
    assert limiter.wait("a") == 1.0


def test_memory_is_bounded_and_the_one_seen_longest_ago_goes_first() -> None:
    limiter = Limiter(Rate(1, 1), Clock(), most=3)
    for key in ("a", "b", "c"):
        limiter.check(key)
    assert limiter.check("a") > 0  # refused, and seen
    limiter.check("d")
    assert len(limiter) == 3
    assert limiter.wait("a") > 0
    assert limiter.wait("b") == 0.0


@given(st.integers(1, 40), st.floats(1.0, 100.0))
def test_many_networks_get_no_more_together_than_each_for_itself(extra: int, per_second: float) -> None:
    """More networks than are remembered take turns, at no more than what the bound is worth: nobody gains by it."""
    clock, rate, most = Clock(), per_minute(60), 20
    limiter = Limiter(rate, clock, most)
    networks, pace = most + extra, min(per_second, most * rate.per_minute / 60)
    passed = dict.fromkeys(range(networks), 0)
    turns = 30
    for turn in range(turns * networks):
        passed[turn % networks] += not limiter.check(str(turn % networks))
        clock.now += 1 / pace
    seconds = turns * networks / pace
    assert max(passed.values()) <= rate.burst + seconds / rate.interval + 1
