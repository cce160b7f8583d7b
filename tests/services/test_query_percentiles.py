"""POST /api/v1/percentiles over HTTP, on a real pod: answers, refusals, and that nobody else waits for a large one."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from novacron.query.service.percentiles import LARGEST_BODY, MOST_DATASETS, MOST_PERCENTILES
from tests.services.conftest import REDIS_PASSWORD
from tests.support.postgres import Postgres
from tests.support.query_pods import QueryPods
from tests.support.redis_server import RedisServer
from tests.support.service_process import Answer

PATH = "/api/v1/percentiles"
EXACT = {"rank": 0.0, "value": 0.0}


@pytest.fixture(scope="module")
def pods(
    postgres: Postgres, redis_server: RedisServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[QueryPods]:
    files: dict[str, str | bytes] = {"password": REDIS_PASSWORD, "ca.crt": redis_server.ca}
    with QueryPods(tmp_path_factory.mktemp("pods"), postgres, redis_server, files) as running:
        yield running


def ask(pods: QueryPods, body: Any, **headers: str) -> Answer:
    return pods.ask(PATH, pods.token("viewer", pods.organization()), "POST", body, **headers)


def ask_raw(pods: QueryPods, body: bytes, media_type: str = "application/json") -> Answer:
    token = pods.token("viewer", pods.organization())
    return pods.pod.ask(PATH, "POST", body=body, Authorization=f"Bearer {token}", Content_Type=media_type)


def test_each_dataset_is_answered(pods: QueryPods) -> None:
    made = np.random.default_rng(1)
    datasets = {"few": [3, 1, 2], "many": made.normal(size=20_000).tolist(), "é [1]": [5.5]}
    answer = ask(pods, {"datasets": datasets, "percentiles": [50, 0, 99.9]})
    assert answer.status == 200, answer.body
    found = answer.json()["results"]
    assert list(found) == list(datasets)
    assert found["few"][0] == {"percentile": 50.0, "value": 2.0, "method": "exact", "error": EXACT}
    for name, numbers in datasets.items():
        assert [one["value"] for one in found[name]] == list(np.percentile(numbers, [50, 0, 99.9]))


@pytest.mark.parametrize("method", ["kll", "req", "ddsketch"])
def test_a_sketch_says_how_far_off_it_can_be(pods: QueryPods, method: str) -> None:
    numbers = np.random.default_rng(1).lognormal(size=50_000)
    body = {"datasets": {"a": numbers.tolist()}, "percentiles": [0, 50, 100], "method": method}
    low, middle, high = ask(pods, body).json()["results"]["a"]
    assert (low["value"], high["value"], low["error"]) == (numbers.min(), numbers.max(), EXACT)
    assert middle["method"] == method
    assert 0 < max(middle["error"].values()) <= 0.01


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"percentiles": []}, "percentiles: "),
        ({"percentiles": [101]}, "percentiles[0]: invalid percentile: 101.000000 (must be 0-100)"),
        ({"percentiles": [50, -0.5]}, "percentiles[1]: invalid percentile: -0.500000 (must be 0-100)"),
        ({"percentiles": ["50"]}, "percentiles.0: "),
        ({"percentiles": [50] * (MOST_PERCENTILES + 1)}, "percentiles: "),
        ({"datasets": {}}, "datasets: "),
        ({"datasets": {"a": [1], "b": []}}, "dataset 'b': empty values slice"),
        ({"datasets": {"a": [1], "b": [1, None]}}, "dataset 'b': values[1] is no number"),
        ({"datasets": {"a": [1, True]}}, "dataset 'a': values[1] is no number"),
        ({"datasets": {"a": ["1"]}}, "dataset 'a': values[0] is no number"),
        ({"datasets": {"a": [1, [2]]}}, "dataset 'a': values[1] is no number"),
        ({"datasets": {"a": 1}}, "dataset 'a' is no list"),
        ({"datasets": {"a": {"b": 1}}}, "dataset 'a' is no list"),
        ({"datasets": [[1]]}, "datasets: "),
        ({"datasets": {"n" * 201: [1]}}, "datasets.n"),
        ({"datasets": {str(number): [1] for number in range(MOST_DATASETS + 1)}}, "datasets: "),
        ({"datasets": {str(number): [1] for number in range(200)}, "percentiles": [50] * 51}, "10,000 answers"),
        ({"datasets": {"a": [1e300]}, "method": "req"}, "dataset 'a': a number is beyond what REQ keeps"),
        ({"method": "tdigest"}, "method: "),
        ({"other": 1}, "unknown member"),
    ],
)
def test_what_is_wrong_is_named(pods: QueryPods, changes: dict[str, Any], said: str) -> None:
    answer = ask(pods, {"datasets": {"a": [1]}, "percentiles": [50], **changes})
    assert answer.status == 400, answer.body
    problem = answer.json()
    assert said in problem["detail"]
    assert problem["detail"].endswith(".")
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b"null", b'{"datasets": {"a": [NaN]}, "percentiles": [50]}', b"\xff", b"[" * 100_000],
)
def test_what_is_no_question(pods: QueryPods, body: bytes) -> None:
    assert ask_raw(pods, body).status == 400


def test_numbers_that_no_float_holds(pods: QueryPods) -> None:
    for number in (b"1e400", b"9" * 400, b"-1e999"):
        answer = ask_raw(pods, b'{"datasets": {"a": [1, %s]}, "percentiles": [50]}' % number)
        assert answer.status == 400, (number, answer.body)


def test_who_may_ask(pods: QueryPods) -> None:
    body = {"datasets": {"a": [1]}, "percentiles": [50]}
    assert pods.ask(PATH, pods.machine_token(pods.organization(), "metrics:write"), "POST", body).status == 403
    assert pods.ask(PATH, pods.token("platform-admin"), "POST", body).status == 200
    assert pods.pod.ask(PATH, "POST", body=json.dumps(body).encode(), Content_Type="application/json").status == 401
    assert pods.ask(PATH, pods.token("viewer", pods.organization())).status == 405
    assert ask_raw(pods, json.dumps(body).encode(), "text/plain").status == 415


def test_a_large_answer_is_compressed_where_that_is_taken(pods: QueryPods) -> None:
    body = {"datasets": {str(number): [number] for number in range(100)}, "percentiles": [50, 90]}
    answer = ask(pods, body, Accept_Encoding="gzip")
    assert answer.headers["content-encoding"] == "gzip"
    assert len(answer.body) < 4000


def test_a_body_over_the_cap(pods: QueryPods) -> None:
    """Refused when it is announced: it need not come."""
    line = pods.pod.connection()
    line.putrequest("POST", PATH)
    token = pods.token("viewer", pods.organization())
    head = {"Authorization": f"Bearer {token}", "Content-Type": "application/json", "Content-Length": LARGEST_BODY + 1}
    for name, value in head.items():
        line.putheader(name, str(value))
    line.endheaders()
    assert line.getresponse().status == 413
    line.close()


def _of_size(size: int, number: bytes) -> bytes:
    begin, end = b'{"datasets": {"a": [', b'1]}, "percentiles": [50, 99]}'
    return begin + number * ((size - len(begin) - len(end)) // len(number)) + end


def test_the_largest_body_does_not_fill_the_memory_nor_stop_the_process(pods: QueryPods) -> None:
    """Whatever is in it: the shortest numbers, the largest objects, nothing that is a number."""
    bodies = {
        b"1,": 200,
        b"257,": 200,
        b"1e3,": 200,
        b'"ab",': 400,
        b"[],": 400,
        b"{},": 400,
        b"null,": 400,
    }
    waits: list[float] = []
    done = threading.Event()

    def healthy() -> None:
        while not done.is_set():
            begun = time.monotonic()
            assert pods.pod.ask("/health").status == 200
            waits.append(time.monotonic() - begun)

    asking = threading.Thread(target=healthy)
    asking.start()
    try:
        for number, status in bodies.items():
            answer = ask_raw(pods, _of_size(LARGEST_BODY, number))
            assert answer.status == status, (number, answer.body[:200])
    finally:
        done.set()
        asking.join()
    process = pods.pod.process
    assert process is not None
    status_file = Path(f"/proc/{process.pid}/status").read_text()
    peak = int(next(line for line in status_file.splitlines() if line.startswith("VmHWM")).split()[1])
    print(f"peak {peak // 1024} MiB; /health waited {max(waits):.2f} s at most")
    assert peak < 700 * 1024  # kB, of the pod's 1Gi


def test_many_at_once_are_answered_or_told_to_come_back(pods: QueryPods) -> None:
    body = _of_size(6 << 20, b"1.25,")
    answers: list[Answer] = []
    cut_off: list[ConnectionError] = []

    def send() -> None:
        try:
            answers.append(ask_raw(pods, body))
        except ConnectionError as error:  # refused in the middle of its body, which hides the 503 (decision 24)
            cut_off.append(error)

    asking = [threading.Thread(target=send) for _ in range(12)]
    for one in asking:
        one.start()
    for one in asking:
        one.join()
    statuses = {answer.status for answer in answers}
    assert len(answers) + len(cut_off) == 12
    assert 200 in statuses
    assert statuses <= {200, 503}
    for answer in answers:
        if answer.status == 503:
            assert answer.headers["retry-after"] == "2"
        else:
            assert answer.json()["results"]["a"][0]["value"] == 1.25
    assert ask(pods, {"datasets": {"a": [1]}, "percentiles": [50]}).status == 200
