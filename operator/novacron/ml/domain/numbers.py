"""The numbers of all columns so far: counts, extremes and moments, brought forward for many columns at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from novacron.ml.domain import moments
from novacron.ml.domain.chunk import Floats
from novacron.ml.domain.moments import Mask, Moments

_EXACT = 2.0**53
"""Above it a float64 no longer tells neighbouring whole numbers apart."""


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


def count(known: Sequence[Numbers], block: Floats) -> None:
    """Brings columns forward by the rows of a block, some columns at a time: what is held beside it stays small.

    Args:
        block: (columns, rows); NaN where there is no number. It is written over.
    """
    rows = block.shape[1]
    if not rows:
        return
    together = max(1, _TOGETHER // rows)
    for place in range(0, len(known), together):
        _count(known[place : place + together], block[place : place + together])


_TOGETHER = 1 << 15
"""Numbers that are looked at together: as many as stay in a processor's cache."""


def _count(known: Sequence[Numbers], block: Floats) -> None:
    low, high = block.min(axis=1), block.max(axis=1)  # NaN where any number is one
    whole = np.isfinite(low) & np.isfinite(high)
    if whole.all():
        _take(known, block, low, high)
        return
    places = np.flatnonzero(whole).tolist()
    if places:
        _take([known[place] for place in places], block[places], low[places], high[places])
    rest = np.flatnonzero(~whole).tolist()
    _take_holed([known[place] for place in rest], block[rest])


def _take_holed(known: Sequence[Numbers], block: Floats) -> None:
    holes = ~np.isfinite(block)
    for one, infinite in zip(known, np.isinf(block).sum(axis=1).tolist(), strict=True):
        one.infinite += infinite
    low = np.where(holes, np.inf, block).min(axis=1)
    high = np.where(holes, -np.inf, block).max(axis=1)
    block[holes] = 0.0
    _take(known, block, low, high, holes)


def _take(known: Sequence[Numbers], block: Floats, low: Floats, high: Floats, holes: Mask | None = None) -> None:
    """Args:
    block: finite; 0 in a hole.
    low, high: of each row; infinite where it has nothing but holes.
    """
    rows = block.shape[1]
    counts = [rows] * len(known) if holes is None else (rows - holes.sum(axis=1)).tolist()
    greatest = np.where(np.isfinite(low), np.maximum(np.abs(low), np.abs(high)), 0.0)
    sums = moments.taken(block, counts, greatest, holes)
    low, high = low + 0.0, high + 0.0  # of two zeros, neither is less: which of them came first must not be told
    for one, moment, least, most in zip(known, sums, low.tolist(), high.tolist(), strict=True):
        one.moments.merge(moment)
        one.minimum = min(one.minimum, least)
        one.maximum = max(one.maximum, most)
    for place in np.flatnonzero(greatest > _EXACT).tolist():
        known[place].beyond += int((np.abs(block[place]) > _EXACT).sum())
