"""Bins that keep the order of numbers: a number's bin is never before that of a lesser one, whatever is rounded.

``Even`` bins are as wide as each other; ``Ordered`` ones hold as many float64 as each other, so they widen with the
numbers. The second can be divided until each holds a single number.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from novacron.quantiles.values import Floats

Keys = npt.NDArray[np.uint64]
Places = npt.NDArray[np.intp]

PIECE = 1 << 14
"""Numbers that are looked at together: what is made of them stays in the processor's cache."""
_SIGN = 1 << 63
_ALL = (1 << 64) - 1


class Workspace:
    """Memory that is used again for each piece. Not for several threads."""

    def __init__(self) -> None:
        self.floats = np.empty(PIECE, np.float64)
        self.keys = np.empty(PIECE, np.uint64)
        self.signs = np.empty(PIECE, np.int64)


@dataclass(frozen=True, slots=True)
class Range:
    """Numbers whose keys are from ``first`` to ``last``, both included."""

    first: int
    last: int

    @classmethod
    def of(cls, low: float, high: float) -> Range:
        return cls(key(low), key(high))


def key(of: float) -> int:
    """Ordered as the numbers are: a whole number of 64 bits. -0.0 has that of 0.0."""
    bits: int = struct.unpack("<Q", struct.pack("<d", of + 0.0))[0]
    return bits ^ _ALL if bits & _SIGN else bits | _SIGN


def number(of: int) -> float:
    """That of a key."""
    bits = of ^ _SIGN if of & _SIGN else of ^ _ALL
    found: float = struct.unpack("<d", struct.pack("<Q", bits))[0]
    return found


def keys(numbers: Floats, work: Workspace) -> Keys:
    """Of at most ``PIECE`` numbers; good until the next call."""
    bits = np.add(numbers, 0.0, out=work.floats[: len(numbers)]).view(np.int64)
    signs = np.right_shift(bits, 63, out=work.signs[: len(bits)])
    np.bitwise_or(signs, np.int64(-_SIGN), out=signs)
    return np.bitwise_xor(bits.view(np.uint64), signs.view(np.uint64), out=work.keys[: len(bits)])


class Even:
    """Args:
    bins: between ``low`` and ``high``, outside of which nothing is.
    """

    def __init__(self, low: float, high: float, bins: int) -> None:
        self._low, self._high = low, high
        self._scale = (bins - 1) / (high - low)

    @staticmethod
    def possible(low: float, high: float, bins: int) -> bool:
        """Whether float64 holds their width."""
        span = high - low
        return 0 < span < math.inf and math.isfinite((bins - 1) / span)

    def places(self, numbers: Floats, work: Workspace) -> Places:
        """The bin of each of at most ``PIECE`` numbers; good until the next call."""
        shares = np.subtract(numbers, self._low, out=work.floats[: len(numbers)])
        np.multiply(shares, self._scale, out=shares)
        found = work.keys[: len(numbers)].view(np.intp)
        np.copyto(found, shares, casting="unsafe")
        return found

    def range(self, place: int) -> Range:
        """Of a bin, exactly: rounding decides what is at its ends."""
        whole = Range.of(self._low, self._high)
        return Range(self._first(whole, place), self._first(whole, place + 1) - 1)

    def _first(self, whole: Range, place: int) -> int:
        """The least key of this bin or one behind it, by halving."""
        low, high = whole.first, whole.last + 1
        while low < high:
            middle = (low + high) // 2
            if int((number(middle) - self._low) * self._scale) < place:
                low = middle + 1
            else:
                high = middle
        return low


class Ordered:
    """Args:
    ranges: each is divided for itself.
    bins: of each at most; a power of two.
    """

    def __init__(self, ranges: Sequence[Range], bins: int) -> None:
        self.bins = bins
        self._shifts = [max(0, (one.last - one.first).bit_length() - bins.bit_length() + 1) for one in ranges]
        self._begins = [one.first for one in ranges]
        self._shift_of = np.array(self._shifts, np.uint64)
        self._begin_of = np.array(self._begins, np.uint64)

    def places(self, numbers: Floats, work: Workspace) -> Places:
        """The same as of ``Even``, of the first range."""
        found = keys(numbers, work)
        np.subtract(found, self._begin_of[0], out=found)
        np.right_shift(found, self._shift_of[0], out=found)
        return found.view(np.intp)

    def places_in(self, numbers: Floats, ranges: Places, work: Workspace) -> Places:
        """Args:
        ranges: which of them each number is in. The bins of each follow those of the one before.
        """
        found = keys(numbers, work)
        np.subtract(found, self._begin_of[ranges], out=found)
        np.right_shift(found, self._shift_of[ranges], out=found)
        places = found.view(np.intp)
        return np.add(places, ranges * self.bins, out=places)

    def place_in(self, number: float, which: int) -> int:
        """The bin of one number among those of its range."""
        return key(number) - self._begins[which] >> self._shifts[which]

    def range(self, place: int) -> Range:
        """Of a bin, counted through all ranges."""
        which, inside = divmod(place, self.bins)
        first = self._begins[which] + (inside << self._shifts[which])
        return Range(first, first + (1 << self._shifts[which]) - 1)
