"""For programs that hold a table already: its features, or the state of it, to be merged with those of other parts."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from novacron.ml.domain.budget import Pace
from novacron.ml.domain.chunk import Chunk
from novacron.ml.domain.features import Counting, Median, Rejected
from novacron.ml.service.pipeline import Pipeline, Plan
from novacron.ml.service.pressure import Budget
from novacron.ml.service.sources.report import Report
from novacron.ml.service.states import State

_UNBOUNDED = 1 << 62
"""Of memory: the caller's process holds the table, and whatever else it likes."""


def features(
    table: Any,
    *,
    directory: Path | None = None,
    median: Median = "exact",
    categories: Counting = "exact",
    strict: bool = False,
) -> dict[str, Any]:
    """The document that ``novacron features`` prints (docs/ml.md).

    Args:
        table: a list, or any iterable, of mappings; or a DataFrame of pandas or polars, or a table of pyarrow. It is
            not changed.
        directory: for the numbers, 8 bytes each; the system's for temporary files if None.
        strict: whether a row that is none ends it, with ``Rejected``.

    Raises:
        NovaCronError: what of the table, or of the disk, is not as it should be.
    """
    with _taken(table, directory, median, categories, strict) as (pipeline, rejected):
        return pipeline.finish(rejected).document()


def save(
    table: Any,
    path: Path,
    *,
    directory: Path | None = None,
    median: Median = "exact",
    categories: Counting = "exact",
    strict: bool = False,
) -> Path:
    """Writes the state of a part, as ``novacron features --partial`` does; gives its path. Arguments as above."""
    with _taken(table, directory, median, categories, strict) as (pipeline, rejected):
        pipeline.save(path, rejected)
    return path


def merged(paths: Iterable[Path], *, directory: Path | None = None) -> dict[str, Any]:
    """The document of all parts, in any order. Raises ``NovaCronError``."""
    with _of_states(paths, directory) as pipeline:
        return pipeline.finish().document()


def merged_into(paths: Iterable[Path], path: Path, *, directory: Path | None = None) -> Path:
    """One state of all parts, in any order; gives its path. Raises ``NovaCronError``."""
    with _of_states(paths, directory) as pipeline:
        pipeline.save(path)
    return path


@contextmanager
def _taken(
    table: Any, directory: Path | None, median: Median, categories: Counting, strict: bool
) -> Iterator[tuple[Pipeline, Rejected]]:
    pace, report = Pace(), Report(strict)
    with Pipeline(_plan(directory, median, categories), pace) as pipeline:
        pipeline.run(_chunks(table, pace, report))
        yield pipeline, Rejected(report.count, report.first)


def _chunks(table: Any, pace: Pace, report: Report) -> Iterator[Chunk]:
    if isinstance(table, Iterable) and not hasattr(table, "columns"):
        from novacron.ml.service.sources.caller import records

        return records(table, pace, report)
    from novacron.ml.service.sources.frames import frame

    return frame(table, pace)


@contextmanager
def _of_states(paths: Iterable[Path], directory: Path | None) -> Iterator[Pipeline]:
    states = [State(path) for path in paths]
    made: Mapping[str, Any] = {"median": states[0].median, "categories": states[0].categories} if states else {}
    with Pipeline(_plan(directory, **made), Pace()) as pipeline:
        for state in states:
            pipeline.absorb(state)
        yield pipeline


def _plan(directory: Path | None, median: Median = "exact", categories: Counting = "exact") -> Plan:
    where = directory if directory is not None else Path(tempfile.gettempdir())
    return Plan(Budget(_UNBOUNDED), where, max_spill=_UNBOUNDED, median=median, categories=categories)
