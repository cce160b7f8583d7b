"""What a job's thread does: a body to features, by the pipeline of ``novacron features``, in the job's share."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import BinaryIO

import structlog

from novacron.ml.domain.budget import BLOCK_BYTES, Pace
from novacron.ml.domain.chunk import Chunk
from novacron.ml.domain.features import Rejected
from novacron.ml.service.body import Pipe
from novacron.ml.service.heavy import HeavyJobs
from novacron.ml.service.jobs import Job
from novacron.ml.service.pipeline import Pipeline, Plan
from novacron.ml.service.pressure import Budget, Pressure
from novacron.ml.service.scratch import Scratch
from novacron.ml.service.settings import MlSettings
from novacron.ml.service.sources.opened import opened
from novacron.ml.service.sources.report import Report
from novacron.ml.service.spools import Spools

_SHORT = "memory is short: less is read at once"
_log = structlog.get_logger(__name__)


class Extraction:
    """Args:
    limit: bytes of memory that the process may use.
    own: bytes of them that one job may hold.
    """

    def __init__(self, settings: MlSettings, limit: int, own: int) -> None:
        memory = settings.memory
        self._budget = Budget(limit, memory.warning, memory.critical, memory.gc_every_chunks)
        self._rows = memory.chunk_rows
        self._own = own
        self._directory = settings.spill_directory
        self._heavy = HeavyJobs(limit * memory.critical)

    def __call__(self, job: Job, body: Pipe, answer: BinaryIO) -> None:
        """Writes the answer's JSON. Raises ``NovaCronError``."""
        plan = Plan(self._budget, self._directory, median=job.median, categories=job.categories, own=self._own)
        pace, report = Pace(rows=self._rows, block_bytes=BLOCK_BYTES), Report(job.strict)
        scratch = Scratch(self._directory, job.share)
        with (
            self._heavy.room(job.media.format),
            Pipeline(plan, pace, scratch) as pipeline,
            Spools(scratch) as spools,
        ):
            chunks = opened(
                body,
                format=job.media.format,
                compression=job.media.compression,
                pace=pace,
                report=report,
                spool=spools.file,
                reserve=pipeline.pressure.reserve,
            )
            pipeline.run(watched(chunks, job, pipeline.pressure))
            found = pipeline.finish(Rejected(report.count, report.first), check=body.check)
            for piece in found.json():
                body.check()
                scratch.write(answer, piece)
            scratch.flush(answer)


def watched(chunks: Iterable[Chunk], job: Job, pressure: Pressure) -> Iterator[Chunk]:
    """The same; the job is told of the rows, and the log, once, when memory becomes short (``ml.memory.warning``)."""
    told = False
    for chunk in chunks:
        job.took(chunk.rows)
        yield chunk
        if pressure.shrunk and not told:
            _log.warning(_SHORT, rows=pressure.pace.rows, remedy="raise ml.resources.limits.memory")
            told = True
