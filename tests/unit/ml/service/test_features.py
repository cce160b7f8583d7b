"""One request of features in this process, with work that does what is asked of it: who leaves what, and when."""

from __future__ import annotations

import asyncio
import os
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

import pytest
from prometheus_client import CollectorRegistry
from starlette.requests import Request
from starlette.responses import Response

from novacron.core.errors import NovaCronError
from novacron.ml.domain.budget import MemoryBudgetExceeded
from novacron.ml.domain.shares import Shares
from novacron.ml.service import jobs
from novacron.ml.service.admission import Admission, Full
from novacron.ml.service.body import Pipe
from novacron.ml.service.counts import Counts
from novacron.ml.service.features import FeaturesOfTables
from novacron.ml.service.jobs import Job, Jobs, Work
from novacron.ml.service.room import SpillFull, Unwritable
from novacron.ml.service.scratch import Scratch
from novacron.workload.service.answers import Refusal


class House:
    """One place, and one client that sends these pieces and stays until it is told to leave."""

    def __init__(self, work: Work, directory: Path) -> None:
        self.registry = CollectorRegistry()
        self.admission = Admission(1, Shares(1000, 1), 1, 1.0)
        counts = Counts(self.registry)
        running = Jobs(work, self.admission, counts, directory)
        self._features = FeaturesOfTables(running, self.admission, counts, lambda _request: "o")
        self.leaves = asyncio.Event()
        self.told: list[Any] = []

    async def ask(self, *pieces: bytes) -> Response:
        waiting = list(pieces)

        async def receive() -> Any:
            if waiting:
                return {"type": "http.request", "body": waiting.pop(0), "more_body": bool(waiting)}
            await self.leaves.wait()
            return {"type": "http.disconnect"}

        headers = [(b"content-type", b"application/x-ndjson")]
        scope = {"type": "http", "method": "POST", "path": "/", "headers": headers, "query_string": b""}
        self._request = Request(scope, receive)
        return await self._features.operations()[0].handler(self._request)

    async def send(self, answer: Response) -> None:
        async def send(message: Any) -> None:
            self.told.append(message)

        await answer(self._request.scope, self._request.receive, send)

    def jobs(self, outcome: str) -> float | None:
        return self.registry.get_sample_value("novacron_ml_jobs_total", {"outcome": outcome})

    @property
    def body(self) -> bytes:
        return b"".join(message.get("body", b"") for message in self.told)


async def _until(check: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not check():  # noqa: ASYNC110 - a thread, which tells nobody
            await asyncio.sleep(0.005)


def _busy(_job: Job, body: Pipe, _answer: BinaryIO) -> None:
    """Reads everything, then works until nobody wants it any more."""
    while body.read(10):
        pass
    while True:
        body.check()
        time.sleep(0.001)


async def test_the_answer_is_what_the_thread_writes(tmp_path: Path) -> None:
    def work(job: Job, body: Pipe, answer: BinaryIO) -> None:
        assert threading.current_thread() is not threading.main_thread()
        job.took(3)
        answer.write(b'{"read": %d}' % len(body.read(100) or b""))

    house = House(work, tmp_path)
    await house.send(await house.ask(b"ab", b"c"))
    assert (house.body, house.told[0]["status"], house.admission.running) == (b'{"read": 3}', 200, 0)
    assert (b"content-length", b"11") in house.told[0]["headers"]
    assert (house.jobs("ok"), house.registry.get_sample_value("novacron_ml_rows_total")) == (1, 3)


async def test_a_client_that_leaves_before_its_answer_ends_the_work(tmp_path: Path) -> None:
    house = House(_busy, tmp_path)
    asking = asyncio.create_task(house.ask(b"ab"))
    await _until(lambda: house.admission.running == 1)
    house.leaves.set()
    await house.send(await asyncio.wait_for(asking, 10))
    await _until(lambda: house.admission.running == 0)
    assert (house.jobs("cancelled"), house.told) == (1, [])


async def test_so_does_the_end_of_the_time_for_it(tmp_path: Path) -> None:
    house = House(_busy, tmp_path)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1):
            await house.ask(b"ab")
    await _until(lambda: house.admission.running == 0)
    assert house.jobs("cancelled") == 1


@pytest.mark.parametrize(
    ("error", "status", "outcome"),
    [
        (NovaCronError("line 3: is no JSON; correct it, or leave out --strict"), 400, "refused"),
        (MemoryBudgetExceeded("more is in use than may be"), 413, "memory"),
        (MemoryError(), 413, "memory"),
        (Full("others of the kind run"), 429, "memory"),
        (SpillFull("the scratch space is full"), 507, "disk"),
        (Unwritable("no file can be made in /somewhere; name another one (--spill-dir)"), 507, "disk"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else None,
)
async def test_what_ends_the_work_is_a_refusal(error: Exception, status: int, outcome: str, tmp_path: Path) -> None:
    def work(_job: Job, _body: Pipe, _answer: BinaryIO) -> None:
        raise error

    house = House(work, tmp_path)
    with pytest.raises(Refusal) as refused:
        await house.ask(b"ab", b"cd")
    assert (refused.value.status, house.jobs(outcome), house.admission.running) == (status, 1, 0)
    assert house.registry.get_sample_value("novacron_ml_turned_away_total") == (status == 429)
    assert "--" not in refused.value.detail
    assert "/somewhere" not in refused.value.detail
    assert refused.value.detail[0].isupper()


async def test_a_defect_is_one(tmp_path: Path) -> None:
    def work(_job: Job, _body: Pipe, _answer: BinaryIO) -> None:
        raise KeyError("canary")

    house = House(work, tmp_path)
    with pytest.raises(KeyError):
        await house.ask(b"ab")
    assert (house.jobs("failed"), house.admission.running) == (1, 0)


def _long(_job: Job, body: Pipe, answer: BinaryIO) -> None:
    while body.read(10):
        pass
    answer.write(b"x" * (jobs._LONG + 1))


async def test_a_long_answer_has_its_place_until_it_was_sent(tmp_path: Path) -> None:
    house = House(_long, tmp_path)
    answer = await house.ask(b"ab")
    assert (house.admission.running, house.jobs("ok")) == (1, 1)
    await house.send(answer)
    assert (len(house.body), house.admission.running) == (jobs._LONG + 1, 0)
    assert not list(tmp_path.iterdir())


async def test_a_long_answer_that_cannot_be_sent_leaves_it_all_the_same(tmp_path: Path) -> None:
    house = House(_long, tmp_path)
    answer = await house.ask(b"ab")

    async def broken(_message: Any) -> None:
        raise OSError("the connection is gone")

    with pytest.raises(OSError, match="gone"):
        await answer(house._request.scope, house._request.receive, broken)
    assert house.admission.running == 0


DISK = 300 * 4096


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    if os.geteuid() != 0:
        pytest.skip("mounts a file system")
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK}", "none", tmp_path], check=True)
    yield tmp_path
    subprocess.run(["umount", tmp_path], check=True)


@pytest.mark.parametrize("beyond", [60, 1_000_000], ids=["by its last bytes", "by far"])
async def test_an_answer_that_does_not_fit_on_the_disk_is_told_before_it_begins(beyond: int, small_disk: Path) -> None:
    def work(_job: Job, _body: Pipe, answer: BinaryIO) -> None:
        share = Shares(1 << 30, 1).begin()
        assert share is not None
        scratch = Scratch(small_disk, share)
        for _ in range((DISK + beyond) // 60):
            scratch.write(answer, b"x" * 60)
        scratch.flush(answer)

    house = House(work, small_disk)
    with pytest.raises(Refusal, match="No space left on device") as refused:
        await house.ask(b"ab")
    assert (refused.value.status, house.jobs("disk"), house.admission.running) == (507, 1, 0)


async def test_an_answer_that_comes_when_nobody_waits_any_more_is_dropped(tmp_path: Path) -> None:
    done = threading.Event()

    def work(job: Job, body: Pipe, answer: BinaryIO) -> None:
        done.wait(10)  # looks at nothing meanwhile
        answer.write(b"x" * (jobs._LONG + 1))

    house = House(work, tmp_path)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await house.ask(b"ab")
    assert house.admission.running == 1  # the thread has memory still
    done.set()
    await _until(lambda: house.admission.running == 0)
