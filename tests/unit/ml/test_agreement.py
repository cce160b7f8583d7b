"""The whole pipeline against figures computed on the whole table, whatever its chunks are."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.whole_table import Rows, extracted, judge, tables

_AMOUNT = 20_000


@given(tables, st.integers(1, 9))
@settings(max_examples=150)
def test_any_table_in_chunks_of_any_size(rows: Rows, chunk: int) -> None:
    judge(extracted(rows, Path(tempfile.gettempdir()), chunk), rows)


def _wide_range(kind: str) -> list[dict[str, Any]]:
    """Rows of the kinds that the issue names."""
    chance = np.random.default_rng(7)
    made: dict[str, Any] = {
        "offset": 1e9 + chance.normal(size=_AMOUNT),
        "drift": np.linspace(0, 1e7, _AMOUNT) + chance.normal(size=_AMOUNT),
        "heavy tail": chance.pareto(1.1, _AMOUNT),
        "constant": np.full(_AMOUNT, 0.1),
        "unicode": [f"Zoné {one}" for one in chance.zipf(1.3, _AMOUNT) % 3000],
        "unique": [f"id-{one:08}" for one in range(_AMOUNT)],
    }
    column = made[kind]
    listed = column.tolist() if isinstance(column, np.ndarray) else column
    return [{"x": None if place % 100 == 0 else one} for place, one in enumerate(listed)]


@pytest.mark.parametrize("kind", ["offset", "drift", "heavy tail", "constant", "unicode", "unique"])
def test_kinds_of_columns(kind: str, tmp_path: Path) -> None:
    rows = _wide_range(kind)
    judge(extracted(rows, tmp_path, 1000, max_distinct=50_000), rows)


@pytest.mark.parametrize("values", [[0.0, -0.0], [-0.0, 0.0], [-0.0]])
def test_a_zero_has_no_sign_whatever_came_first(values: list[float], tmp_path: Path) -> None:
    found = extracted([{"x": value} for value in values], tmp_path, 1)["columns"]["x"]
    assert [str(found[name]) for name in ("min", "max", "median", "mean")] == ["0.0"] * 4
