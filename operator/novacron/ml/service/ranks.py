"""Exact percentiles of what was spilled, in memory that does not depend on how much that is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Protocol

from novacron.ml.domain.chunk import Floats
from novacron.quantiles.narrowing import narrowed

MOST = 1 << 17
"""Numbers that are held at once: a megabyte."""


class Spilled(Protocol):
    """What has the numbers of a column: a ``Spill``, or the ``Records`` of a file."""

    def blocks(self, column: str, /) -> Iterator[Floats]: ...


def exact(
    spills: Sequence[Spilled],
    column: str,
    count: int,
    low: float,
    high: float,
    percentiles: Sequence[float],
    most: int = MOST,
) -> list[float]:
    """One value for each percentile, of the finite numbers of a column in all of them.

    Args:
        count: of these numbers; at least one.
        low, high: the least and the greatest of them.
        most: numbers that may be held at once.
    """

    def blocks() -> Iterable[Floats]:
        return (block for spill in spills for block in spill.blocks(column))

    return narrowed(blocks, count, low, high, percentiles, most)
