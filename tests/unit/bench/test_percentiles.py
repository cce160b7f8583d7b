"""Ratios of the percentiles' bench: of the same round; and that both sides answer the same."""

from __future__ import annotations

import pytest

from tests.bench import percentiles


def test_a_ratio_is_one_of_the_same_round() -> None:
    taken = {percentiles.NUMPY: [1e-8, 1e-7, 1e-8], percentiles.OURS: [2e-9, 3e-8, 4e-9], "kll": [3e-8] * 3}
    found = {row.what: row for row in percentiles.compared(10_000, taken, 0)}
    ratio = found["10,000 numbers: exact over np.percentile"]
    assert ratio.value == pytest.approx(0.3)
    assert ratio.verdict == "met"
    assert found["10,000 numbers: kll"].value == pytest.approx(30)
    assert found["10,000 numbers: answers that differ from it"].verdict == "met"


def test_one_wrong_answer_misses_the_goal() -> None:
    taken = {percentiles.NUMPY: [1.0], percentiles.OURS: [0.1]}
    found = {row.what: row for row in percentiles.compared(10_000, taken, 1)}
    assert found["10,000 numbers: answers that differ from it"].verdict == "missed"


def test_what_is_measured_is_right() -> None:
    taken, wrong = percentiles.measured(10_000, 1)
    assert wrong == 0
    assert {name: len(times) for name, times in taken.items()} == dict.fromkeys(taken, 1)
    assert {percentiles.NUMPY, percentiles.OURS} < set(taken)
