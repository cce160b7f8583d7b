"""Exact percentiles of numbers of which no copy fits: passes over them, each of which narrows where an answer can be.

A pass counts how many numbers are in each of many bins; the next looks only at those that are in the bin of an answer,
and holds them if they fit. Two passes are enough for most numbers; memory is bounded, and the end certain, for any.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from novacron.quantiles.ordering import PIECE, Even, Ordered, Places, Range, Workspace
from novacron.quantiles.selection import between, place
from novacron.quantiles.values import Floats

Blocks = Callable[[], Iterable[Floats]]
"""Gives the same numbers each time, a block at a time; they are finite."""
Counts = npt.NDArray[np.intp]

BINS = 1 << 14
"""More narrow no better for as long as what is left fits, and are slower to count."""
_SAMPLE = 2048
"""Of the first numbers, by which bins are chosen; a bad sample costs time and nothing else."""
_SHUT = -1
_NONE = np.zeros(0, np.intp)


def narrowed(
    blocks: Blocks, count: int, low: float, high: float, percentiles: Sequence[float], most: int
) -> list[float]:
    """One value for each percentile.

    Args:
        count: of the numbers; at least one.
        low, high: the least and the greatest of them.
        most: numbers that may be held at once, beside a megabyte to look at the others.

    Raises:
        ValueError: the numbers are not as many as ``count``, or not the same in each pass.
    """
    narrowing = Narrowing(count, low, high, percentiles, most)
    while not narrowing.done:
        for block in blocks():
            narrowing.look(block)
        narrowing.turn()
    return narrowing.values()


@dataclass(frozen=True, slots=True)
class _Open:
    """A bin with at least one answer in it.

    Args:
        place: among the bins of its pass.
        count: of the numbers in it.
        wanted: (index among all numbers, index among these).
    """

    place: int
    count: int
    wanted: Sequence[tuple[int, int]]


@dataclass(frozen=True, slots=True)
class _Level:
    """A pass that is over.

    Args:
        opened: for each bin which of those that are open it is, or ``_SHUT``.
    """

    bins: Even | Ordered
    opened: npt.NDArray[np.int32]


class Narrowing:
    """The same, fed: ``look`` at all numbers, ``turn``, and again, until ``done``.

    Args:
        bins: to count in; a power of two.
        work: may be shared by those that are fed in turns.
    """

    def __init__(
        self,
        count: int,
        low: float,
        high: float,
        percentiles: Sequence[float],
        most: int,
        bins: int = BINS,
        work: Workspace | None = None,
    ) -> None:
        self._count, self._low, self._high, self._most, self._bins = count, low, high, most, bins
        self._work = work or Workspace()
        self._asked = [place(one, count) for one in percentiles]
        indices = {near for index, _ in self._asked for near in (index, min(index + 1, count - 1))}
        self._found = {0: low, count - 1: high} if low < high else dict.fromkeys(indices, low)
        wanted = [(index, index) for index in sorted(indices - self._found.keys())]
        self._open = [_Open(0, count, wanted)] if wanted else []
        self._levels: list[_Level] = []
        self._pass = self._next_pass()

    @property
    def done(self) -> bool:
        return not self._open

    def look(self, block: Floats) -> None:
        """Takes finite numbers, in one piece."""
        for begun in range(0, len(block), PIECE):
            self._pass.look(*self._left(block[begun : begun + PIECE]))

    def turn(self) -> None:
        """All numbers were looked at. Raises ``ValueError``: they are not those that were announced."""
        found, level, self._open = self._pass.over()
        self._found |= found
        if level is not None:
            self._levels.append(level)
        self._pass = self._next_pass()

    def values(self) -> list[float]:
        """One for each percentile, in the order that was asked for; -0.0 counts as 0.0."""
        last = self._count - 1
        return [
            between(self._found[index] + 0.0, self._found[min(index + 1, last)] + 0.0, share)
            for index, share in self._asked
        ]

    def median(self) -> float:
        """The middle one, or the mean of the two middle ones, rounded once as numpy's is; 50 must be asked for."""
        low, high = self._found[(self._count - 1) // 2] + 0.0, self._found[self._count // 2] + 0.0
        total = low + high
        return low / 2 + high / 2 if math.isinf(total) else total / 2

    def _next_pass(self) -> _Gathering | _Counting | _Dividing:
        if sum(one.count for one in self._open) <= self._most:
            return _Gathering(self._open)
        if not self._levels:
            return _Counting(self._open[0], self._low, self._high, self._bins, self._work)
        return _Dividing(self._levels[-1].bins, self._open, self._bins, self._work)

    def _left(self, numbers: Floats) -> tuple[Floats, Places]:
        """Those that are in a bin that is open, and in which."""
        inside = _NONE
        for depth, level in enumerate(self._levels):
            bins = level.bins
            if depth and isinstance(bins, Ordered):
                places = bins.places_in(numbers, inside, self._work)
            else:
                places = bins.places(numbers, self._work)
            opened = level.opened.take(places)
            kept = np.flatnonzero(opened >= 0)
            numbers, inside = numbers.take(kept), opened.take(kept).astype(np.intp)
        return numbers, inside


Turned = tuple[dict[int, float], _Level | None, list[_Open]]
"""Answers that were found, and what the next pass looks at."""


class _Gathering:
    """The last pass: what is left fits."""

    def __init__(self, opened: Sequence[_Open]) -> None:
        self._opened = opened
        self._held = np.empty(sum(one.count for one in opened), np.float64)
        self._size = 0

    def look(self, numbers: Floats, _inside: Places) -> None:
        self._size += len(numbers)
        if self._size > len(self._held):
            raise _others()
        self._held[self._size - len(numbers) : self._size] = numbers

    def over(self) -> Turned:
        if self._size < len(self._held):
            raise _others()
        self._held.sort()
        found: dict[int, float] = {}
        before = 0
        for one in self._opened:
            found |= {index: float(self._held[before + within]) for index, within in one.wanted}
            before += one.count
        return found, None, []


class _Counting:
    """The first pass: all numbers, in bins that the first of them choose."""

    def __init__(self, whole: _Open, low: float, high: float, bins: int, work: Workspace) -> None:
        self._whole, self._low, self._high, self._work = whole, low, high, work
        self._counts = np.zeros(bins, np.intp)
        self._bins: Even | Ordered | None = None

    def look(self, numbers: Floats, _inside: Places) -> None:
        if self._bins is None:
            self._bins = self._chosen(numbers[:: -(-len(numbers) // _SAMPLE)])
        places = self._bins.places(numbers, self._work)
        self._counts += np.bincount(places, minlength=len(self._counts))

    def over(self) -> Turned:
        if self._bins is None:
            raise _others()
        return {}, *_narrower(self._bins, [self._whole], self._counts[np.newaxis])

    def _chosen(self, sample: Floats) -> Even | Ordered:
        """Those of which fewer numbers share the bin of an answer."""
        bins = len(self._counts)
        ordered = Ordered([Range.of(self._low, self._high)], bins)
        if not Even.possible(self._low, self._high, bins):
            return ordered
        even = Even(self._low, self._high, bins)
        return even if self._sharing(even, sample) <= self._sharing(ordered, sample) else ordered

    def _sharing(self, bins: Even | Ordered, sample: Floats) -> int:
        places = np.sort(bins.places(sample, self._work))
        asked = np.array([index * len(places) // self._whole.count for index, _ in self._whole.wanted])
        shared = np.unique(places[asked])
        return int((places.searchsorted(shared, "right") - places.searchsorted(shared, "left")).sum())


class _Dividing:
    """A further pass: what is left does not fit. A bin that holds a single number, many times, is told from others."""

    def __init__(self, bins: Even | Ordered, opened: Sequence[_Open], most: int, work: Workspace) -> None:
        each = 1 << max(1, (most // len(opened)).bit_length() - 1)
        self._opened, self._work = opened, work
        self._bins = Ordered([bins.range(one.place) for one in opened], each)
        self._some = np.full(len(opened), np.nan)
        """A number of each; those that are equal to it are not counted."""
        self._others = np.zeros((len(opened), each), np.intp)

    def look(self, numbers: Floats, inside: Places) -> None:
        new = np.isnan(self._some)
        if new.any():
            new = new[inside]
            self._some[inside[new]] = numbers[new]
        others = np.flatnonzero(numbers != self._some[inside])
        places = self._bins.places_in(numbers.take(others), inside.take(others), self._work)
        self._others += np.bincount(places, minlength=self._others.size).reshape(self._others.shape)

    def over(self) -> Turned:
        found: dict[int, float] = {}
        left: list[_Open] = []
        for which, (one, some) in enumerate(zip(self._opened, self._some.tolist(), strict=True)):
            row = self._others[which]
            others = int(row.sum())
            if math.isnan(some) or others >= one.count:
                raise _others()
            bin_of_some = self._bins.place_in(some, which)
            alone = not row[bin_of_some]
            row[bin_of_some] += one.count - others
            if alone:
                before = int(row[:bin_of_some].sum())
                equal = range(before, before + one.count - others)
                found |= {index: some for index, within in one.wanted if within in equal}
            left.append(replace(one, wanted=[wanted for wanted in one.wanted if wanted[0] not in found]))
        return found, *_narrower(self._bins, left, self._others)


def _narrower(bins: Even | Ordered, parts: Sequence[_Open], counts: Counts) -> tuple[_Level, list[_Open]]:
    """Args:
    counts: (parts, bins of each).
    """
    wanted: dict[int, tuple[int, list[tuple[int, int]]]] = {}
    for begin, one, row in zip(range(0, counts.size, counts.shape[1]), parts, counts, strict=True):
        ends = row.cumsum()
        if ends[-1] != one.count:
            raise _others()
        for index, inside in one.wanted:
            found = int(ends.searchsorted(inside, "right"))
            before = int(ends[found]) - int(row[found])
            wanted.setdefault(begin + found, (int(row[found]), []))[1].append((index, inside - before))
    opened = [_Open(found, count, within) for found, (count, within) in sorted(wanted.items())]
    table = np.full(counts.size, _SHUT, np.int32)
    table[[one.place for one in opened]] = range(len(opened))
    return _Level(bins, table), opened


def _others() -> ValueError:
    return ValueError("the numbers are not as many as was said, or not the same in each pass")
