"""One dataset or many: the same answers, whichever way they are calculated."""

from __future__ import annotations

import re
import sys
import threading
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from novacron.quantiles import calculator, selection, sketches
from novacron.quantiles.calculator import Percentiles
from novacron.quantiles.estimate import EXACT, Estimate
from novacron.quantiles.values import InvalidInput
from tests.unit.quantiles.oracle import NUMBERS, PERCENTILES


@given(datasets=st.dictionaries(st.text(max_size=5), NUMBERS, min_size=1, max_size=5), asked=PERCENTILES)
def test_each_of_many_is_answered_as_it_is_alone(datasets: dict[str, list[float]], asked: list[float]) -> None:
    one = Percentiles()
    found = one.of_each(datasets, asked)
    assert list(found) == list(datasets)
    assert found == {name: one.of(numbers, asked) for name, numbers in datasets.items()}


def test_an_answer_says_how_it_was_found() -> None:
    assert Percentiles().of([3, 1, 2], [50, 0]) == [Estimate(50, 2, "exact", EXACT), Estimate(0, 1, "exact", EXACT)]
    assert (EXACT.rank, EXACT.value) == (0, 0)


@pytest.mark.parametrize("method", ["exact", *sketches.KINDS])
@pytest.mark.parametrize("count", [1, 50, 20_000])
def test_least_and_greatest_are_exact_by_every_method(method: Any, count: int) -> None:
    """The specification samples, and so loses them."""
    numbers = np.random.default_rng(1).normal(size=count) * 1e9
    found = Percentiles().of(numbers, [0, 50, 100], method)
    assert [one.method for one in found] == [method] * 3
    assert (found[0].value, found[2].value) == (numbers.min(), numbers.max())
    assert found[0].error == found[2].error == EXACT


def test_what_does_not_fit_is_exact_all_the_same() -> None:
    numbers = np.random.default_rng(1).normal(size=100_000)
    assert Percentiles(memory=8_000).of(numbers, [50, 99.9]) == Percentiles().of(numbers, [50, 99.9])


@pytest.mark.parametrize("workers", [1, 2, 3])
def test_large_ones_go_to_a_few_threads_and_small_ones_to_none(workers: int, monkeypatch: pytest.MonkeyPatch) -> None:
    made = np.random.default_rng(1)
    large = {f"large {number}": made.normal(size=60_000) for number in range(7)}
    small = {f"small {number}": made.normal(size=100).tolist() for number in range(50)}
    threads: dict[str, set[int]] = {"large": set(), "small": set()}
    select = selection.selected

    def seen(values: Any, asked: Any) -> list[float]:
        threads["large" if len(values) == 60_000 else "small"].add(threading.get_ident())
        return select(values, asked)

    monkeypatch.setattr(calculator, "selected", seen)
    found = Percentiles(workers=workers).of_each({**small, **large}, [50, 99])
    for name, numbers in {**small, **large}.items():
        assert [one.value for one in found[name]] == list(np.percentile(numbers, [50, 99]))
    assert threads["small"] == {threading.get_ident()}
    assert threading.get_ident() not in threads["large"]
    assert 1 <= len(threads["large"]) <= workers
    assert threading.active_count() < 10


@pytest.mark.parametrize("large", [True, False])
def test_the_first_error_names_its_dataset(large: bool) -> None:
    count = 60_000 if large else 60
    good, bad = np.ones(count), np.append(np.ones(count), np.nan)
    with pytest.raises(InvalidInput, match=re.escape(f"dataset 'second': values[{count}] is NaN")):
        Percentiles().of_each({"first": good, "second": bad, "third": []}, [50])
    with pytest.raises(InvalidInput, match="dataset 'third': empty values slice"):
        Percentiles().of_each({"first": good, "third": [], "second": bad}, [50])


def test_an_error_while_it_is_calculated_names_its_dataset_too() -> None:
    """REQ alone refuses what others take."""
    huge = np.full(60_000, 1e300)
    with pytest.raises(InvalidInput, match=r"dataset 'b': .*use another method"):
        Percentiles().of_each({"a": np.ones(60_000), "b": huge, "c": huge}, [50], "req")


def test_nothing_to_answer() -> None:
    with pytest.raises(InvalidInput, match="empty datasets"):
        Percentiles().of_each({}, [50])
    with pytest.raises(InvalidInput, match="empty percentiles slice"):
        Percentiles().of_each({"a": [1]}, [])


def test_percentiles_are_looked_at_before_the_numbers() -> None:
    with pytest.raises(InvalidInput, match="invalid percentile"):
        Percentiles().of_each({"a": []}, [sys.float_info.max])
