"""Exact percentiles, by every way there is: to the bit as numpy's, and as sorting and fractions have it."""

from __future__ import annotations

import math
import tracemalloc
import warnings
from collections.abc import Callable, Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from novacron.quantiles import selection, values
from novacron.quantiles.narrowing import narrowed
from novacron.quantiles.selection import between, selected
from tests.unit.quantiles.oracle import ANY, NUMBERS, ORDINARY, PERCENTILES, REPEATED, percentile

Way = Callable[[Sequence[float], Sequence[float]], list[float]]


def _by_list(numbers: Sequence[float], asked: Sequence[float]) -> list[float]:
    return selected(list(numbers), asked)


def _by_array(numbers: Sequence[float], asked: Sequence[float]) -> list[float]:
    return selected(np.array(numbers), asked)


def _by_chained(numbers: Sequence[float], asked: Sequence[float]) -> list[float]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(selection, "_SORTED", 0)
        patch.setattr(selection, "_SORTING", 1e9)
        return selected(np.array(numbers), asked)


def _narrowed(numbers: Sequence[float], asked: Sequence[float], most: int, block: int = 7) -> list[float]:
    array = np.array(numbers)
    pieces = [array[place : place + block] for place in range(0, len(array), block)]
    return narrowed(lambda: iter(pieces), len(array), float(array.min()), float(array.max()), asked, most)


def _by_narrowing(numbers: Sequence[float], asked: Sequence[float]) -> list[float]:
    return _narrowed(numbers, asked, 3)


def _by_all_bits(numbers: Sequence[float], asked: Sequence[float]) -> list[float]:
    return _narrowed(numbers, asked, 0)


WAYS: dict[str, Way] = {
    "list": _by_list,
    "array": _by_array,
    "chained": _by_chained,
    "narrowed": _by_narrowing,
    "all bits": _by_all_bits,
}


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
@given(numbers=NUMBERS, asked=PERCENTILES)
def test_every_way_is_right_and_in_the_order_that_was_asked(way: Way, numbers: list[float], asked: list[float]) -> None:
    scale = max(map(abs, numbers))
    for one, found in zip(asked, way(numbers, asked), strict=True):
        right = percentile(numbers, one)
        assert abs(float(right) - found) <= 4 * math.ulp(scale)
        if one in (0, 100):
            assert found == right


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
@given(numbers=st.one_of(*(st.lists(one, min_size=1, max_size=60) for one in (ORDINARY, REPEATED))), asked=PERCENTILES)
def test_every_way_is_numpys_to_the_bit(way: Way, numbers: list[float], asked: list[float]) -> None:
    assert way(numbers, asked) == list(np.percentile(numbers, asked))


@pytest.mark.parametrize("count", [399, 400, 401, 3999, 4001, 20_000, 200_000])
@pytest.mark.parametrize("kind", ["lognormal", "few", "constant", "sorted", "negative"])
def test_large_ones_are_numpys_to_the_bit(kind: str, count: int) -> None:
    made = np.random.default_rng(count)
    numbers = {
        "lognormal": made.lognormal(size=count),
        "few": made.integers(0, 5, count) / 4,
        "constant": np.full(count, 3.25),
        "sorted": np.arange(count) * 1.5,
        "negative": -made.pareto(1.1, count),
    }[kind]
    before = numbers.copy()
    low, high = float(numbers.min()), float(numbers.max())
    for asked in ([50, 90, 99, 99.9], [99], [100, 0, 50, 50], list(range(101))):
        right = list(np.percentile(numbers, asked))
        assert selected(numbers, asked) == right
        assert narrowed(lambda: values.blocks(numbers), count, low, high, asked, 100) == right
    assert np.array_equal(numbers, before)


@given(ANY, ANY, st.floats(0, 1))
def test_nothing_between_two_numbers_is_outside_of_them(one: float, other: float, share: float) -> None:
    """numpy's own is infinite where the difference of two numbers is."""
    low, high = sorted((one, other))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = between(low, high, share)
    assert low - math.ulp(abs(low)) <= found <= high + math.ulp(abs(high))


@pytest.mark.parametrize("dtype", ["float64", "float32", "float16", "int8", "uint64", "int64", ">f8", ">i4"])
def test_every_kind_of_number_in_an_array(dtype: str) -> None:
    numbers = np.random.default_rng(1).integers(0, 100, 5000).astype(dtype)
    asked = [50, 99]
    right = list(np.percentile(numbers.astype(np.float64), asked))
    assert selected(values.numbers(numbers), asked) == right
    assert selected(values.numbers(numbers[::3]), asked) == list(np.percentile(numbers[::3].astype(np.float64), asked))


def test_an_array_that_may_not_be_written_to() -> None:
    numbers = np.arange(5000.0)
    numbers.flags.writeable = False
    assert selected(numbers, [50]) == [2499.5]


def test_narrowing_holds_no_more_than_it_may() -> None:
    """What numpy takes from the system is seen by tracemalloc."""
    numbers = np.random.default_rng(1).lognormal(size=3_000_000)
    right = list(np.percentile(numbers, [50, 99]))
    low, high = float(numbers.min()), float(numbers.max())
    blocks = [numbers[place : place + 50_000] for place in range(0, len(numbers), 50_000)]
    tracemalloc.start()
    try:
        assert narrowed(lambda: blocks, len(numbers), low, high, [50, 99], 20_000) == right
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 2_000_000
