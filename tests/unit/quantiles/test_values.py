"""What is refused, before anything is calculated, and how it is named."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

from novacron.quantiles import values
from novacron.quantiles.calculator import Percentiles
from novacron.quantiles.gathered import Gathered
from novacron.quantiles.sketches import Kll
from novacron.quantiles.values import InvalidInput

LENGTHS = (5, values.SHORT, values.SHORT + 1, 5000, 200_000)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ([], "empty percentiles slice"),
        ([101], "percentiles[0]: invalid percentile: 101.000000 (must be 0-100)"),
        ([50, -1], "percentiles[1]: invalid percentile: -1.000000 (must be 0-100)"),
        ([50, 100.001], "percentiles[1]: invalid percentile: 100.001000 (must be 0-100)"),
        ([math.nan], "percentiles[0]: invalid percentile: nan (must be 0-100)"),
        ([math.inf], "percentiles[0]: invalid percentile: inf (must be 0-100)"),
        ([10**400], "percentiles[0]: invalid percentile: inf (must be 0-100)"),
        ([True], "percentiles[0] is no number"),
        (["50"], "percentiles[0] is no number"),
        ([None], "percentiles[0] is no number"),
    ],
)
@pytest.mark.parametrize("count", [3, 150, 20_000])
def test_percentiles(given: Sequence[Any], said: str, count: int) -> None:
    """However many numbers there are: in the specification, some sizes run past the end."""
    with pytest.raises(InvalidInput, match=re.escape(said)):
        Percentiles().of([1.0] * count, given)


@pytest.mark.parametrize("given", [[], (), np.array([])])
def test_no_numbers(given: Any) -> None:
    with pytest.raises(InvalidInput, match="empty values slice"):
        Percentiles().of(given, [50])


@pytest.mark.parametrize("made", [list, tuple, np.array])
@pytest.mark.parametrize("count", LENGTHS)
@pytest.mark.parametrize(("bad", "said"), [(math.nan, "NaN"), (math.inf, "infinite"), (-math.inf, "infinite")])
def test_what_is_not_finite_is_named(made: Callable[[list[float]], Any], count: int, bad: float, said: str) -> None:
    for position in (0, count // 2, count - 1):
        numbers = [1.0] * count
        numbers[position] = bad
        with pytest.raises(InvalidInput, match=re.escape(f"values[{position}] is {said}; ")):
            Percentiles().of(made(numbers), [50])


@pytest.mark.parametrize("count", LENGTHS)
@pytest.mark.parametrize("bad", [None, True, "1", b"1", [], 1j])
def test_what_is_no_number_is_named(count: int, bad: Any) -> None:
    numbers: list[Any] = [1] * count
    numbers[3] = bad
    with pytest.raises(InvalidInput, match=re.escape("values[3] is no number")):
        Percentiles().of(numbers, [50])


@pytest.mark.parametrize("count", LENGTHS)
def test_whole_numbers_that_no_float_holds(count: int) -> None:
    numbers: list[float] = [1] * count
    numbers[2] = -(10**400)
    with pytest.raises(InvalidInput, match=re.escape("values[2] is infinite")):
        Percentiles().of(numbers, [50])


@pytest.mark.parametrize("count", LENGTHS)
def test_numbers_whose_sum_is_infinite_are_numbers(count: int) -> None:
    for made in (list, np.array):
        (found,) = Percentiles().of(made([1.7e308] * count), [50])
        assert found.value == 1.7e308


@pytest.mark.parametrize(
    ("array", "said"),
    [
        (np.array(5.0), "0 dimensions"),
        (np.zeros((2, 2)), "2 dimensions"),
        (np.array([True]), "bool"),
        (np.array(["1"]), "<U1"),
        (np.array([None]), "object"),
        (np.array([1j]), "complex128"),
        (np.zeros(3, np.longdouble), "longdouble|float128"),
        (np.array(["2026-01-01"], "datetime64[s]"), "datetime64"),
    ],
)
def test_arrays_of_something_else(array: Any, said: str) -> None:
    for take in (
        lambda: Percentiles().of(array, [50]),
        lambda: Kll().update(array),
        lambda: Gathered(None).update(array),
    ):
        with pytest.raises(InvalidInput, match=said):
            take()


@pytest.mark.parametrize("count", LENGTHS)
@pytest.mark.parametrize("method", ["exact", "kll", "req", "ddsketch"])
def test_the_input_stays_as_it_is(count: int, method: Any) -> None:
    made = np.random.default_rng(1).normal(size=count)
    array, listed = made.copy(), made.tolist()
    Percentiles().of(array, [0, 50, 100], method)
    Percentiles().of(listed, [0, 50, 100], method)
    Percentiles(memory=8).of(array, [0, 50, 100], method)
    assert np.array_equal(array, made)
    assert listed == made.tolist()
