"""The numbers of all columns so far: counts, extremes and moments, brought forward for many columns at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from novacron.ml.domain import moments
from novacron.ml.domain.chunk import Floats
from novacron.ml.domain.moments import Moments

_EXACT = 2.0**53
"""Above it a float64 no longer tells neighbouring whole numbers apart."""
Mask = npt.NDArray[np.bool_]


@dataclass(slots=True)
class Numbers:
    """Of one column.

    Args:
        infinite: infinities, which are in none of the others.
        beyond: numbers of a magnitude above 2^53.
    """

    moments: Moments = field(default_factory=Moments)
    minimum: float = float("inf")
    maximum: float = float("-inf")
    infinite: int = 0
    beyond: int = 0

    @property
    def count(self) -> int:
        return self.moments.count

    @property
    def deviation(self) -> float:
        """0 where all numbers are the same, whatever was rounded on the way."""
        return 0.0 if self.minimum == self.maximum else self.moments.deviation

    def merge(self, other: Numbers) -> None:
        self.moments.merge(other.moments)
        self.minimum = min(self.minimum, other.minimum)
        self.maximum = max(self.maximum, other.maximum)
        self.infinite += other.infinite
        self.beyond += other.beyond

    def plain(self) -> Mapping[str, Any]:
        """Read again by ``of``. Whole numbers beyond 64 bits as hexadecimal digits."""
        return {
            "count": self.moments.count,
            "total": f"{self.moments.total:x}",
            "squares": f"{self.moments.squares:x}",
            "minimum": self.minimum,
            "maximum": self.maximum,
            "infinite": self.infinite,
            "beyond": self.beyond,
        }

    @classmethod
    def of(cls, plain: Mapping[str, Any]) -> Numbers:
        """Raises ``KeyError``, ``TypeError`` or ``ValueError`` for what ``plain`` did not write."""
        sums = Moments(int(plain["count"]), int(plain["total"], 16), int(plain["squares"], 16))
        extremes = float(plain["minimum"]), float(plain["maximum"])
        return cls(sums, *extremes, int(plain["infinite"]), int(plain["beyond"]))


def taken(block: Floats) -> Sequence[Numbers]:
    """Of each row of a block.

    Args:
        block: (columns, rows); NaN where there is no number.
    """
    found = [Numbers() for _ in block]
    if not block.shape[1]:
        return found
    low, high = block.min(axis=1), block.max(axis=1)  # NaN where any number is one
    whole = np.isfinite(low) & np.isfinite(high)
    if whole.all():
        _take(found, block, low, high)
        return found
    places = np.flatnonzero(whole)
    if len(places):
        _take([found[place] for place in places], block[places], low[places], high[places])
    rest = np.flatnonzero(~whole)
    for place in range(0, len(rest), _TOGETHER):
        some = rest[place : place + _TOGETHER]
        _take_holed([found[one] for one in some], block[some])
    return found


_TOGETHER = 64
"""Columns with holes that are copied at once."""


def _take_holed(found: Sequence[Numbers], block: Floats) -> None:
    holes = ~np.isfinite(block)
    for one, count in zip(found, np.isinf(block).sum(axis=1).tolist(), strict=True):
        one.infinite = count
    low = np.where(holes, np.inf, block).min(axis=1)
    high = np.where(holes, -np.inf, block).max(axis=1)
    block[holes] = 0.0
    _take(found, block, low, high, holes)


def _take(found: Sequence[Numbers], block: Floats, low: Floats, high: Floats, holes: Mask | None = None) -> None:
    """Args:
    found: brought forward, one for each row.
    block: finite; 0 in a hole.
    low, high: of each row; infinite where it has nothing but holes.
    """
    rows = block.shape[1]
    counts = [rows] * len(found) if holes is None else (rows - holes.sum(axis=1)).tolist()
    greatest = np.where(np.isfinite(low), np.maximum(np.abs(low), np.abs(high)), 0.0)
    sums = moments.taken(block, counts, greatest, holes)
    for one, moment, least, most in zip(found, sums, low.tolist(), high.tolist(), strict=True):
        one.moments, one.minimum, one.maximum = moment, least, most
    for place in np.flatnonzero(greatest > _EXACT).tolist():
        found[place].beyond = int((np.abs(block[place]) > _EXACT).sum())
