"""What a caller brings, and Arrow's files: the same table from each of them, none of it changed."""

from __future__ import annotations

import datetime as dt
import io
import subprocess
import sys
from decimal import Context, Decimal
from typing import Any
from uuid import UUID

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from novacron.ml.domain.budget import Pace
from novacron.ml.service.sources import arrow
from novacron.ml.service.sources.caller import records
from novacron.ml.service.sources.frames import frame
from novacron.ml.service.sources.opened import opened
from novacron.ml.service.sources.report import Rejected, Report, Unreadable
from tests.support.chunks import Dribble, Whole, table, together

ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "cpu": st.none() | st.floats(allow_nan=False),
            "cores": st.none() | st.integers(-(2**63), 2**63 - 1),
            "up": st.none() | st.booleans(),
            "zone": st.none() | st.text(st.characters(exclude_categories=["Cs"]), max_size=4),
        }
    ),
    min_size=1,
    max_size=30,
)
SCHEMA = pa.schema({"cpu": pa.float64(), "cores": pa.int64(), "up": pa.bool_(), "zone": pa.string()})


def written(whole: pa.Table, kind: str) -> bytes:
    """The bytes of a file."""
    file = io.BytesIO()
    if kind == "parquet":
        pq.write_table(whole, file, row_group_size=7)
        return file.getvalue()
    with (pa.ipc.new_stream if kind == "stream" else pa.ipc.new_file)(file, whole.schema) as writer:
        writer.write_table(whole, max_chunksize=7)
    return file.getvalue()


def as_pandas(rows: list[dict[str, Any]]) -> pd.DataFrame:
    """With the types that hold nulls."""
    types = {"cpu": "Float64", "cores": "Int64", "up": "boolean", "zone": "string"}
    return pd.DataFrame({name: pd.array([row[name] for row in rows], dtype=kind) for name, kind in types.items()})


@settings(max_examples=50)
@given(rows=ROWS, most=st.integers(1, 40))
def test_the_same_rows_from_everywhere(rows: list[dict[str, Any]], most: int) -> None:
    whole = pa.Table.from_pylist(rows, SCHEMA)
    pace = Pace(most)
    expected = table(rows)
    assert together(records(rows, pace, Report())) == expected
    for held in (whole, whole.to_batches()[0], pl.from_arrow(whole), as_pandas(rows)):
        assert together(frame(held, pace)) == expected
    for kind in ("parquet", "stream", "file"):
        assert together(opened(io.BytesIO(written(whole, kind)), pace=pace, report=Report())) == expected


def test_values_of_python_numpy_and_pandas() -> None:
    day, moment = dt.date(2026, 11, 26), dt.datetime(2026, 11, 26, 1, 2, 3, 500_000, tzinfo=dt.UTC)
    row = {
        "numbers": [
            10**400,
            -(10**400),
            Decimal("1.25"),
            Decimal("sNaN"),
            np.float32(1.5),
            np.int64(4),
            np.bool_(True),
            True,
            np.longdouble("2.5"),
        ],
        "texts": [day, moment, np.datetime64("2026-11-26T01:02:03"), np.str_("a"), UUID(int=1), dt.time(1, 2)],
        "nulls": [None, float("nan"), np.float64("nan"), pd.NA, pd.NaT, np.datetime64("NaT"), np.timedelta64("NaT")],
        "nested": [[1], (1,), {"a": 1}, {1}, b"x", object(), 1j, dt.timedelta(1), np.timedelta64(1, "D")],
    }
    found = {
        kind: together(records([{"value": value} for value in values], Pace(), Report()))
        for kind, values in row.items()
    }
    assert found["numbers"].numbers["value"] == [np.inf, -np.inf, 1.25, None, 1.5, 4.0, 1.0, 1.0, 2.5]
    assert found["texts"].texts["value"] == [
        "2026-11-26", "2026-11-26T01:02:03.500000+00:00", "2026-11-26T01:02:03", "a", str(UUID(int=1)), "01:02:00",
    ]  # fmt: skip
    assert found["nulls"].nulls == {"value": 7}
    assert found["nested"].nested == {"value": 9}


def test_dates_are_written_alike_whoever_brings_them() -> None:
    moments = [dt.datetime(2026, 11, 26), dt.datetime(2026, 11, 26, 1, 2, 3, 500_000), None]  # noqa: DTZ001
    texts = ["2026-11-26T00:00:00", "2026-11-26T01:02:03.500000", None]
    for unit in ("us", "ns"):
        column = pa.array(moments, pa.timestamp(unit))
        held = pa.table({"at": column})
        for brought in (
            held,
            pl.from_arrow(held),
            held.to_pandas(),
            pd.DataFrame({"at": pd.Series(moments, dtype=object)}),
        ):
            assert together(frame(brought, Pace())).texts == {"at": texts}
    assert together(records([{"at": moment} for moment in moments], Pace(), Report())).texts == {"at": texts}
    zoned = pd.DataFrame({"at": pd.to_datetime(["2026-11-26T01:00"]).tz_localize("Europe/Berlin")})
    for brought in (zoned, pa.Table.from_pandas(zoned)):
        assert together(frame(brought, Pace())).texts == {"at": ["2026-11-26T00:00:00+00:00"]}


@pytest.mark.parametrize("unit", ["s", "ms", "us"])
@pytest.mark.parametrize("zone", [None, "Europe/Berlin"])
def test_years_beyond_those_of_nanoseconds(unit: str, zone: str | None) -> None:
    moments = np.array(["1000-01-01T00:00:00", "5000-01-01T00:00:00", "NaT"], f"datetime64[{unit}]")
    column = pd.Series(moments).dt.tz_localize("UTC").dt.tz_convert(zone) if zone else pd.Series(moments)
    expected = [f"{year}-01-01T00:00:00{'+00:00' if zone else ''}" for year in (1000, 5000)]
    held = pa.table({"at": pa.array(moments).cast(pa.timestamp(unit, zone))})
    for brought in (pd.DataFrame({"at": column}), held, held.to_pandas(types_mapper=pd.ArrowDtype)):
        assert together(frame(brought, Pace())).texts == {"at": [*expected, None]}


def test_arrow_columns_of_pandas_are_arrows() -> None:
    whole = pa.table(
        {
            "day": pa.array([dt.date(2026, 11, 26), None], pa.date32()),
            "milliseconds": pa.array([dt.date(2026, 11, 26), None], pa.date64()),
            "zoned": pa.array([dt.datetime(2026, 11, 26, tzinfo=dt.UTC), None], pa.timestamp("us", "Europe/Berlin")),
            "decimal": pa.array([Decimal("1.5"), None]),
            "dictionary": pa.array(["a", None]).dictionary_encode(),
            "list": pa.array([[1], None]),
        }
    )
    found = together(frame(whole, Pace()))
    assert together(frame(whole.to_pandas(types_mapper=pd.ArrowDtype), Pace(1))) == found
    assert found.texts["day"] == found.texts["milliseconds"] == ["2026-11-26", None]
    assert found.texts["zoned"] == ["2026-11-26T00:00:00+00:00", None]


DECIMALS = [
    pa.decimal32(9, 3), pa.decimal64(18, 6), pa.decimal128(38, 9), pa.decimal128(38, 38), pa.decimal256(76, 20),
]  # fmt: skip


@pytest.mark.parametrize("kind", DECIMALS, ids=str)
@given(data=st.data())
def test_decimals_are_the_nearest_numbers(kind: Any, data: st.DataObject) -> None:
    digits = st.integers(1 - 10**kind.precision, 10**kind.precision - 1)
    exact = Context(prec=80)
    values = [Decimal(one).scaleb(-kind.scale, exact) for one in data.draw(st.lists(digits, min_size=1))]
    found = together(frame(pa.table({"x": pa.array([*values, None], kind)}), Pace()))
    assert found.numbers == {"x": [*map(float, values), None]}


def test_values_that_stand_once_for_a_run_of_rows() -> None:
    ends = pa.array([2, 3], pa.int32())
    columns = {
        "number": pa.RunEndEncodedArray.from_arrays(ends, pa.array([1.5, None])),
        "text": pa.RunEndEncodedArray.from_arrays(ends, pa.array(["a", "b"])),
    }
    found = together(frame(pa.table(columns), Pace(2)))
    assert (found.numbers["number"], found.texts["text"]) == ([1.5, 1.5, None], ["a", "a", "b"])


def test_integers_of_polars_beyond_64_bits() -> None:
    for kind in (pl.Int128, pl.UInt128):
        held = pl.DataFrame({"x": pl.Series([2**100, None, 3], dtype=kind)})
        assert together(frame(held, Pace(2))).numbers == {"x": [2.0**100, None, 3.0]}
    with pytest.raises(Unreadable, match="the table cannot be read"):
        together(frame(pl.DataFrame({"x": [[1]]}, schema={"x": pl.List(pl.Int128)}), Pace()))


def test_other_columns_of_frames() -> None:
    whole = pa.table(
        {
            "decimal": pa.array([Decimal("1.5"), None]),
            "half": pa.array(np.array([1.5, 2], np.float16)),
            "dictionary": pa.array(["a", None]).dictionary_encode(),
            "null": pa.nulls(2),
            "list": pa.array([[1], None]),
            "time": pa.array([dt.time(1, 2), None], pa.time64("ns")),
            "bytes": pa.array([b"x", None]),
        }
    )
    found = together(frame(whole, Pace()))
    assert {name: values for name, values in found.numbers.items() if any(values)} == {
        "decimal": [1.5, None],
        "half": [1.5, 2],
    }
    texts = {name: values for name, values in found.texts.items() if any(values)}
    assert texts == {"dictionary": ["a", None], "time": ["01:02:00", None]}
    assert {name for name, count in found.nested.items() if count} == {"list", "bytes"}
    assert {name: count for name, count in found.nulls.items() if count} == {
        "decimal": 1, "dictionary": 1, "null": 2, "list": 1, "time": 1, "bytes": 1,
    }  # fmt: skip
    mixed = pd.DataFrame({"a": [1, "x", None, [1]], "c": pd.Categorical([1, 2, None, 1])})
    assert together(frame(mixed, Pace())) == table(
        [{"a": 1, "c": 1}, {"a": "x", "c": 2}, {"a": None, "c": None}, {"a": [1], "c": 1}]
    )


def test_nothing_of_a_callers_is_changed() -> None:
    brought = pd.DataFrame({"a": [1, None, 3], "b": ["x", None, "y"]})
    rows: list[dict[str, Any]] = [{"a": float("nan"), "b": [1]}, {"b": "x"}]
    before = brought.copy(deep=True)
    together(frame(brought, Pace(2)))
    together(records(rows, Pace(), Report()))
    pd.testing.assert_frame_equal(brought, before)
    assert str(rows) == "[{'a': nan, 'b': [1]}, {'b': 'x'}]"


def test_records_that_are_none() -> None:
    report = Report()
    rows: list[Any] = [{"a": 1}, 5, {1: 2}, {"a": "\ud800"}, {"\ud800": 1}, {"a": 2}]
    assert together(records(rows, Pace(), report)).numbers == {"a": [1.0, 2.0]}
    assert [place for place, _ in report.first] == [2, 3, 4, 5]
    with pytest.raises(Rejected, match="record 2: is no mapping"):
        together(records(rows, Pace(), Report(strict=True)))


def test_what_is_no_table() -> None:
    with pytest.raises(Unreadable, match="a set is no table"):
        frame(set(), Pace())
    with pytest.raises(Unreadable, match="a LazyFrame is no table"):
        frame(pl.LazyFrame({"a": [1]}), Pace())
    with pytest.raises(Unreadable, match="the name of column 1 holds an unpaired surrogate"):
        together(frame(pd.DataFrame([[1]], columns=pd.Index(["\ud800"], dtype=object)), Pace()))
    with pytest.raises(Unreadable, match="2 columns are called 'a'"):
        together(frame(pd.DataFrame([[1, 2]], columns=["a", "a"]), Pace()))
    with pytest.raises(Unreadable, match="same name"):
        together(frame(pa.table([[1], [2]], names=["a", "a"]), Pace()))
    with pytest.raises(Unreadable, match="a value of column 'a' holds an unpaired surrogate"):
        together(frame(pd.DataFrame({"a": pd.Series(["\ud800"], dtype=object)}), Pace()))


def test_parquet_from_a_pipe_is_spooled() -> None:
    data = written(pa.table({"a": [1, 2]}), "parquet")
    with pytest.raises(Unreadable, match="Parquet is read from its end"):
        together(opened(Dribble(data, 1), pace=Pace(), report=Report()))
    spooled = []

    def spool(stream: Any) -> io.BytesIO:
        spooled.append(b"".join(iter(lambda: stream.read(10), b"")))
        return io.BytesIO(spooled[0])

    found = together(opened(Dribble(data, 1), pace=Pace(), report=Report(), spool=spool))
    assert (found.numbers, spooled) == ({"a": [1.0, 2.0]}, [data])


@pytest.mark.parametrize("kind", ["parquet", "stream", "file"])
def test_files_of_arrow_that_are_none(kind: str) -> None:
    data = written(pa.table({"a": list(range(1000)), "b": ["x"] * 1000}), kind)
    form = "parquet" if kind == "parquet" else "arrow"
    for damaged in (data[:100], data[: len(data) // 2], data[:8] + b"x" * 500, data[:8]):
        with pytest.raises(Unreadable):
            together(opened(io.BytesIO(damaged), format=form, pace=Pace(), report=Report()))


def test_a_batch_and_a_row_group_are_not_larger_than_what_is_held(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arrow, "MOST_HELD", 10_000)
    whole = pa.table({"a": np.random.default_rng(1).random(5000)})
    file = io.BytesIO()
    with pa.ipc.new_stream(file, whole.schema) as writer:
        writer.write_table(whole)
    with pytest.raises(Unreadable, match="a record batch holds 40000 bytes, more than 10000"):
        together(opened(io.BytesIO(file.getvalue()), pace=Pace(), report=Report()))
    file = io.BytesIO()
    pq.write_table(whole, file)
    with pytest.raises(Unreadable, match=r"row group 0 holds [0-9]+ bytes, more than 10000"):
        together(opened(io.BytesIO(file.getvalue()), pace=Pace(), report=Report()))


def test_large_libraries_are_imported_for_their_own_inputs_alone() -> None:
    """In a process of its own, for this one has them all."""
    code = (
        "import io, sys\n"
        "from novacron.ml.domain.budget import Pace\n"
        "from novacron.ml.service.sources.caller import records\n"
        "from novacron.ml.service.sources.frames import frame\n"
        "from novacron.ml.service.sources.opened import opened\n"
        "from novacron.ml.service.sources.report import Report\n"
        "for text in (b'{}', b'[{}]', b'a,b\\n1,2'):\n"
        "    list(opened(io.BytesIO(text), pace=Pace(), report=Report()))\n"
        "list(records([{'a': 1}], Pace(), Report()))\n"
        "large = {'pyarrow', 'pandas', 'polars', 'pydantic', 'datasketches', 'aiohttp', 'rich'}\n"
        "print(sorted(large & sys.modules.keys()))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_no_rows() -> None:
    empty = pa.table({"a": pa.array([], pa.float64())})
    for held in (empty, pl.from_arrow(empty), empty.to_pandas()):
        assert together(frame(held, Pace())) == Whole()
    assert together(records([], Pace(), Report())) == Whole()
