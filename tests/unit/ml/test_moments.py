"""Mean and deviation against fractions, which have no error; and parts that merge in any order."""

from __future__ import annotations

import itertools
import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from novacron.ml.domain import numbers
from novacron.ml.domain.chunk import Floats
from novacron.ml.domain.numbers import Numbers

_RELATIVE = 1e-12

finite = st.floats(allow_nan=False, allow_infinity=False)
near = st.builds(lambda offset, some: [offset + one for one in some], finite, st.lists(st.floats(-1, 1), min_size=1))
any_numbers = st.one_of(
    st.lists(finite, min_size=1, max_size=60),
    near,
    st.lists(st.sampled_from([0.1, 0.1, 1e9, 1e9 + 1e-7, 5e-324, -0.0, 1.7e308, -1.7e308]), min_size=1, max_size=40),
)


def _of(values: Floats) -> Numbers:
    found = Numbers()
    numbers.count([found], values[None, :].copy())
    return found


def _root(square: Fraction) -> float:
    """Correctly rounded, for squares beyond what a float holds too."""
    bits = 2400
    return math.isqrt((square.numerator << (2 * bits)) // square.denominator) / (1 << bits)


def _close(found: float, reference: float) -> bool:
    return found == reference or abs(found - reference) <= _RELATIVE * abs(reference)


def _judge(found: Numbers, values: list[float]) -> None:
    held = [value for value in values if math.isfinite(value)]
    assert found.count == len(held)
    assert found.infinite == sum(map(math.isinf, values))
    assert found.beyond == sum(abs(value) > 2**53 for value in held)
    if not held:
        return
    fractions = [Fraction(value) for value in held]
    mean = sum(fractions, Fraction()) / len(fractions)
    square = sum(((value - mean) ** 2 for value in fractions), Fraction()) / len(fractions)
    assert (found.minimum, found.maximum) == (min(held), max(held))
    assert _close(found.moments.mean, float(mean))
    assert _close(found.deviation, _root(square)), (found.deviation, _root(square))


@given(any_numbers)
def test_mean_and_deviation_are_as_close_as_promised_to_those_of_fractions(values: list[float]) -> None:
    values = [value for value in values if math.isfinite(value)]
    if values:
        _judge(_of(np.array(values)), values)


@given(
    st.lists(
        st.lists(st.one_of(finite, st.sampled_from([math.nan, math.inf, -math.inf])), min_size=1, max_size=20),
        min_size=1,
        max_size=6,
    ),
    st.randoms(use_true_random=False),
)
def test_parts_merge_in_any_order_to_the_same(parts: list[list[float]], chance: object) -> None:
    states = [_of(np.array(part)) for part in parts]
    merged = Numbers()
    for state in states:
        merged.merge(state)
    shuffled = list(states)
    chance.shuffle(shuffled)  # type: ignore[attr-defined]
    again = Numbers()
    for state in shuffled:
        again.merge(Numbers.of(state.plain()))
    assert merged == again
    _judge(merged, [value for part in parts for value in part])


@pytest.mark.parametrize(
    "values",
    [
        [1e60, 1e20, 1.0, -1e60, -1e20],
        [1e308, 0.1, -1e308, 1e-100],
        [1.0, -1.0, 2.0**-81, 2.0**-160, -(2.0**-81)],
        [5e-324, 1e300, -1e300, 1e100, -1e100, 1e-200, -1e-200],
    ],
)
def test_a_mean_is_that_of_what_is_left_where_numbers_cancel(values: list[float]) -> None:
    mean = float(sum(map(Fraction, values)) / len(values))
    for some in itertools.permutations(values, len(values)) if len(values) < 6 else [values, values[::-1]]:
        assert _of(np.array(some)).moments.mean == mean


@given(st.lists(st.builds(math.ldexp, st.floats(-1, 1), st.integers(-400, 400)), min_size=1, max_size=40), st.data())
def test_a_mean_has_no_error_whatever_is_summed(some: list[float], data: st.DataObject) -> None:
    values = data.draw(st.permutations([*some, *(-one for one in some[1:])]))
    assert _of(np.array(values)).moments.mean == float(sum(map(Fraction, values)) / len(values))


@pytest.mark.parametrize(
    "values",
    [
        np.full(5000, 0.1),
        1e9 + np.random.default_rng(1).normal(size=5000) * 1e-6,
        np.random.default_rng(2).pareto(1.1, 5000),
        np.linspace(0, 1e6, 5000),
        np.concatenate([one := np.random.default_rng(3).normal(size=2500) * 1e9, -one, [1e-3]]),
        np.array([1e9, np.nextafter(1e9, 2e9)] * 2500),
    ],
    ids=["constant", "offset", "heavy tail", "drift", "cancelling", "two neighbours"],
)
def test_long_columns_in_chunks_of_any_size(values: Floats) -> None:
    for size in (7, 1000, 5000):
        found = Numbers()
        for place in range(0, len(values), size):
            found.merge(_of(values[place : place + size]))
        _judge(found, values.tolist())


def test_columns_of_a_block_do_not_touch_each_other() -> None:
    block = np.array([[1.0, 2.0, 3.0], [np.nan, np.nan, np.nan], [np.inf, 5.0, np.nan], [1e308, 1e308, 1e308]])
    known = [Numbers() for _ in block]
    numbers.count(known, block.copy())
    for found, row in zip(known, block.tolist(), strict=True):
        _judge(found, row)
