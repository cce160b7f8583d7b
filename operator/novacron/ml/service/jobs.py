"""Jobs: each reads one body to its end, in a thread of its own, in its share of memory and disk."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Literal

import structlog

from novacron.adapters import clock, memory
from novacron.core.errors import NovaCronError
from novacron.ml.domain.budget import MemoryBudgetExceeded
from novacron.ml.domain.shares import Share
from novacron.ml.service.admission import Admission, Place
from novacron.ml.service.body import Abandoned, Pipe
from novacron.ml.service.counts import Counts, Outcome
from novacron.ml.service.media import Media
from novacron.ml.service.room import SpillFull, Unwritable
from novacron.workload.service.answers import Refusal

_STATUSES: dict[Outcome, int] = {"refused": 400, "memory": 413, "disk": 507}
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
    median: Literal["exact", "kll"]
    categories: Literal["exact", "misra-gries"]
    share: Share
    took: Callable[[int], None]


Work = Callable[[Job, Pipe], bytes]
"""Reads a body to its end, and gives the answer's JSON; or raises a ``NovaCronError``."""


class Jobs:
    """Those of one process. Once admitted, a job has its thread."""

    def __init__(self, work: Work, admission: Admission, counts: Counts) -> None:
        self._work = work
        self._admission = admission
        self._counts = counts
        self._threads = ThreadPoolExecutor(admission.places, "job")
        self._running: set[asyncio.Task[bytes]] = set()

    def begin(self, job: Job, pipe: Pipe, place: Place) -> asyncio.Task[bytes]:
        """The answer to come; or a ``Refusal``, or a defect. Whoever does not want it any more abandons the pipe: the
        place is free when the thread has ended, and not before."""
        found = asyncio.create_task(self._ran(job, pipe, place))
        self._running.add(found)
        found.add_done_callback(self._ended)
        return found

    def _ended(self, task: asyncio.Task[bytes]) -> None:
        self._running.discard(task)
        if not task.cancelled():
            task.exception()  # there may be nobody left to hear of it, and asyncio would complain

    async def _ran(self, job: Job, pipe: Pipe, place: Place) -> bytes:
        begun = clock.monotonic()
        outcome: Outcome = "ok"
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, self._worked, job, pipe)
        except (NovaCronError, MemoryError) as error:
            outcome = _outcome(error)
            raise Refusal(_STATUSES.get(outcome, 503), _said(error)) from None
        except Exception:
            outcome = "failed"
            raise
        finally:
            self._admission.leave(place)
            seconds = clock.monotonic() - begun
            self._counts.ended(outcome, seconds)
            _log.info("job", outcome=outcome, format=job.media.format, bytes=pipe.size, seconds=round(seconds, 3))

    def _worked(self, job: Job, pipe: Pipe) -> bytes:
        """In the thread."""
        try:
            return self._work(job, pipe)
        finally:
            memory.trim()


def _outcome(error: Exception) -> Outcome:
    if isinstance(error, Abandoned):
        return "cancelled"
    if isinstance(error, MemoryBudgetExceeded | MemoryError):
        return "memory"
    return "disk" if isinstance(error, SpillFull | Unwritable) else "refused"


def _said(error: Exception) -> str:
    """What a client reads. Texts are those of the command; what it calls an option is here a parameter."""
    text = str(error) or "the memory ends; send narrower rows, or give the pods more"
    return f"{text[:1].upper()}{text[1:].replace('--strict', 'strict')}."
