"""What a job's thread does: a body to features, by the pipeline of ``novacron features``, in the job's share."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import BinaryIO

from novacron.ml.domain.budget import BLOCK_BYTES, Pace
from novacron.ml.domain.chunk import Chunk
from novacron.ml.domain.features import Rejected
from novacron.ml.service.body import Pipe
from novacron.ml.service.heavy import HeavyJobs
from novacron.ml.service.jobs import Job
from novacron.ml.service.pipeline import Pipeline, Plan
from novacron.ml.service.pressure import Budget
from novacron.ml.service.scratch import Scratch
from novacron.ml.service.settings import MlSettings
from novacron.ml.service.sources.opened import opened
from novacron.ml.service.sources.report import Report
from novacron.ml.service.spools import Spools


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
            pipeline.run(_counted(chunks, job))
            found = pipeline.finish(Rejected(report.count, report.first), check=body.check)
            for piece in found.json():
                body.check()
                scratch.write(answer, piece)


def _counted(chunks: Iterable[Chunk], job: Job) -> Iterator[Chunk]:
    for chunk in chunks:
        job.took(chunk.rows)
        yield chunk
