"""Sketches: within the bound that they state, whatever comes, in whatever pieces, merged and written in between."""

from __future__ import annotations

import math
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from novacron.quantiles import sketches
from novacron.quantiles.ddsketch import DDSketch
from novacron.quantiles.estimate import Estimate
from novacron.quantiles.sketch import InvalidState, Sketch
from novacron.quantiles.sketches import KINDS, Kll, Req, loaded
from novacron.quantiles.values import Floats, InvalidInput
from tests.unit.quantiles.oracle import NUMBERS, PERCENTILES, percentile

ASKED = (0.0, 0.1, 1.0, 25.0, 50.0, 75.0, 90.0, 99.0, 99.9, 100.0)


def _data(kind: str, count: int = 200_000) -> Floats:
    made = np.random.default_rng(7)
    return {
        "uniform": made.random(count),
        "lognormal": made.lognormal(size=count),
        "heavy": made.pareto(1.1, count),
        "sorted": np.arange(float(count)),
        "falling": np.arange(float(count))[::-1],
        "constant": np.full(count, 42.0),
        "two": made.integers(0, 2, count).astype(np.float64),
        "mixed": made.normal(size=count),
        "offset": 1e6 + made.normal(size=count),
    }[kind]


DATA = ("uniform", "lognormal", "heavy", "sorted", "falling", "constant", "two", "mixed", "offset")


_FAR = 2
"""A bound by rank holds with a confidence of 99 %, for sketches draw lots. Twice as far, some five deviations, is a
defect; how often it is further than once has a test of its own."""


def _within(sketch: Sketch, numbers: Floats) -> None:
    """Every answer of a sketch that has taken these."""
    ordered = np.sort(numbers)
    for found in sketch.estimates(ASKED):
        assert _near(found, ordered, _FAR), (sketch.method, found)


def _near(found: Estimate, ordered: Floats, times: int) -> bool:
    """Whether it is no further off than so many times its bound of rank."""
    share, rank = found.percentile / 100, times * found.error.rank
    slack = 1 / len(ordered)
    low = ordered[max(0, math.floor((share - rank - slack) * (len(ordered) - 1)))]
    high = ordered[min(len(ordered) - 1, math.ceil((share + rank + slack) * (len(ordered) - 1)))]
    spare = found.error.value * max(abs(low), abs(high))
    return bool(low - spare <= found.value <= high + spare)


@pytest.mark.parametrize("kind", ["kll", "req"])
def test_the_bound_of_rank_holds_as_often_as_it_says(kind: str) -> None:
    numbers = _data("lognormal", 20_000)
    ordered = np.sort(numbers)
    held = []
    for _ in range(60):
        sketch = KINDS[kind]()
        sketch.update(numbers)
        held += [_near(found, ordered, 1) for found in sketch.estimates(ASKED[1:-1])]
    assert sum(held) >= 0.95 * len(held)  # of 480: 99 % are told, and those of one sketch go together


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("data", DATA)
def test_within_the_stated_bound(kind: str, data: str) -> None:
    sketch = KINDS[kind]()
    numbers = _data(data)
    sketch.update(numbers)
    assert sketch.count == len(numbers)
    _within(sketch, numbers)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("data", DATA)
def test_within_the_stated_bound_after_merges_in_any_order(kind: str, data: str) -> None:
    numbers = _data(data)
    cuts = np.split(numbers, [10, 11, 5000, 90_000])
    parts = []
    for cut in cuts:
        part = KINDS[kind]()
        part.update(cut)
        parts.append(loaded(part.to_bytes()))
    whole = KINDS[kind]()
    for part in (parts[3], parts[0], parts[4], parts[2], parts[1]):
        whole.merge(part)
    assert whole.count == len(numbers)
    _within(loaded(whole.to_bytes()), numbers)


@pytest.mark.parametrize("kind", ["kll", "ddsketch"])
@given(numbers=NUMBERS, asked=PERCENTILES)
def test_few_numbers(kind: str, numbers: list[float], asked: list[float]) -> None:
    """By rank they are exact; by value within the bound of the numbers beside the place."""
    sketch = KINDS[kind]()
    sketch.update(np.array(numbers))
    scale = max(map(abs, numbers))
    for found in sketch.estimates(asked):
        assert found.error.rank == 0
        right = float(percentile(numbers, found.percentile))
        assert abs(found.value - right) <= found.error.value * scale + 4 * math.ulp(scale) + 2.3e-308


@given(st.lists(st.floats(1e-300, 1.7e308), min_size=1, max_size=200), st.sampled_from([0.001, 0.01, 0.2]))
def test_the_relative_error_of_a_value_is_never_larger(numbers: list[float], accuracy: float) -> None:
    """At places that are numbers themselves, none is forgiven for a larger one beside it."""
    sketch = DDSketch(accuracy)
    sketch.update(np.array(numbers))
    ordered = sorted(numbers)
    last = len(ordered) - 1
    for place, right in enumerate(ordered):
        asked = 100 * place / last if last else 50.0
        if asked / 100 * last == place:
            (found,) = sketch.estimates([asked])
            assert abs(found.value - right) <= accuracy * right


def test_sketches_by_rank_know_large_offsets_and_sketches_by_value_the_tail() -> None:
    offset, heavy = 1e9 + _data("uniform"), _data("heavy")
    kll, by_value = Kll(), DDSketch()
    kll.update(offset)
    by_value.update(heavy)
    assert abs(kll.estimates([50])[0].value - np.percentile(offset, 50)) < 0.01
    assert by_value.estimates([99.9])[0].value == pytest.approx(np.percentile(heavy, 99.9), rel=0.011)


def test_req_is_the_more_exact_the_closer_to_the_end() -> None:
    sketch = Req()
    sketch.update(_data("uniform"))
    errors = [found.error.rank for found in sketch.estimates([50, 90, 99, 99.9, 100])]
    assert errors == sorted(errors, reverse=True)
    assert errors[3] < 1e-4
    assert errors[4] == 0


def test_states_are_small_whatever_they_have_taken() -> None:
    sizes = {}
    for kind, made in KINDS.items():
        sketch = made()
        for data in DATA:
            sketch.update(_data(data))
        sizes[kind] = len(sketch.to_bytes())
    assert sizes["kll"] < 30_000
    assert sizes["req"] < 60_000
    assert sizes["ddsketch"] < 60_000


def test_the_bins_of_every_number_that_there_is() -> None:
    sketch = DDSketch()
    ends = np.array([5e-324, 2.3e-308, 1.0, np.finfo(np.float64).max])
    sketch.update(np.concatenate((ends, -ends, [0.0])))
    assert len(sketch.to_bytes()) < 1_200_000
    assert [one.value for one in sketch.estimates([0, 50, 100])] == [-ends[3], 0, ends[3]]


@pytest.mark.parametrize("kind", KINDS)
def test_empty_ones_merge_are_written_and_have_no_answer(kind: str) -> None:
    empty, other = loaded(KINDS[kind]().to_bytes()), KINDS[kind]()
    empty.update(np.array([]))
    with pytest.raises(InvalidInput, match="empty values slice"):
        empty.estimates([50])
    other.update(np.array([1.0, 2.0]))
    other.merge(empty)
    empty.merge(other)
    assert [one.value for one in empty.estimates([0, 100])] == [1, 2]


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_is_taken_of_an_array_with_nan_in_it(kind: str) -> None:
    sketch = KINDS[kind]()
    sketch.update(np.array([1.0, 2.0]))
    with pytest.raises(InvalidInput, match=r"values\[100002\] is NaN"):
        sketch.update(np.append(np.ones(100_000), np.nan))
    assert sketch.count == 2
    assert sketch.estimates([100])[0].value == 2


def test_what_cannot_be_merged() -> None:
    with pytest.raises(InvalidState, match="a sketch of kll cannot go into one of ddsketch"):
        DDSketch().merge(Kll())
    with pytest.raises(InvalidState, match=r"of accuracy 0\.02 cannot go into one of 0\.01"):
        DDSketch().merge(DDSketch(0.02))


def test_the_bound_of_a_merge_is_the_wider_one() -> None:
    fine, coarse = Kll(800), Kll(200)
    for sketch in (fine, coarse):
        sketch.update(_data("uniform"))
    before = fine.estimates([50])[0].error.rank
    fine.merge(coarse)
    assert fine.estimates([50])[0].error.rank > before


@pytest.mark.parametrize("kind", KINDS)
def test_damaged_states_are_refused(kind: str) -> None:
    sketch = KINDS[kind]()
    sketch.update(_data("lognormal", 5000))
    state = sketch.to_bytes()
    for place in range(0, len(state), 97):
        damaged = state[:place] + bytes([state[place] ^ 1]) + state[place + 1 :]
        with pytest.raises(InvalidState):
            loaded(damaged)
    for length in (0, 3, 20, len(state) - 1):
        with pytest.raises(InvalidState):
            loaded(state[:length])


def _forged(state: bytes) -> bytes:
    return state + zlib.crc32(state).to_bytes(4, "little")


@pytest.mark.parametrize("kind", KINDS)
def test_states_that_contradict_themselves_are_refused(kind: str) -> None:
    """A sum that fits says that nobody slipped; not that nobody lied."""
    sketch = KINDS[kind]()
    sketch.update(_data("lognormal", 5000))
    state = sketch.to_bytes()[:-4]
    for forged in (state[:-8], state[:60], state[:44] + bytes(200), state[:12] + b"\1" + state[13:]):
        with pytest.raises(InvalidState):
            loaded(_forged(forged))


def test_a_state_of_a_later_version() -> None:
    state = Kll().to_bytes()[:-4].replace(b"kll", b"xyz", 1)
    with pytest.raises(InvalidState, match="does not know"):
        sketches.loaded(_forged(state))
