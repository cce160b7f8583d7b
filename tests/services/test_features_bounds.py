"""Memory that does not grow with the input, whatever the input is: in a process that cannot have more."""

from __future__ import annotations

import gzip
import io
import itertools
import json
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow
import pytest
import zstandard
from pyarrow import parquet

from tests.support.bounded import LIMIT, MEGABYTE, features

_BLOCK = 1000
_NUMBERS = 12


def _block() -> tuple[bytes, np.ndarray[tuple[int, int], np.dtype[np.float64]]]:
    """Lines of a thousand rows, and their numbers: (rows, columns)."""
    chance = np.random.default_rng(3)
    numbers = chance.lognormal(3, 2, (_BLOCK, _NUMBERS)).round(4)
    numbers[:, 1] += 1e9
    zones = [f"zone-{one}" for one in chance.integers(0, 5, _BLOCK)]
    apps = [f"app-{one}" for one in chance.integers(0, 800, _BLOCK)]
    rows = (
        {f"n{column}": value for column, value in enumerate(row)} | {"zone": zone, "app": app}
        for row, zone, app in zip(numbers.tolist(), zones, apps, strict=True)
    )
    return "".join(json.dumps(row) + "\n" for row in rows).encode(), numbers


def _repeated(block: bytes, times: int) -> Iterator[bytes]:
    return itertools.repeat(block, times)


def test_the_peak_does_not_grow_with_the_rows() -> None:
    block, numbers = _block()
    small = features(_repeated(block, 100))
    large = features(_repeated(block, 2000))
    assert large.document["rows"] == 2_000_000
    for column in (0, 1):
        found = large.document["columns"][f"n{column}"]
        values = np.tile(numbers[:, column], 2000)
        assert found["median"] == np.median(values)
        assert found["histogram_bounds"] == np.percentile(values, range(0, 101, 10)).tolist()
    assert large.peak - small.peak < 0.05 * small.peak, (small.peak, large.peak)
    assert large.peak < LIMIT


def test_a_line_of_a_gigabyte_is_passed_over() -> None:
    line = itertools.chain([b'{"a": "'], itertools.repeat(b"x" * MEGABYTE, 1000), [b'"}\n{"a": 2}\n'])
    found = features(itertools.chain([b'{"a": 1}\n'], line))
    assert found.document["rows"] == 2
    assert found.document["rejected"]["count"] == 1
    assert found.document["rejected"]["first"][0]["line"] == 2
    assert found.peak < LIMIT


def test_a_million_categories_are_counted_exactly() -> None:
    def lines() -> Iterator[bytes]:
        for begin in range(0, 1_000_000, 10_000):
            yield b"".join(b'{"id": "user-%07d"}\n' % (one * 7919 % 999_983) for one in range(begin, begin + 10_000))

    found = features(lines())
    column = found.document["columns"]["id"]
    assert column["distinct"] == 999_983
    assert column["categories"][:17] == [[f"user-{one:07}", 2] for one in sorted(_twice())]
    assert column["other"] == 1_000_000 - 1000 - 17
    assert found.peak < LIMIT


def _twice() -> list[int]:
    """Those of the million that come again after the prime."""
    return [one * 7919 % 999_983 for one in range(999_983, 1_000_000)]


def test_ten_thousand_columns() -> None:
    chance = np.random.default_rng(5)
    rows = chance.normal(size=(200, 10_000)).round(3)
    names = [f"c{one}" for one in range(10_000)]
    found = features((json.dumps(dict(zip(names, row.tolist(), strict=True))) + "\n").encode() for row in rows)
    columns = found.document["columns"]
    assert [columns[name]["median"] for name in names] == np.median(rows, axis=0).tolist()
    assert found.peak < LIMIT


def test_new_columns_in_each_row_end_in_an_error_before_the_memory_does() -> None:
    found = features(b'{"c%d": 1}\n' % one for one in range(200_000))
    assert "columns do not fit into the memory" in found.refusal
    assert found.peak < LIMIT


def test_a_million_brackets_are_a_line_that_cannot_be_used() -> None:
    deep = b'{"a": ' + b"[" * 500_000 + b"]" * 500_000 + b"}\n"
    found = features([b'{"a": 1}\n', deep, b'{"a": 3}\n'])
    assert (found.document["rows"], found.document["rejected"]["count"]) == (2, 1)
    assert found.peak < LIMIT


def test_a_truncated_gzip_is_named() -> None:
    whole = gzip.compress(_block()[0] * 20)
    assert "gzip" in features([whole[: len(whole) // 2]]).refusal


def test_a_gzip_bomb_costs_time_alone() -> None:
    def bomb() -> Iterator[bytes]:
        press = zlib.compressobj(9, zlib.DEFLATED, 31)
        for _ in range(500):
            yield press.compress(b" " * MEGABYTE)
        yield press.compress(b'\n{"a": 1}\n') + press.flush()

    found = features(bomb())
    assert found.document["rows"] == 1
    assert found.peak < LIMIT


def test_a_zstd_window_beyond_eight_mebibytes_is_refused_by_name() -> None:
    parameters = zstandard.ZstdCompressionParameters(window_log=27, compression_level=1)
    frame = zstandard.ZstdCompressor(compression_params=parameters).compressobj().compress
    press = zstandard.ZstdCompressor(compression_params=parameters).compressobj()
    found = features([press.compress(_block()[0]) + press.flush()])
    assert "window" in found.refusal
    assert found.peak < LIMIT
    assert frame is not None


@pytest.mark.parametrize("options", [("--max-spill", "1MB"), ("--max-spill", "1MB", "--categories", "misra-gries")])
def test_a_full_spill_is_told_with_its_remedy(options: tuple[str, ...]) -> None:
    found = features(_repeated(_block()[0], 200), *options)
    assert "--max-spill" in found.refusal
    assert "--median kll" in found.refusal


def test_sketches_need_no_disk() -> None:
    block, numbers = _block()
    found = features(_repeated(block, 200), "--max-spill", "1MB", "--median", "kll", "--categories", "misra-gries")
    for column in range(_NUMBERS):
        told = found.document["columns"][f"n{column}"]
        values = np.tile(numbers[:, column], 200)
        rank = told["quantile_error"]["rank"]
        assert 0 < rank < 0.01
        low, high = np.quantile(values, [0.5 - rank, 0.5 + rank])
        assert low <= told["median"] <= high
    assert found.peak < LIMIT


@pytest.mark.parametrize("format_", ["parquet", "arrow", "jsonl"])
def test_what_pyarrow_takes_is_within_what_is_allowed(tmp_path: Path, format_: str) -> None:
    """Of the first two that reads, of the last one that writes."""
    body = _block()[0]
    options: tuple[str, ...] = ()
    if format_ == "jsonl":
        options = ("--matrix", str(tmp_path / "matrix.arrow"))
    else:
        body = _written(format_, [json.loads(line) for line in body.splitlines()])
    for megabytes in (100, 120):
        assert "needs 90 MB" in features([body], *options, "--max-memory", f"{megabytes}MB").refusal
    enough = 160 * MEGABYTE
    found = features([body], *options, "--max-memory", "160MB", limit=enough)
    assert found.document["rows"] == _BLOCK
    assert found.peak < enough


def _written(format_: str, rows: list[dict[str, object]]) -> bytes:
    table, file = pyarrow.Table.from_pylist(rows), io.BytesIO()
    if format_ == "parquet":
        parquet.write_table(table, file)
    else:
        with pyarrow.ipc.new_file(file, table.schema) as writer:
            writer.write_table(table)
    return file.getvalue()
