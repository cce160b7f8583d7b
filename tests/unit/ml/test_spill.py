"""The numbers of an input on disk: all of them come back, by column, and nothing else stays there."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from novacron.ml.domain.chunk import Chunk
from novacron.ml.service import spill as module
from novacron.ml.service.records import finite
from novacron.ml.service.room import Room
from novacron.ml.service.spill import Spill
from tests.unit.ml.tables import chunk, chunks

NUMBERS = st.one_of(st.floats(), st.sampled_from([0.0, -0.0, 1.0, 5e-324, 1e308, -1e308, math.nan, math.inf]))


@st.composite
def tables(draw: st.DrawFn) -> list[Mapping[str, list[float]]]:
    """Chunks whose columns come, go and change places."""
    found: list[Mapping[str, list[float]]] = []
    for _ in range(draw(st.integers(1, 6))):
        rows = draw(st.integers(1, 9))
        names = draw(st.lists(st.sampled_from("abcde"), unique=True, max_size=5))
        found.append({name: draw(st.lists(NUMBERS, min_size=rows, max_size=rows)) for name in names})
    return found


def _column(table: Sequence[Mapping[str, list[float]]], name: str) -> list[float]:
    return [number for part in table for number in part.get(name, []) if math.isfinite(number)]


@pytest.mark.parametrize("stage", [1, 7, 64, 1 << 17])
@given(table=tables())
def test_every_finite_number_comes_back_in_its_order(stage: int, table: list[Mapping[str, list[float]]]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "RECORD", stage)
        with Spill(Room()) as spill:
            for part in table:
                spill.write(chunk(part, len(next(iter(part.values()), [0.0]))))
            for name in "abcdef":
                tables = spill.records().tables([name], 5, every=False)
                found = [number for table in tables for number in finite(table[0]).tolist()]
                assert [math.copysign(1, one) for one in found] == [math.copysign(1, o) for o in _column(table, name)]
                assert found == _column(table, name)


def test_many_rows_of_a_column_lie_side_by_side_and_the_columns_are_named_once(tmp_path: Path) -> None:
    room = Room(tmp_path)
    with Spill(room) as spill:
        for part in chunks({name: np.arange(2000.0) for name in "abcd"}, 20):
            spill.write(part)
        records = list(spill.records())
        assert [record.rows for record in records] == [2000]
        assert room.used == 16 + 4 * 4 + 4 * 2000 * 8


def test_rows_without_numbers_are_rows_too() -> None:
    with Spill(Room()) as spill:
        spill.write(Chunk(3, (), np.empty((0, 3))))
        spill.write(chunk({"a": [1.0, 2.0]}))
        assert [record.rows for record in spill.records()] == [3, 2]
        assert spill.rows == 5


def test_a_chunk_with_few_of_the_columns_costs_no_more_than_what_it_has() -> None:
    with Spill(Room()) as spill:
        spill.write(chunk({name: [1.0, 2.0] for name in "abcd"}))
        spill.write(chunk({"b": [3.0], "d": [4.0]}))
        spill.write(chunk({"c": [5.0]}))
        assert [(record.rows, record.ids.tolist()) for record in spill.records()] == [(3, [0, 1, 2, 3]), (1, [2])]


def test_rows_without_the_columns_that_are_asked_for() -> None:
    with Spill(Room()) as spill:
        spill.write(chunk({"a": [1.0, 2.0]}))
        spill.write(chunk({"b": [3.0]}))
        records = spill.records()
        assert [table.tolist() for table in records.tables(["b"], 9, every=False)] == [[[3.0]]]
        (table,) = records.tables(["b"], 9)
        np.testing.assert_array_equal(table, [[math.nan, math.nan, 3.0]])
