"""A stream of bytes, whatever is in it, to chunks."""

from __future__ import annotations

from collections.abc import Iterator

from novacron.ml.domain.budget import Pace
from novacron.ml.domain.chunk import Chunk
from novacron.ml.service.sources.blocks import Blocks, Readable
from novacron.ml.service.sources.lines import Lines
from novacron.ml.service.sources.report import Report


def opened(
    stream: Readable,
    *,
    format: str | None = None,  # noqa: A002
    compression: str | None = None,
    pace: Pace,
    report: Report,
) -> Iterator[Chunk]:
    """All rows of the stream, in its order."""
    yield from Lines(pace, report).chunks(Blocks(stream, pace, report))
