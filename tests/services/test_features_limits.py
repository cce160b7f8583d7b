"""What jobs of POST /api/v1/features may take together: places, a queue, disk, memory; and the end of the process."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest

from tests.support.ml_pods import MlPod, end, piece, upload
from tests.support.service_process import Answer
from tests.support.waiting import until

ONE, THREE = 64 << 20, 3_300_000_000
"""Bytes of disk for one job at a time, and for three."""
LINE = b'{"a": 1.5, "b": "x"}\n'


def held(pod: MlPod, stack: ExitStack, **head: str) -> HTTPConnection:
    """A job that has its place, and goes on."""
    line = stack.enter_context(upload(pod, **head))
    piece(line, LINE)
    return line


def in_thread(ask: Callable[[], Answer]) -> tuple[threading.Thread, list[Answer]]:
    found: list[Answer] = []
    thread = threading.Thread(target=lambda: found.append(ask()))
    thread.start()
    return thread, found


def waiting(pod: MlPod) -> float:
    return pod.process.metrics()["novacron_ml_jobs_waiting"]


def test_more_jobs_than_places_wait_and_still_more_come_again_later(tmp_path: Path) -> None:
    with MlPod(tmp_path / "ml", spill_bytes=ONE) as pod, ExitStack() as stack:
        first = held(pod, stack)
        until(lambda: pod.running == 1, "the first one runs")
        queue = [in_thread(lambda: pod.ask(LINE)) for _ in range(2)]
        until(lambda: waiting(pod) == 2, "two wait")
        for _ in range(3):
            answer = pod.ask(LINE * 1000)
            assert answer.status == 429
            assert answer.headers["retry-after"] == "10"
            assert "1 jobs run and 2 wait already" in answer.json()["detail"]
        assert pod.process.ready().status == 200
        assert end(first).json()["rows"] == 1
        for thread, answers in queue:
            thread.join(20)
            assert answers[0].json()["rows"] == 1
        metrics = pod.process.metrics()
    assert (metrics["novacron_ml_turned_away_total"], metrics["novacron_ml_jobs_running"]) == (3, 0)
    assert metrics['novacron_ml_jobs_total{outcome="ok"}'] == 3


def test_one_organization_leaves_a_place_to_others(tmp_path: Path) -> None:
    with MlPod(tmp_path / "ml", spill_bytes=THREE) as pod, ExitStack() as stack:
        assert pod.process.metrics()["novacron_ml_places"] == 3
        token = pod.token(organization="5f0c2c1e-8f4e-4f3b-9b63-9c0a8f1d2e3f")
        lines = [held(pod, stack, token=token) for _ in range(2)]
        until(lambda: pod.running == 2, "two run")
        thread, answers = in_thread(lambda: pod.ask(LINE, token=token))
        until(lambda: waiting(pod) == 1, "the third waits")
        assert pod.ask(LINE).status == 200
        assert not answers
        for line in lines:
            assert end(line).status == 200
        thread.join(20)
        assert answers[0].status == 200


def test_who_leaves_the_queue_takes_nobodys_place(tmp_path: Path) -> None:
    with MlPod(tmp_path / "ml", spill_bytes=ONE) as pod, ExitStack() as stack:
        first = held(pod, stack)
        until(lambda: pod.running == 1, "the first one runs")
        gone = stack.enter_context(upload(pod))
        until(lambda: waiting(pod) == 1, "the second waits")
        gone.close()
        assert end(first).status == 200
        assert pod.ask(LINE).status == 200
        until(lambda: pod.running == 0, "nobody has a place")


def test_a_full_scratch_is_told_and_is_empty_again_for_the_next(tmp_path: Path) -> None:
    with MlPod(tmp_path / "ml", spill_bytes=4 << 20) as pod:
        rows = b"".join(b'{"a": %d.5, "b": %d}\n' % (one, one) for one in range(1000))
        answer = pod.ask(rows * 600)
        assert (answer.status, answer.headers["content-type"]) == (507, "application/problem+json")
        detail = answer.json()["detail"]
        assert "ml.scratch.size" in detail
        assert "median=kll" in detail
        assert "--" not in detail
        assert str(tmp_path) not in detail
        until(lambda: pod.disk == 0, "the disk is free")
        assert pod.jobs("disk") == 1
        assert pod.ask(rows * 100).json()["rows"] == 100_000
        assert pod.ask(rows * 600, "median=kll").json()["rows"] == 600_000


def test_a_table_too_wide_for_the_memory_is_refused_before_it_is_in_it(tmp_path: Path) -> None:
    with MlPod(tmp_path / "ml", memory={"max_mb": 130}) as pod:
        idle = pod.resident
        pod.forget_peak()
        answer = pod.ask(b"".join(b'{"c%d": 1}\n' % one for one in range(60_000)))
        assert answer.status == 413, answer
        assert pod.jobs("memory") == 1
        print(f"{(pod.peak - idle) / 1e6:.0f} MB more than idle")
        assert pod.peak < 130e6
        assert pod.ask(LINE).status == 200


def test_parquet_is_refused_before_its_library_fills_a_small_pod(tmp_path: Path) -> None:
    with MlPod(tmp_path / "ml", memory={"max_mb": 134}) as pod:
        answer = pod.ask(b"PAR1", media_type="application/vnd.apache.parquet")
        assert answer.status == 413
        assert "send JSON Lines or CSV, or raise ml.resources.limits.memory" in answer.json()["detail"]
        assert pod.ask(LINE).status == 200


def test_a_budget_that_the_process_has_used_already_takes_no_job(tmp_path: Path) -> None:
    with MlPod(tmp_path / "ml", memory={"max_mb": 1}) as pod:
        answer = pod.ask(LINE)
        assert answer.status == 413
        assert "limit" in answer.json()["detail"]


@pytest.mark.parametrize("ends", [True, False], ids=["the client ends in time", "the client does not"])
def test_the_end_of_the_process_waits_for_jobs_but_not_for_ever(tmp_path: Path, ends: bool) -> None:
    with MlPod(tmp_path / "ml", shutdown_grace_seconds=8) as pod, ExitStack() as stack:
        line = held(pod, stack)
        until(lambda: pod.running == 1, "it runs")
        pod.process.tell()
        until(lambda: pod.process.ready().status == 503, "it is not ready any more")
        if ends:
            piece(line, LINE * 10)
            assert end(line).json()["rows"] == 11
        else:
            answer = Answer(line.getresponse())
            assert answer.status == 503
            assert "ends" in answer.json()["detail"]
        code, _seconds = pod.process.ended(12)
        assert code == 0
        (job,) = pod.process.lines("job")
    assert job["outcome"] == ("ok" if ends else "cancelled")


def test_many_jobs_at_once_are_all_answered_or_told_to_come_again(tmp_path: Path) -> None:
    sent = b"".join(b'{"a": %d, "z": "zone %d"}\n' % (one, one % 7) for one in range(20_000))
    with MlPod(tmp_path / "ml", spill_bytes=2_200_000_000) as pod:
        idle = pod.resident
        pod.forget_peak()
        begun = time.monotonic()
        asked = [in_thread(lambda: pod.ask(sent)) for _ in range(30)]
        for thread, _answers in asked:
            thread.join(60)
        answers: list[Any] = [found[0] for _thread, found in asked]
        took = time.monotonic() - begun
        grown = (pod.peak - idle) / 1e6
        assert pod.running == 0
    statuses = [answer.status for answer in answers]
    print(f"{statuses.count(200)} answered, {statuses.count(429)} turned away in {took:.1f} s; {grown:.0f} MB more")
    assert set(statuses) <= {200, 429}
    assert statuses.count(200) >= 2 + 2 * 2
    for answer in answers:
        if answer.status == 200:
            assert json.loads(answer.body)["rows"] == 20_000
    assert grown < 60
