"""POST /api/v1/features over HTTP, on a real pod: answers, refusals, and clients that are slow, fast or gone."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pytest

from novacron.ml.service.document import Features
from novacron.ml.service.media import TYPES
from tests.support.ml_pods import PATH, MlPod, end, piece, upload
from tests.support.service_process import Answer
from tests.support.waiting import until

ROWS = 5000


@pytest.fixture(scope="module")
def pod(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MlPod]:
    with MlPod(tmp_path_factory.mktemp("pod") / "ml", limits={"piece_seconds": 2.0}) as running:
        yield running


def lines(rows: int = ROWS, seed: int = 1) -> bytes:
    """JSON Lines: two columns of numbers, one with nulls, and one of texts."""
    made = np.random.default_rng(seed)
    cpu, load = made.normal(1e9, 3.0, rows), made.lognormal(size=rows)
    zones = made.integers(0, 5, rows)
    return b"".join(
        json.dumps(
            {"cpu": one, "load": None if place % 7 == 0 else other, "zone": f"zone {zone} é"}, ensure_ascii=False
        ).encode()
        + b"\n"
        for place, (one, other, zone) in enumerate(zip(cpu.tolist(), load.tolist(), zones.tolist(), strict=True))
    )


def checked(found: Mapping[str, Any], sent: bytes) -> None:
    """Against NumPy, which has the whole table at once."""
    rows = [json.loads(line) for line in sent.splitlines()]
    assert found["rows"] == len(rows)
    assert found["rejected"] == {"count": 0, "first": []}
    for name in ("cpu", "load"):
        numbers = np.array([row[name] for row in rows if row[name] is not None])
        column = found["columns"][name]
        assert (column["type"], column["count"], column["nulls"]) == ("number", len(numbers), len(rows) - len(numbers))
        assert (column["min"], column["max"]) == (numbers.min(), numbers.max())
        assert column["median"] == np.median(numbers)
        assert column["histogram_bounds"] == list(np.percentile(numbers, range(0, 101, 10)))
        assert column["mean"] == pytest.approx(numbers.mean(), rel=1e-12)
        assert column["std"] == pytest.approx(numbers.std(), rel=1e-9)
    texts = [row["zone"] for row in rows]
    column = found["columns"]["zone"]
    expected = sorted(((zone, texts.count(zone)) for zone in set(texts)), key=lambda one: (-one[1], one[0]))
    assert column["categories"] == [list(one) for one in expected]


def test_a_stream_is_answered_exactly(pod: MlPod) -> None:
    sent = lines()
    answer = pod.ask(sent)
    assert answer.status == 200, answer
    assert answer.headers["cache-control"] == "no-store"
    checked(answer.json(), sent)
    Features.model_validate_json(answer.body)


def test_the_pieces_of_a_stream_do_not_matter(pod: MlPod) -> None:
    sent = lines(500)
    with upload(pod) as line:
        for begin in range(0, len(sent), 777):
            piece(line, sent[begin : begin + 777])
        checked(end(line).json(), sent)


def test_a_sketch_when_asked_needs_no_disk(pod: MlPod) -> None:
    found = pod.ask(lines(), "median=kll").json()["columns"]["cpu"]
    assert found["quantile_error"]["method"] == "kll"
    assert found["median"] == pytest.approx(1e9, rel=1e-6)


def test_bad_lines_are_told_of(pod: MlPod) -> None:
    found = pod.ask(b'{"a": 1}\nnothing\n{"a": 3}\n[4]\n').json()
    assert (found["rows"], found["rejected"]["count"]) == (2, 2)
    assert [one["line"] for one in found["rejected"]["first"]] == [2, 4]
    assert "nothing" not in json.dumps(found)


def test_a_strict_job_ends_at_the_first_of_them(pod: MlPod) -> None:
    answer = pod.ask(b'{"a": 1}\n{"a": 2}\nnothing\n', "strict=true")
    assert (answer.status, answer.headers["content-type"]) == (400, "application/problem+json")
    assert "Line 3: " in answer.json()["detail"]
    assert "--" not in answer.json()["detail"]


def test_a_client_hears_of_it_although_it_is_still_sending(pod: MlPod) -> None:
    """What it sends until it reads must not reset the connection."""
    sent = b"nothing\n" + lines(1000) * 100
    for _ in range(5):
        answer = pod.ask(sent, "strict=true")
        assert (answer.status, answer.headers["connection"]) == (400, "close")


def test_an_empty_table(pod: MlPod) -> None:
    assert pod.ask(b"").json() == {"rows": 0, "rejected": {"count": 0, "first": []}, "columns": {}}


@pytest.mark.parametrize(
    ("query", "said"),
    [("median=mean", "median: "), ("strict=perhaps", "strict: "), ("other=1", "known are: categories, median, strict")],
)
def test_what_is_no_question(pod: MlPod, query: str, said: str) -> None:
    answer = pod.ask(lines(10), query)
    assert answer.status == 400
    assert said in answer.json()["detail"]


def test_another_media_type(pod: MlPod) -> None:
    answer = pod.ask(b"1\n2\n", media_type="text/plain")
    assert answer.status == 415
    assert answer.headers["accept"] == ", ".join(TYPES)
    assert "application/x-ndjson" in answer.json()["detail"]


def test_who_may_ask(pod: MlPod) -> None:
    body = lines(10)
    assert pod.process.ask(PATH, "POST", body=body, Content_Type="application/x-ndjson").status == 401
    assert pod.ask(body, token=pod.machine_token("metrics:write")).status == 403
    assert pod.ask(body, token=pod.token("platform-admin", None)).status == 200
    assert pod.process.ask(PATH, Authorization=f"Bearer {pod.token()}").status == 405


def test_a_client_that_pauses_too_long_is_not_waited_for(pod: MlPod) -> None:
    before = pod.jobs("cancelled")
    with upload(pod) as line:
        for _ in range(3):  # longer in all than a piece may take
            piece(line, lines(10))
            time.sleep(0.8)
        answer = Answer(line.getresponse())
    assert (answer.status, answer.headers["connection"]) == (408, "close")
    until(lambda: pod.jobs("cancelled") == before + 1, "the job has ended")
    until(lambda: pod.running == 0, "its place is free")


def test_a_client_that_leaves_takes_its_thread_and_its_disk_with_it(pod: MlPod) -> None:
    before = pod.jobs("cancelled")
    with upload(pod) as line:
        piece(line, lines(1000) * 100)
        until(lambda: pod.disk > 500_000, "something was spilled", every=0.02)
        assert pod.running == 1
    left = time.monotonic()
    until(lambda: pod.jobs("cancelled") == before + 1, "the job has ended", every=0.01)
    print(f"{(time.monotonic() - left) * 1000:.0f} ms after the client left")
    assert (pod.disk, pod.running, pod.process.metrics()["novacron_ml_spill_bytes"]) == (0, 0, 0)
    assert not pod.process.lines("request failed by a defect")


def test_no_client_is_too_fast(pod: MlPod) -> None:
    """400 MB as fast as loopback carries them: memory is that of a job, whatever is sent."""
    pod.ask(lines())
    block = lines(10_000)
    times = 400_000_000 // len(block)
    idle = pod.resident
    pod.forget_peak()
    waits: list[float] = []
    done = threading.Event()

    def healthy() -> None:
        while not done.wait(0.01):
            begun = time.monotonic()
            assert pod.process.ask("/health").status == 200
            waits.append(time.monotonic() - begun)

    asking = threading.Thread(target=healthy)
    asking.start()
    try:
        line = pod.process.connection(120)
        begun = time.monotonic()
        line.request("POST", PATH, (block for _ in range(times)), pod.head(), encode_chunked=True)
        answer = Answer(line.getresponse())
        took = time.monotonic() - begun
    finally:
        done.set()
        asking.join()
    assert answer.status == 200, answer
    assert answer.json()["rows"] == 10_000 * times
    grown = (pod.peak - idle) / 1e6
    waits.sort()
    print(f"{len(block) * times / took / 1e6:.0f} MB/s; {grown:.1f} MB more than idle ({idle / 1e6:.0f} MB)")
    print(f"/health: median {waits[len(waits) // 2] * 1000:.1f} ms, at most {waits[-1] * 1000:.0f} ms")
    assert grown < 25
    assert waits[len(waits) // 2] < 0.1


def test_many_jobs_leave_no_memory_behind(pod: MlPod) -> None:
    tables = [lines(rows, rows) for rows in (10, 500, 3000)]
    sent = [(body, query) for body in tables for query in ("", "median=kll", "categories=misra-gries")]
    for body, query in sent * 2:
        assert pod.ask(body, query).status == 200
    before = pod.resident
    for body, query in sent * 20:
        assert pod.ask(body, query).status == 200
    print(f"{before / 1e6:.1f} MB, after {20 * len(sent)} jobs more {pod.resident / 1e6:.1f} MB")
    assert pod.resident < 1.05 * before


def test_metrics_tell_of_it(pod: MlPod) -> None:
    before = pod.process.metrics()
    sent = lines(1234)
    pod.ask(sent)
    after = pod.process.metrics()
    grown = {name: after[name] - before.get(name, 0) for name in after}  # what never happened has no row yet
    assert grown["novacron_ml_rows_total"] == 1234
    assert grown["novacron_ml_bytes_total"] == len(sent)
    assert grown['novacron_ml_jobs_total{outcome="ok"}'] == 1
    assert grown["novacron_ml_job_seconds_count"] == 1
    assert after["novacron_ml_memory_bytes"] < after["novacron_ml_memory_budget_bytes"]
    assert after["novacron_ml_chunk_rows"] > 0
    assert grown['http_requests_total{code="200",method="POST",route="/api/v1/features"}'] == 1


def test_it_says_how_much_memory_is_left(pod: MlPod) -> None:
    pod.process.until_dependency("memory", "ok", "Reached")
    assert not pod.process.dependency("memory")["required"]
