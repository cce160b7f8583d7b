"""Jobs: each reads one body to its end, in a thread of its own, in its share of memory and disk."""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import BinaryIO, cast

import structlog

from novacron.adapters import clock
from novacron.core.errors import NovaCronError
from novacron.ml.domain.budget import MemoryBudgetExceeded
from novacron.ml.domain.features import Counting, Median
from novacron.ml.domain.shares import Share
from novacron.ml.service.admission import Admission, Full, Place
from novacron.ml.service.body import Abandoned, Pipe
from novacron.ml.service.counts import Counts, Outcome
from novacron.ml.service.media import Media
from novacron.ml.service.room import SpillFull, Unwritable
from novacron.workload.service.answers import Refusal

RETRY_SECONDS = 10
_LONG = 1 << 20
"""Bytes of an answer that are held in memory; more are on disk."""
_PIECE = 64 << 10
_STATUSES: dict[Outcome, int] = {"refused": 400, "memory": 413, "disk": 507}
_WORDS = {
    "--format jsonl": "Content-Type: application/x-ndjson",
    "--format": "Content-Type",
    "--max-memory": "ml.resources.limits.memory",
    "--strict": "strict",
}
"""Options of the command -> what a client, or an administrator, has instead."""
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Job:
    """What is asked of a thread.

    Args:
        strict: whether a line that cannot be read ends it.
        share: of the disk.
        took: is told the rows of each chunk.
    """

    media: Media
    strict: bool
    median: Median
    categories: Counting
    share: Share
    took: Callable[[int], None]


Work = Callable[[Job, Pipe, BinaryIO], None]
"""Reads a body to its end, and writes the answer's JSON; or raises a ``NovaCronError``."""


class Answer:
    """JSON in a file, which has to be closed: it may be as long as a table is wide, and then it is on the job's disk.

    Args:
        closed: called once.
    """

    def __init__(self, file: BinaryIO, closed: Callable[[], None]) -> None:
        self._file = file
        self._closed: Callable[[], None] | None = closed
        self.size = file.tell()

    def pieces(self) -> Iterator[bytes]:
        self._file.seek(0)
        while piece := self._file.read(_PIECE):
            yield piece

    def close(self) -> None:
        if self._closed is not None:
            self._file.close()
            self._closed()
            self._closed = None


class Jobs:
    """Those of one process. Once admitted, a job has its thread.

    Args:
        directory: for answers that are long.
    """

    def __init__(self, work: Work, admission: Admission, counts: Counts, directory: Path) -> None:
        self._work = work
        self._admission = admission
        self._counts = counts
        self._directory = directory
        self._threads = ThreadPoolExecutor(admission.places, "job")
        self._running: set[asyncio.Task[Answer]] = set()

    def begin(self, job: Job, pipe: Pipe, place: Place) -> asyncio.Task[Answer]:
        """The answer to come; or a ``Refusal``, or a defect. Whoever does not want it drops it: the place is free when
        the thread has ended, and not before."""
        found = asyncio.create_task(self._ran(job, pipe, place))
        self._running.add(found)
        found.add_done_callback(self._running.discard)
        return found

    async def _ran(self, job: Job, pipe: Pipe, place: Place) -> Answer:
        begun = clock.monotonic()
        outcome: Outcome = "failed"
        leave = partial(self._admission.leave, place)
        file = cast(BinaryIO, tempfile.SpooledTemporaryFile(_LONG, dir=str(self._directory)))  # noqa: SIM115 - Answer's
        try:
            loop = asyncio.get_running_loop()
            await loop.run_in_executor(self._threads, self._work, job, pipe, file)
            outcome = "ok"
        except (NovaCronError, MemoryError) as error:
            outcome = _outcome(error)
            if isinstance(error, Full):
                self._counts.turned_away()
            raise _refusal(error, outcome) from None
        finally:
            if outcome != "ok" or file.tell() <= _LONG:
                leave()
            if outcome != "ok":
                with contextlib.suppress(OSError):  # a full disk once more: of what is still to be written
                    file.close()
            seconds = clock.monotonic() - begun
            self._counts.ended(outcome, seconds)
            _log.info("job", outcome=outcome, format=job.media.format, bytes=pipe.size, seconds=round(seconds, 3))
        return Answer(file, leave if file.tell() > _LONG else _nothing)


def drop(answer: asyncio.Task[Answer]) -> None:
    """Closes it as soon as it is there."""
    answer.add_done_callback(_dropped)


def _dropped(task: asyncio.Task[Answer]) -> None:
    if not task.cancelled() and task.exception() is None:  # asked for, or asyncio would complain that nobody did
        task.result().close()


def _nothing() -> None:
    """The place was left already."""


def _outcome(error: Exception) -> Outcome:
    if isinstance(error, Abandoned):
        return "cancelled"
    if isinstance(error, MemoryBudgetExceeded | MemoryError | Full):
        return "memory"
    return "disk" if isinstance(error, SpillFull | Unwritable) else "refused"


def _refusal(error: Exception, outcome: Outcome) -> Refusal:
    if isinstance(error, Full):
        return later(_said(error))
    return Refusal(_STATUSES.get(outcome, 503), _said(error))


def later(text: str) -> Refusal:
    """There is no place now; there may be one soon."""
    return Refusal(429, f"{text} Try again later.", {"Retry-After": str(RETRY_SECONDS)})


def _said(error: Exception) -> str:
    """What a client reads: the words of the command, but for its options."""
    text = str(error) or "the memory ends; send narrower rows, or raise ml.resources.limits.memory"
    if isinstance(error, Unwritable):  # names a directory, which is none of the client's business
        _log.error("the scratch space cannot be used", problem=text)
        text = "the scratch space cannot be used; the log of the pod says why"
    for option, word in _WORDS.items():
        text = text.replace(option, word)
    return f"{text[:1].upper()}{text[1:]}."
