"""Inputs that mean harm: a right answer or a clear error, in memory that does not follow them, in linear time."""

from __future__ import annotations

import gzip
import io
import itertools
import json
import time
import tracemalloc
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import pytest
import zstandard

from novacron.ml.domain.budget import LINE_BYTES, Pace
from novacron.ml.service.sources.opened import opened
from novacron.ml.service.sources.report import Report, Unreadable

MEBIBYTE = 1 << 20


class Endless(io.RawIOBase):
    """Pieces that are made when they are asked for."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._pieces = iter(pieces)
        self._rest = b""

    def read(self, size: int = -1, /) -> bytes:
        """At most so many bytes."""
        while not self._rest:
            piece = next(self._pieces, None)
            if piece is None:
                return b""
            self._rest = piece
        piece, self._rest = self._rest[:size], self._rest[size:]
        return piece


@dataclass
class Reading:
    """What came of it."""

    rows: int
    columns: int
    peak: int
    report: Report


def read(pieces: Iterable[bytes], kind: str = "jsonl", compression: str = "none") -> Reading:
    """All chunks, each forgotten at once, with the most memory that was held."""
    report = Report()
    rows = columns = 0
    tracemalloc.start()
    try:
        chunks = opened(Endless(pieces), format=kind, compression=compression, pace=Pace(), report=report)
        for chunk in chunks:
            rows += chunk.rows
            columns = max(columns, len(chunk.number_names))
            del chunk
        return Reading(rows, columns, tracemalloc.get_traced_memory()[1], report)
    finally:
        tracemalloc.stop()


def long(begin: bytes, middle: bytes, end: bytes, size: int = 64 * MEBIBYTE) -> Iterator[bytes]:
    """One thing of this size."""
    yield begin
    yield from itertools.repeat(middle * (MEBIBYTE // len(middle)), size // MEBIBYTE)
    yield end


@pytest.mark.parametrize(
    ("kind", "pieces", "place"),
    [
        ("jsonl", itertools.chain([b'{"a":1}\n'], long(b'{"a":"', b"x", b'"}\n'), [b'{"a":2}\n']), 2),
        ("jsonl", itertools.chain([b'{"a":1}\n'], long(b'{"a":', b"[", b"}\n"), [b'{"a":2}\n']), 2),
        ("jsonl", itertools.chain([b'{"a":1}\n{"a":2}\n'], long(b'{"a":"', b"x", b"")), 3),
        ("json", itertools.chain([b'[{"a":1},'], long(b'{"a":"', b'x,\\"]', b'"},'), [b'{"a":2}]']), 2),
        ("json", itertools.chain([b'[{"a":1},'], long(b'{"a":', b"[{},", b"]}" * 0), [b""]), None),
        ("csv", itertools.chain([b"a,b\n1,x\n"], long(b"1,", b"x", b"\n"), [b"2,y\n"]), 3),
        ("csv", itertools.chain([b"a,b\n1,x\n"], long(b"1,", b"x,", b"\n"), [b"2,y\n"]), 3),
    ],
)
def test_a_line_without_end(kind: str, pieces: Iterator[bytes], place: int | None) -> None:
    if place is None:
        with pytest.raises(Unreadable, match="ends within element"):
            read(pieces, kind)
        return
    reading = read(pieces, kind)
    assert (reading.rows, [where for where, _ in reading.report.first]) == (2, [place])
    assert f"longer than {LINE_BYTES} bytes" in reading.report.first[0][1]
    assert reading.peak < 10 * MEBIBYTE


def test_a_quote_that_is_never_closed() -> None:
    lines = itertools.chain([b'a,b\n1,"x\n'], itertools.repeat(b"2,y\n" * 100_000, 5))
    reading = read(lines, "csv")
    assert reading.report.first[0][0] == 2
    assert reading.report.count == 1
    assert reading.rows == 500_000
    assert reading.peak < 12 * MEBIBYTE


def test_ten_thousand_columns() -> None:
    rows = [{f"column-{place}": place + row / 2 for place in range(10_000)} for row in range(20)]
    lines = [json.dumps(row).encode() + b"\n" for row in rows]
    reading = read(lines)
    assert (reading.rows, reading.columns, reading.report.count) == (20, 10_000, 0)
    assert reading.peak < 16 * MEBIBYTE
    table = [",".join(rows[0]), *(",".join(map(str, row.values())) for row in rows)]
    reading = read(["\n".join(table).encode()], "csv")
    assert (reading.rows, reading.columns, reading.report.count) == (20, 10_000, 0)
    assert reading.peak < 12 * MEBIBYTE


def test_one_wide_row_does_not_make_the_others_wide() -> None:
    wide = json.dumps({f"c{place}": place for place in range(20_000)}).encode()
    reading = read([wide, b"\n", b'{"a":1}\n' * 5000, wide, b"\n"])
    assert (reading.rows, reading.columns) == (5002, 20_001)
    assert reading.peak < 16 * MEBIBYTE


def test_rows_of_nothing_do_not_become_wide_by_what_was_learned() -> None:
    learned = json.dumps({f"c{place}": place for place in range(1000)}).encode()
    for kind, begin, between, end in (("jsonl", b"", b"\n", b""), ("json", b"[", b",", b"]")):
        pieces = [begin, (learned + between) * 200, (b"{}" + between) * 100_000, learned, end]
        reading = read(pieces, kind)
        assert (reading.rows, reading.columns, reading.report.count) == (100_201, 1000, 0)
        assert reading.peak < 16 * MEBIBYTE


def test_dense_elements() -> None:
    reading = read([b"[", b"{}," * 200_000, b"{}]"], "json")
    assert (reading.rows, reading.report.count) == (200_001, 0)
    assert reading.peak < 12 * MEBIBYTE
    reading = read([b"[", b"1," * 50_000, b"{}]"], "json")
    assert (reading.rows, reading.report.count) == (1, 50_000)
    assert reading.peak < 24 * MEBIBYTE


def seconds(work: Callable[[], object]) -> float:
    """CPU time of the best of three."""
    times = []
    for _ in range(3):
        begin = time.process_time()
        work()
        times.append(time.process_time() - begin)
    return min(times)


def drain(text: bytes, kind: str) -> None:
    """All chunks."""
    for _ in opened(io.BytesIO(text), format=kind, pace=Pace(), report=Report()):
        pass


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("jsonl", lambda size: b"".join(b'{"c%d":%d}\n' % (row, row) for row in range(size))),
        ("jsonl", lambda size: b"".join(b'{"a":%d,"c%d":"x"}\n' % (row, row % 900) for row in range(size))),
        ("json", lambda size: b"[" + b",".join(b'{"c%d":{"x":1}}' % row for row in range(size)) + b"]"),
        ("jsonl", lambda size: b'{"a":"' + b"\\\\" * (size * 8) + b'"}\n'),
        ("jsonl", lambda size: b'{"a":1' + b"0" * (size * 8) + b"}\n"),
        ("csv", lambda size: b"a\n" + b"1" * (size * 6) + b"x\n"),
        ("csv", lambda size: b"a\n" + b'"' * (size * 6) + b"\n"),
        ("json", lambda size: b'[{"a":"' + b'\\"' * (size * 8) + b'"}]'),
    ],
    ids=["new columns", "columns that come and go", "nested new columns", "backslashes", "digits", "nearly a number",
         "quotes", "escaped quotes"],
)  # fmt: skip
def test_time_is_linear(kind: str, text: Callable[[int], bytes]) -> None:
    """Of eight times as much: quadratic time would be 64 times as long."""
    small, large = text(2500), text(20_000)
    assert seconds(lambda: drain(large, kind)) < 20 * max(seconds(lambda: drain(small, kind)), 0.001)


def test_a_bomb_costs_time_alone() -> None:
    plain = b'{"a":1}\n' * (MEBIBYTE // 16)
    reading = read([gzip.compress(plain, 1)], compression="gzip")
    assert (reading.rows, reading.report.count) == (MEBIBYTE // 16, 0)
    assert reading.peak < 10 * MEBIBYTE
    blank = zstandard.ZstdCompressor().compress(b"\n" * (2 * MEBIBYTE))
    assert len(blank) < MEBIBYTE / 500
    reading = read([blank], compression="zstd")
    assert (reading.rows, reading.report.count) == (0, 0)
    assert reading.peak < 24 * MEBIBYTE
