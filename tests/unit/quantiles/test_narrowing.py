"""Passes that narrow: bins keep the order of numbers, whatever is rounded, and the end is certain."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from novacron.quantiles.narrowing import Narrowing
from novacron.quantiles.ordering import Even, Ordered, Range, Workspace, key, number
from tests.unit.quantiles.oracle import ANY, NUMBERS

_NEAR = st.integers(0, 40).map(lambda steps: float(np.float64(1e9) + steps * np.spacing(1e9)))
LISTS = st.one_of(NUMBERS, st.lists(_NEAR, min_size=1, max_size=60))


@given(LISTS, st.sampled_from([2, 4, 16, 1 << 14]), st.sampled_from([0, 3, 20]), st.integers(1, 60))
def test_every_place_in_any_numbers_with_few_bins_and_little_memory(
    numbers: list[float], bins: int, most: int, size: int
) -> None:
    array, count = np.array(numbers), len(numbers)
    asked = [one for one in np.linspace(0, 100, count).tolist() if (one / 100 * (count - 1)).is_integer()]
    narrowing = Narrowing(count, min(numbers), max(numbers), asked, most, bins)
    passes = 0
    while not narrowing.done:
        for begun in range(0, count, size):
            narrowing.look(array[begun : begun + size])
        narrowing.turn()
        passes += 1
    assert narrowing.values() == [sorted(numbers)[int(one / 100 * (count - 1))] for one in asked]
    assert passes <= 66


@given(st.lists(ANY, min_size=2, max_size=50, unique=True), st.sampled_from([2, 16, 1 << 14]))
def test_bins_keep_the_order_and_know_their_ends(numbers: list[float], bins: int) -> None:
    ordered = np.array(sorted(numbers))
    low, high = float(ordered[0]), float(ordered[-1])
    if low == high:  # zeros of both signs
        return
    kinds: list[Even | Ordered] = [Ordered([Range(key(low), key(high))], bins)]
    if Even.possible(low, high, bins):
        kinds.append(Even(low, high, bins))
    for kind in kinds:
        places = kind.places(ordered, Workspace()).tolist()
        assert places == sorted(places)
        assert 0 <= places[0] <= places[-1] < bins
        for one, place in zip(ordered.tolist(), places, strict=True):
            ends = kind.range(place)
            assert ends.first <= key(one) <= ends.last
        for one, other in itertools.pairwise(sorted(set(places))):
            assert kind.range(one).last < kind.range(other).first


@given(ANY, ANY)
def test_keys_are_ordered_as_the_numbers_are(one: float, other: float) -> None:
    assert number(key(one)) == one
    assert (key(one) < key(other)) == (one < other)
    assert (key(one) == key(other)) == (one == other)


def test_equal_numbers_are_told_from_the_others_in_the_second_pass() -> None:
    """Half a million zeros do not fit, and need not."""
    numbers = np.concatenate([np.zeros(500_000), np.random.default_rng(1).normal(size=500_000)])
    narrowing = Narrowing(len(numbers), float(numbers.min()), float(numbers.max()), [25, 50, 75], 10_000)
    for passes in range(4):  # noqa: B007
        if narrowing.done:
            break
        narrowing.look(numbers)
        narrowing.turn()
    assert narrowing.values() == np.percentile(numbers, [25, 50, 75]).tolist()
    assert passes == 3


def test_numbers_that_change_between_passes_are_refused() -> None:
    numbers = np.random.default_rng(1).normal(size=1000)
    narrowing = Narrowing(1000, float(numbers.min()), float(numbers.max()), [50], 100)
    narrowing.look(numbers)
    narrowing.turn()
    narrowing.look(np.full(1000, float(numbers.max())))
    with pytest.raises(ValueError, match="not the same in each pass"):
        narrowing.turn()
