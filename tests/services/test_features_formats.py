"""POST /api/v1/features of one table in every format and coding: the same answer; and of damaged ones a refusal."""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import zstandard
from pyarrow import parquet

from tests.support.ml_pods import MlPod

ROWS = 3000
CSV, JSON, LINES = "text/csv", "application/json", "application/x-ndjson"
ARROW, ARROW_FILE = "application/vnd.apache.arrow.stream", "application/vnd.apache.arrow.file"
PARQUET = "application/vnd.apache.parquet"


@pytest.fixture(scope="module")
def pod(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MlPod]:
    with MlPod(tmp_path_factory.mktemp("pod") / "ml") as running:
        yield running


@pytest.fixture(scope="module")
def table() -> list[dict[str, Any]]:
    made = np.random.default_rng(3)
    numbers = made.normal(size=ROWS).round(6).tolist()
    return [
        {"cpu": None if place % 11 == 0 else number, "zone": f"zone {place % 5} é"}
        for place, number in enumerate(numbers)
    ]


@pytest.fixture(scope="module")
def answer(pod: MlPod, table: list[dict[str, Any]]) -> Any:
    found = pod.ask(as_lines(table)).json()
    assert found["rows"] == ROWS
    assert found["columns"]["cpu"]["median"] == np.median([row["cpu"] for row in table if row["cpu"] is not None])
    return found


def as_lines(table: list[dict[str, Any]]) -> bytes:
    return b"".join(json.dumps(row).encode() + b"\n" for row in table)


def as_csv(table: list[dict[str, Any]]) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(["cpu", "zone"])
    writer.writerows([row["cpu"], row["zone"]] for row in table)
    return text.getvalue().encode()


def as_arrow(table: list[dict[str, Any]]) -> bytes:
    made, sink = pa.Table.from_pylist(table), io.BytesIO()
    with pa.ipc.new_stream(sink, made.schema) as writer:
        writer.write_table(made, max_chunksize=700)
    return sink.getvalue()


def as_arrow_file(table: list[dict[str, Any]]) -> bytes:
    made, sink = pa.Table.from_pylist(table), io.BytesIO()
    with pa.ipc.new_file(sink, made.schema) as writer:
        writer.write_table(made, max_chunksize=700)
    return sink.getvalue()


def as_parquet(table: list[dict[str, Any]]) -> bytes:
    sink = io.BytesIO()
    parquet.write_table(pa.Table.from_pylist(table), sink, row_group_size=700)
    return sink.getvalue()


FORMATS: Mapping[str, Callable[[list[dict[str, Any]]], bytes]] = {
    LINES: as_lines,
    JSON: lambda rows: json.dumps(rows, indent=1).encode(),
    CSV: as_csv,
    ARROW: as_arrow,
    ARROW_FILE: as_arrow_file,
    PARQUET: as_parquet,
}
CODINGS: Mapping[str, Callable[[bytes], bytes]] = {
    "identity": lambda content: content,
    "gzip": gzip.compress,
    "zstd": zstandard.compress,
}


@pytest.mark.parametrize("coding", CODINGS)
@pytest.mark.parametrize("media_type", FORMATS)
def test_the_same_answer(pod: MlPod, table: list[dict[str, Any]], answer: Any, media_type: str, coding: str) -> None:
    sent = CODINGS[coding](FORMATS[media_type](table))
    found = pod.ask(sent, media_type=media_type, Content_Encoding=coding)
    assert found.status == 200, found
    assert found.json() == answer


@pytest.mark.parametrize(
    ("sent", "media_type", "coding"),
    [
        (b"nothing of that kind", LINES, "gzip"),
        (gzip.compress(b'{"a": 1}\n' * 10_000)[:-20], LINES, "gzip"),
        (b"nothing of that kind", LINES, "zstd"),
        (zstandard.ZstdCompressor(write_checksum=True).compress(b'{"a": 1}\n')[:-6], LINES, "zstd"),
        (b"a,a\n1,2\n", CSV, "identity"),
        (b'{"a": 1}', JSON, "identity"),
        (b"nothing of that kind", PARQUET, "identity"),
        (b"nothing of that kind", ARROW, "identity"),
    ],
    ids=[
        "no gzip",
        "half a gzip",
        "no zstd",
        "half a zstd",
        "two columns of one name",
        "no array",
        "no parquet",
        "no arrow",
    ],
)
def test_what_cannot_be_read_is_refused_by_name(pod: MlPod, sent: bytes, media_type: str, coding: str) -> None:
    found = pod.ask(sent, media_type=media_type, Content_Encoding=coding)
    assert (found.status, found.headers["content-type"]) == (400, "application/problem+json")
    assert found.json()["detail"].endswith(".")
    assert pod.running == 0


def test_a_bomb_costs_time_and_no_memory(pod: MlPod) -> None:
    line = b'{"a": 1, "b": "%s"}\n' % (b"x" * 1000)
    sent = gzip.compress(line * 100_000, 1)
    idle = pod.resident
    pod.forget_peak()
    found = pod.ask(sent, Content_Encoding="gzip")
    assert (found.status, found.json()["rows"]) == (200, 100_000)
    print(f"{len(sent) / 1e6:.1f} MB that are {len(line) / 10:.0f} MB: {(pod.peak - idle) / 1e6:.0f} MB more than idle")
    assert pod.peak - idle < 25e6


def test_a_table_of_thousands_of_columns_has_an_answer_as_long(pod: MlPod) -> None:
    row = json.dumps({f"column {place:05}": place / 7 for place in range(6000)}).encode() + b"\n"
    found = pod.ask(row * 20)
    assert found.status == 200, found
    assert len(found.body) > 1 << 20
    assert found.json()["columns"]["column 00007"]["mean"] == 1.0
    assert (pod.running, pod.disk, pod.process.metrics()["novacron_ml_spill_bytes"]) == (0, 0, 0)
