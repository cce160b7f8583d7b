"""What a job's thread does: a body to features, by the pipeline of ``novacron features``, in the job's share."""

from __future__ import annotations

import errno
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

from novacron.adapters import memory
from novacron.ml.domain.budget import BLOCK_BYTES, MemoryBudgetExceeded, Pace
from novacron.ml.domain.chunk import Chunk
from novacron.ml.domain.features import Rejected
from novacron.ml.domain.shares import Share, ShareExceeded
from novacron.ml.service.body import Pipe
from novacron.ml.service.jobs import Job
from novacron.ml.service.pipeline import Pipeline, Plan
from novacron.ml.service.pressure import Budget
from novacron.ml.service.room import Room, SpillFull
from novacron.ml.service.settings import MlSettings
from novacron.ml.service.sources.opened import opened
from novacron.ml.service.sources.report import Report
from novacron.ml.service.spools import Spools

_REMEDY = "send less at once, ask for median=kll, or raise ml.scratch.size"
_ARROW_BYTES = 50_000_000
"""Of memory, for pyarrow alone (docs/decisions/0034)."""


class SharedRoom(Room):
    """Room of one job on the disk that all of them use."""

    def __init__(self, directory: Path, share: Share) -> None:
        super().__init__(directory)
        self._share = share

    def take(self, size: int) -> None:
        try:
            self._share.take(size)
        except ShareExceeded as error:
            raise SpillFull(f"the scratch space is full: {error}; {_REMEDY}") from None
        super().take(size)

    def give(self, size: int) -> None:
        self._share.give(size)
        super().give(size)

    def full(self, size: int, error: OSError) -> SpillFull:
        return SpillFull(f"the scratch space is full: {error.strerror}, {size:,} bytes more to come; {_REMEDY}")


class Extraction:
    """Args:
    limit: bytes of memory that the process may use.
    own: bytes of them that one job may hold.
    """

    def __init__(self, settings: MlSettings, limit: int, own: int) -> None:
        memory_ = settings.memory
        self._budget = Budget(limit, memory_.warning, memory_.critical, memory_.gc_every_chunks)
        self._rows = memory_.chunk_rows
        self._own = own
        self._directory = settings.spill_directory

    def __call__(self, job: Job, body: Pipe, answer: BinaryIO) -> None:
        """Writes the answer's JSON. Raises ``NovaCronError``."""
        self._look(job)
        plan = Plan(self._budget, self._directory, median=job.median, categories=job.categories, own=self._own)
        pace, report = Pace(rows=self._rows, block_bytes=BLOCK_BYTES), Report(job.strict)
        room = SharedRoom(self._directory, job.share)
        with Spools(room) as spools, Pipeline(plan, pace, room) as pipeline:
            chunks = opened(
                body,
                format=job.media.format,
                compression=job.media.compression,
                pace=pace,
                report=report,
                spool=spools.file,
            )
            pipeline.run(_counted(chunks, job))
            found = pipeline.finish(Rejected(report.count, report.first), lambda _columns: body.check())
            for piece in found.json():
                body.check()
                _write(answer, piece, room)

    def _look(self, job: Job) -> None:
        """Raises ``MemoryBudgetExceeded`` where the library of a format does not fit, before it is there."""
        needed = 0 if "pyarrow" in sys.modules else _ARROW_BYTES
        if (
            job.media.format in ("arrow", "parquet")
            and memory.resident() + needed > self._budget.limit * self._budget.critical
        ):
            raise MemoryBudgetExceeded(
                f"{job.media.format} needs {needed // 1_000_000} MB of memory more than there are; send JSON Lines or"
                " CSV, or raise ml.resources.limits.memory"
            )


def _write(answer: BinaryIO, piece: bytes, room: Room) -> None:
    """Raises ``SpillFull``: the answer of a wide table is on disk until it has been sent."""
    room.take(len(piece))
    try:
        answer.write(piece)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise room.full(len(piece), error) from None
        raise


def _counted(chunks: Iterable[Chunk], job: Job) -> Iterator[Chunk]:
    for chunk in chunks:
        job.took(chunk.rows)
        yield chunk
