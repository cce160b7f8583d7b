"""Codes row by row: those of the whole column, whatever the budget and the parts; in little memory."""

from __future__ import annotations

import io
import os
import tracemalloc
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from novacron.ml.domain.categories import named
from novacron.ml.service import codes
from novacron.ml.service.codes import Codes
from novacron.ml.service.room import Room, SpillFull
from novacron.ml.service.section import Damaged, Section
from tests.unit.ml.texts import ANY, Values, expected

COLUMNS = ("a", "b", "é")
ROWS = st.lists(st.fixed_dictionaries({}, optional=dict.fromkeys(COLUMNS, ANY)), min_size=1, max_size=30)
PARTS = st.lists(st.tuples(st.lists(ROWS, max_size=5), st.sampled_from((300, 2000, 1 << 20))), max_size=4)

Rows = list[dict[str, str | None]]


def _texts(rows: Rows) -> dict[str, Values]:
    """As a chunk holds them: only columns with one text at least."""
    columns = {column: [row.get(column) for row in rows] for column in COLUMNS}
    return {column: values for column, values in columns.items() if any(value is not None for value in values)}


def _kept(rows: Rows, most: int) -> dict[str, list[str]]:
    columns = {column: expected((row.get(column) for row in rows), most) for column in COLUMNS}
    return {column: [text for text, _ in found.kept] for column, found in columns.items()}


def _matrix(written: Codes, rows: int, kept: Mapping[str, Sequence[str]]) -> list[list[int]]:
    target = io.BytesIO()
    written.write(target, rows, kept)
    matrix = np.load(io.BytesIO(target.getvalue()))
    assert matrix.dtype == np.int32
    assert matrix.shape == (rows, len(kept))
    made: list[list[int]] = matrix.tolist()
    return made


def _code(value: str | None, kept: Sequence[str]) -> int:
    if value is None:
        return -1
    return kept.index(named(value)) if named(value) in kept else len(kept)


@given(
    st.lists(st.tuples(st.lists(ROWS, max_size=5), st.sampled_from((300, 2000, 1 << 20))), max_size=4),
    st.integers(0, 9),
)
def test_codes_are_those_of_the_whole_column(parts: list[tuple[list[Rows], int]], most: int) -> None:
    """Parts one after the other, each from a file of its own; the first goes on after it has taken others."""
    rows = [row for chunks, _ in parts for chunk in chunks for row in chunk]
    kept = _kept(rows, most)
    room = Room()
    with ExitStack() as stack:
        whole = stack.enter_context(Codes(room, column_bytes=300))
        for place, (chunks, budget) in enumerate(parts):
            part = stack.enter_context(Codes(room, column_bytes=budget)) if place % 2 else whole
            for chunk in chunks:
                part.add(len(chunk), _texts(chunk))
            if part is not whole:
                file = stack.enter_context(room.file())
                whole.adopt(
                    [
                        Section(file.descriptor, file.append(*section.pieces()), section.length)
                        for section in part.sections()
                    ]
                )
        matrix = _matrix(whole, len(rows), kept)
        assert matrix == [[_code(row.get(column), texts) for column, texts in kept.items()] for row in rows]
    assert room.used == 0


def test_pandas_would_have_given_the_same() -> None:
    made = [f"host-{number * number % 4003}" if number % 7 else None for number in range(50_000)]
    kept = [text for text, _ in expected(made, 1000).kept]
    with Codes(Room(), column_bytes=100_000) as written:
        for begun in range(0, len(made), 2000):
            written.add(2000, {"host": made[begun : begun + 2000]})
        matrix = _matrix(written, len(made), {"host": kept})
    column = pd.Series(made)
    known = pd.Categorical(column.where(column.isin(kept)), categories=pd.Index(kept))
    theirs = np.where(column.notna() & ~column.isin(kept), len(kept), known.codes.astype(np.int32))
    assert [code for (code,) in matrix] == theirs.tolist()


def test_no_more_than_a_budget_of_a_column_is_held(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither when it is written nor when it is read; each row of a wide table is written in pieces that fit."""
    held: list[int] = []
    learn = codes._Translation.learn

    def noted(self: codes._Translation, column: codes._Column) -> None:
        learn(self, column)
        held.append(self._known.nbytes)

    monkeypatch.setattr(codes._Translation, "learn", noted)
    number = 200_000
    with Codes(Room(), column_bytes=200_000) as written:
        for begun in range(0, number, 2000):
            written.add(2000, {"id": [str(one) for one in range(begun, begun + 2000)]})
        target = io.BytesIO()
        written.write(target, number, {"id": [str(one) for one in range(1000)]})
    assert max(held) < 50_000
    matrix = np.load(io.BytesIO(target.getvalue()))
    assert matrix[:1000, 0].tolist() == list(range(1000))
    assert set(matrix[1000:, 0].tolist()) == {1000}


def test_all_columns_together_have_a_budget_too() -> None:
    columns, chunk = 60, 100
    names = [f"t{place}" for place in range(columns)]
    rows = [{name: f"{name}-{row}" for name in names} for row in range(10 * chunk)]
    kept = {name: [f"{name}-{row}" for row in range(5)] for name in names}
    with Codes(Room(), total_bytes=500_000) as written:
        tracemalloc.start()
        for begun in range(0, len(rows), chunk):
            part = rows[begun : begun + chunk]
            written.add(chunk, {name: [row[name] for row in part] for name in names})
        held = tracemalloc.get_traced_memory()[0]
        tracemalloc.stop()
        assert held < 1_500_000
        expected_ = [[min(row, 5)] * columns for row in range(len(rows))]
        assert _matrix(written, len(rows), kept) == expected_


def test_a_damaged_record_is_refused() -> None:
    with Codes(Room()) as written:
        written.add(3, {"a": ["x", "y", None]})
        (section,) = written.sections()
        kept = {"a": ["x"]}

        def refused(match: str, section: Section, rows: int = 3) -> None:
            with Codes(Room()) as other:
                other.adopt([section])
                with pytest.raises(Damaged, match=match):
                    other.write(io.BytesIO(), rows, kept)

        refused("2 rows|3 rows", section, 4)
        refused("impossible length", Section(section.descriptor, section.offset, section.length - 1))
        refused("impossible length", Section(section.descriptor, section.offset, 5))
        refused("impossible length|more or fewer|cannot be read", Section(section.descriptor, 1, section.length - 1))
        os.pwrite(section.descriptor, b"\x07", section.length - 12)
        refused("does not have", section)
        os.pwrite(section.descriptor, b"\xc1", 8)
        refused("cannot be read", section)


def test_a_full_disk_is_told(tmp_path: Path) -> None:
    room = Room(tmp_path, 10_000)
    with Codes(room) as written:
        written.add(2000, {"a": ["x"] * 2000})
        with pytest.raises(SpillFull, match="--max-spill"):
            written.add(2000, {"a": ["x"] * 2000})
    assert room.used == 0
