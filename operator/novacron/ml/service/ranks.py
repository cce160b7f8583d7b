"""Exact percentiles of what was spilled, in memory that does not depend on how much that is.

The fewer rows a record has, because the table is wide, the more columns are looked at in one pass over the records:
else a table of ten thousand columns would be read in millions of pieces.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from novacron.ml.service.records import RECORD, Records, finite
from novacron.quantiles.narrowing import BINS, Narrowing
from novacron.quantiles.ordering import Workspace

BLOCK = 1 << 15
"""Numbers of a column that are looked at together."""
MOST = 1 << 17
"""Numbers that are held at once: a megabyte."""
_PIECE = 1 << 12
"""Numbers that one call should read, at least."""
_GROUP = 64
"""Columns at most: each has its share of the memory, and needs some."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A column of which percentiles are asked for.

    Args:
        count: of its finite numbers in all records; at least one.
        low, high: the least and the greatest of them.
    """

    name: str
    count: int
    low: float
    high: float


def exact(
    records: Sequence[Records],
    columns: Sequence[Asked],
    percentiles: Sequence[float],
    most: int = MOST,
    check: Callable[[], None] | None = None,
) -> Iterator[tuple[str, Narrowing]]:
    """Each column, in an order of its own, with a narrowing that is done.

    Args:
        records: of one input, or of several that count as one.
        most: numbers that may be held at once, beside two megabytes to look at the others.
        check: called now and then; what it raises ends the work.

    Raises:
        ValueError: a count is not that of the numbers.
    """
    ids = records[0].ids if records else {}
    ordered = sorted(columns, key=lambda one: ids.get(one.name, len(ids)))
    size = _together(len(ordered))
    for begun in range(0, len(ordered), size):
        yield from _of_group(records, ordered[begun : begun + size], percentiles, most // size, size, check)


def _together(columns: int) -> int:
    """How many columns are looked at in one pass; a power of two."""
    wanted = -(-columns * _PIECE // RECORD)
    return min(_GROUP, 1 << max(0, wanted - 1).bit_length())


def _of_group(
    records: Sequence[Records],
    columns: Sequence[Asked],
    percentiles: Sequence[float],
    most: int,
    size: int,
    check: Callable[[], None] | None,
) -> Iterator[tuple[str, Narrowing]]:
    """Args:
    size: of a group; what it leaves of the memory for each column.
    """
    work = Workspace()
    bins = min(BINS, 4 * BINS // size)
    found = {one.name: Narrowing(one.count, one.low, one.high, percentiles, most, bins, work) for one in columns}
    while left := [name for name, narrowing in found.items() if not narrowing.done]:
        for one in records:
            for table in one.tables(left, 2 * BLOCK // size if size > 1 else BLOCK, every=False):
                if check is not None:
                    check()
                for name, numbers in zip(left, table, strict=True):
                    found[name].look(finite(numbers))
        for name in left:
            found[name].turn()
    for name, narrowing in found.items():
        yield name, narrowing
