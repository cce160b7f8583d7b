"""The numbers again, row by row: those that were written, in their order, and never all of them in memory."""

from __future__ import annotations

import io
import tracemalloc
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from novacron.ml.domain.chunk import Chunk
from novacron.ml.service import matrix
from novacron.ml.service.matrix import Dtype, Form, Numbers, OtherRows
from novacron.ml.service.output import output
from novacron.ml.service.records import Records
from novacron.ml.service.room import Room
from novacron.ml.service.section import Damaged, Section
from novacron.ml.service.spill import Spill
from tests.unit.ml.tables import chunk, chunks

nan = np.nan


def _read(data: bytes, form: Form) -> Numbers:
    if form == "npy":
        found: Numbers = np.load(io.BytesIO(data), allow_pickle=False)
        return found
    table = pa.ipc.open_file(pa.BufferReader(data)).read_all()
    return np.column_stack([column.to_numpy() for column in table.columns])


@pytest.mark.parametrize("form", ["npy", "arrow"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_rows_of_several_spills_in_their_order(form: Form, dtype: Dtype) -> None:
    room, target = Room(), io.BytesIO()
    with Spill(room) as one, Spill(room) as other:
        one.write(chunk({"b": [1.0, nan]}))
        one.write(chunk({"b": [1e300, -np.inf], "a": [3.25, 1 / 3]}))
        one.write(Chunk(1, (), np.empty((0, 1))))
        other.write(chunk({"late": [7.0], "a": [8.0]}))
        matrix.write(target, form, [one.records(), other.records()], ["a", "b", "late"], 6, dtype)
    found = _read(target.getvalue(), form)
    rows = [[nan, 1, nan], [nan] * 3, [3.25, 1e300, nan], [1 / 3, -np.inf, nan], [nan] * 3, [8, nan, 7]]
    with np.errstate(over="ignore"):
        expected = np.array(rows).astype(dtype)
    assert found.dtype == dtype
    np.testing.assert_array_equal(found, expected)


def test_fields_of_the_arrow_file_are_the_columns() -> None:
    target = io.BytesIO()
    with Spill(Room()) as spill:
        spill.write(chunk({"b": [1.0], "a ü": [2.0]}))
        matrix.write(target, "arrow", [spill.records()], ["a ü", "b"], 1, "float32")
    schema = pa.ipc.open_file(pa.BufferReader(target.getvalue())).schema
    assert schema == pa.schema([("a ü", pa.float32()), ("b", pa.float32())])


@pytest.mark.parametrize("form", ["npy", "arrow"])
@pytest.mark.parametrize("rows", [0, 3])
def test_no_rows_and_no_columns(form: Form, rows: int) -> None:
    target = io.BytesIO()
    with Spill(Room()) as spill:
        if rows:
            spill.write(Chunk(rows, (), np.empty((0, rows))))
        matrix.write(target, form, [spill.records()], [], rows, "float64")
    if form == "npy":
        assert _read(target.getvalue(), form).shape == (rows, 0)
    else:
        assert pa.ipc.open_file(pa.BufferReader(target.getvalue())).schema == pa.schema([])


@pytest.mark.parametrize("form", ["npy", "arrow"])
@pytest.mark.parametrize(("columns", "rows"), [(3, 300_000), (2000, 500)])
def test_a_large_one_is_never_in_memory(form: Form, columns: int, rows: int, tmp_path: Path) -> None:
    made = np.random.default_rng(1).normal(size=(columns, rows))
    names = [f"c{place:04}" for place in range(columns)]
    with Spill(Room()) as spill:
        for part in chunks(dict(zip(names, made, strict=True)), 700):
            spill.write(part)
        records = spill.records()
        tracemalloc.start()
        try:
            with output(tmp_path / "matrix") as target:
                matrix.write(target, form, [records], names, rows, "float64")
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    assert peak < 5_000_000
    np.testing.assert_array_equal(_read((tmp_path / "matrix").read_bytes(), form), made.T)


def test_other_rows_than_were_said(tmp_path: Path) -> None:
    def written(records: Records) -> None:
        with output(tmp_path / "matrix") as target:
            matrix.write(target, "npy", [records], ["a"], 3, "float64")

    with Spill(Room()) as spill:
        spill.write(chunk({"a": [1.0, 2.0]}))
        with pytest.raises(OtherRows, match=r"2 rows of numbers .* 3 rows in all"):
            written(spill.records())
    assert list(tmp_path.iterdir()) == []


def test_records_that_nobody_wrote_are_refused(tmp_path: Path) -> None:
    with Room(tmp_path).file() as file:
        file.append(np.array([2, 1, 0, 0], "<u4").tobytes())
        with pytest.raises(Damaged, match="record of numbers at byte"):
            list(Records(Section(file.descriptor, 0, file.size), {"a": 0}))
