"""Numbers that come by once: exact while they fit, by a sketch from then on."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from novacron.quantiles.gathered import Gathered, TooMany
from novacron.quantiles.sketches import Kll
from novacron.quantiles.values import InvalidInput
from tests.unit.quantiles.oracle import NUMBERS


@given(st.lists(NUMBERS, min_size=1, max_size=5))
def test_exact_while_they_fit(pieces: list[list[float]]) -> None:
    every = [one for piece in pieces for one in piece]
    gathered = Gathered(None, 8 * len(every))
    for piece in pieces:
        gathered.update(np.array(piece))
    found = gathered.estimates([0, 100])
    assert gathered.count == len(every)
    assert [one.value for one in found] == [min(every), max(every)]
    assert {one.method for one in found} == {"exact"}


def test_more_may_come_after_an_answer() -> None:
    gathered = Gathered(None, 8 * 9000)
    gathered.update(np.arange(5000.0)[::-1])
    assert gathered.estimates([50])[0].value == 2499.5
    gathered.update(np.arange(5000.0, 9000.0))
    assert gathered.estimates([50, 10])[0].value == 4499.5


def test_a_sketch_takes_over_all_that_came_before() -> None:
    numbers = np.random.default_rng(1).normal(size=50_000)
    gathered = Gathered(Kll(), 8 * 20_000)
    for piece in np.split(numbers, 50):
        gathered.update(piece)
    low, middle, high = gathered.estimates([0, 50, 100])
    assert gathered.count == 50_000
    assert (low.value, high.value) == (numbers.min(), numbers.max())
    assert middle.method == "kll"
    assert 0 < middle.error.rank < 0.004
    assert abs((numbers < middle.value).mean() - 0.5) <= middle.error.rank


def test_without_a_sketch_it_is_refused() -> None:
    gathered = Gathered(None, 80)
    gathered.update(np.ones(10))
    with pytest.raises(TooMany, match="more than 10 numbers do not fit into 80 bytes"):
        gathered.update(np.ones(1))


def test_positions_count_from_the_first_of_all() -> None:
    gathered = Gathered(Kll(), 80)
    gathered.update(np.ones(10))
    gathered.update(np.ones(10))
    with pytest.raises(InvalidInput, match=r"values\[21\] is infinite"):
        gathered.update(np.array([1, np.inf]))


def test_nothing_came() -> None:
    with pytest.raises(InvalidInput, match="empty values slice"):
        Gathered(Kll()).estimates([50])
