"""Ratios of the tokens' bench: of the same round, and the worst hostile token counts."""

from __future__ import annotations

import pytest

from tests.bench import tokens


def test_a_ratio_is_one_of_the_same_round() -> None:
    """A machine that is ten times slower in one round says nothing about either side."""
    taken = {
        tokens.RAW: [1e-5, 1e-4, 1e-5],
        tokens.STRICT: [1.5e-5, 1.6e-4, 1.4e-5],
        "200 KB": [1e-7, 1e-6, 1e-7],
        "6 KiB: a": [1e-5, 1e-4, 1e-5],
        "6 KiB: b": [3e-5, 3e-4, 3e-5],
    }
    found = {row.what: row for row in tokens.compared(taken, 900)}
    assert found["raw verify"].value == pytest.approx(10)
    assert found["strict verify over raw"].value == pytest.approx(1.5)
    assert found["strict verify over raw"].verdict == "met"
    assert found["200 KB over raw"].verdict == "met"
    worst = found["hostile 6 KiB over raw, the worst"]
    assert worst.value == pytest.approx(3)
    assert (worst.verdict, worst.note) == ("missed", "6 KiB: b over raw")


def test_everything_that_is_measured_does_what_its_name_says(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each call of the bench raises where a right token is refused or a hostile one accepted."""
    monkeypatch.setattr(tokens, "_ROUNDS", 1)
    monkeypatch.setattr(tokens, "_CALLS", 1)
    found = tokens.rows()
    assert {row.case for row in found} == {tokens.CASE}
    assert sum(row.goal is not None for row in found) == 3
