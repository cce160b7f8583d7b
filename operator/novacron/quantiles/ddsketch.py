"""DDSketch (Masson, Rim, Lee: VLDB 2019): counts of numbers in bins that widen with the numbers.

Every answer is within a share of the right value, in the tails too. The bins of float64 are few enough to keep all of
them (73,000 on each side of zero at one percent), so none is ever merged with another and no accuracy is lost.
"""

from __future__ import annotations

import math
import struct
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from novacron.quantiles.estimate import Bound, Method
from novacron.quantiles.selection import between, place
from novacron.quantiles.sketch import InvalidState, Sketch
from novacron.quantiles.values import Floats

Counts = npt.NDArray[np.int64]

ACCURACY = 0.01
_ACCURACIES = (0.001, 0.2)
_SLACK = 1 - 1e-9
"""Bins are narrower by so little: the rounding of a logarithm may put a number into the bin beside its own."""
_LEAST = float(np.finfo(np.float64).tiny)
"""Smaller magnitudes have fewer digits than the accuracy needs; they count as zero."""
_GREATEST = math.log(np.finfo(np.float64).max) * (1 - 1e-15)
"""Logarithm of a number that is not infinite."""
_HEAD = struct.Struct("<dqqqqq")
"""Accuracy, zeros, and for positive and negative numbers the first bin and how many follow."""


class Bins:
    """Counts of a run of bins that grows at both ends."""

    def __init__(self, first: int = 0, counts: Counts | None = None) -> None:
        self.first = first
        self.counts = np.zeros(0, np.int64) if counts is None else counts

    def add(self, first: int, counts: Counts) -> None:
        if not len(counts):
            return
        if not len(self.counts):
            self.first = first
        below = max(0, self.first - first)
        above = max(0, first + len(counts) - self.first - len(self.counts))
        if below or above:
            self.counts = np.pad(self.counts, (below, above))
            self.first -= below
        begin = first - self.first
        self.counts[begin : begin + len(counts)] += counts


class DDSketch(Sketch):
    """Args:
    accuracy: greatest relative error of a value; of magnitudes below 2.3e-308 it is that number.
    """

    method: ClassVar[Method] = "ddsketch"

    def __init__(self, accuracy: float = ACCURACY) -> None:
        super().__init__()
        self.accuracy = accuracy
        self._positive, self._negative, self._zeros = Bins(), Bins(), 0

    @property
    def _width(self) -> float:
        """Of a bin, as a logarithm."""
        share = self.accuracy * _SLACK
        return math.log((1 + share) / (1 - share))

    def _add(self, block: Floats) -> None:
        magnitudes = np.abs(block)
        counted = magnitudes >= _LEAST
        self._zeros += len(block) - int(counted.sum())
        self._count(self._positive, magnitudes[counted & (block > 0)])
        self._count(self._negative, magnitudes[counted & (block < 0)])

    def _count(self, bins: Bins, magnitudes: Floats) -> None:
        if not len(magnitudes):
            return
        found = np.ceil(np.log(magnitudes) / self._width).astype(np.int64)
        first = int(found.min())
        bins.add(first, np.bincount(found - first).astype(np.int64, copy=False))

    def _merge(self, other: Any) -> None:
        if other.accuracy != self.accuracy:
            said = f"of accuracy {other.accuracy:g} cannot go into one of {self.accuracy:g}"
            raise InvalidState(f"a sketch {said}; make both with the same")
        self._positive.add(other._positive.first, other._positive.counts)
        self._negative.add(other._negative.first, other._negative.counts)
        self._zeros += other._zeros

    def _near(self, percentile: float) -> tuple[float, Bound]:
        """Between two numbers of opposite signs, the error is a share of the greater."""
        index, share = place(percentile, self.count)
        ends = np.concatenate((self._negative.counts[::-1], [self._zeros], self._positive.counts)).cumsum()
        low, high = (
            self._middle(int(ends.searchsorted(at, "right"))) for at in (index, min(index + 1, self.count - 1))
        )
        return between(low, high, share), Bound(value=self.accuracy)

    def _middle(self, position: int) -> float:
        """The value that stands for a bin, counted from the most negative one."""
        below = len(self._negative.counts)
        if position == below:
            return 0.0
        if position < below:
            return -self._value(self._negative.first + below - 1 - position)
        return self._value(self._positive.first + position - below - 1)

    def _value(self, index: int) -> float:
        """As far from one end of the bin as from the other, in proportion."""
        gamma = math.exp(self._width)
        lower = math.exp(min((index - 1) * self._width, _GREATEST))
        return min(lower * (2 * gamma / (1 + gamma)), max(abs(self.minimum), abs(self.maximum)))

    def _written(self) -> bytes:
        both = (self._positive, self._negative)
        sizes = [number for bins in both for number in (bins.first, len(bins.counts))]
        counts = [bins.counts.astype("<i8").tobytes() for bins in both]
        return b"".join((_HEAD.pack(self.accuracy, self._zeros, *sizes), *counts))

    def _read(self, state: bytes) -> None:
        try:
            self.accuracy, self._zeros, first, size, below_first, below_size = _HEAD.unpack_from(state)
            counts = np.frombuffer(state, "<i8", offset=_HEAD.size).astype(np.int64)
        except (struct.error, ValueError):
            raise InvalidState("the state of the sketch is cut off; make it again") from None
        least, most = _ACCURACIES
        if not least <= self.accuracy <= most or min(size, below_size) < 0 or size + below_size != len(counts):
            raise InvalidState("the state of the sketch contradicts itself; make it again")
        self._positive, self._negative = Bins(first, counts[:size]), Bins(below_first, counts[size:])
