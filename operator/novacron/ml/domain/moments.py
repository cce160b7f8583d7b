"""Sums and squares of a column without an error that grows: merging them is adding whole numbers.

A chunk's sum is taken apart into floats whose sums are exact (Rump, Ogita and Oishi, "Accurate floating-point
summation", SIAM J. Sci. Comput. 31 (2008), algorithm ExtractVector). Its squares are taken about a pivot near its mean,
where little is lost, and moved to zero in whole numbers: sum(x^2) = sum(d^2) + 2 m sum(x) - n m^2 with d = x - m. So
neither the order of the parts nor a large offset changes mean or standard deviation (docs/decisions/0030).
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from novacron.ml.domain.chunk import Floats

Mask = npt.NDArray[np.bool_]

UNIT = 1074
"""Sums are whole numbers of 2^-1074, the least float64 there is; squares of 2^-2148."""
_LIFTED = 400
"""Exponent of the greatest number of a chunk while it is looked at: its square does not overflow, and what is far
smaller, down to the 2^-1400th of it, loses nothing on the way."""
_SMALLEST_EXPONENT = -600
_MANTISSA = 53
_GUARD = 64
"""Bits of the square root beyond those of a float."""


@dataclass(slots=True)
class Moments:
    """Args:
    count: of the numbers.
    total: of the numbers, in units of 2^-1074.
    squares: sum of their squares, in units of 2^-2148.
    """

    count: int = 0
    total: int = 0
    squares: int = 0

    def merge(self, other: Moments) -> None:
        self.count += other.count
        self.total += other.total
        self.squares += other.squares

    @property
    def mean(self) -> float:
        """Correctly rounded. Only where there are numbers."""
        return self.total / (self.count << UNIT)

    @property
    def deviation(self) -> float:
        """The standard deviation (ddof 0). Only where there are numbers."""
        spread = max(0, self.count * self.squares - self.total * self.total)
        lifted = max(0, 2 * (_MANTISSA + _GUARD) - spread.bit_length() + 1) // 2
        root = math.isqrt(spread << (2 * lifted))
        return root / (self.count << (UNIT + lifted))


def taken(
    block: Floats, counts: Sequence[int], greatest: Floats, holes: npt.NDArray[np.bool_] | None
) -> Iterator[Moments]:
    """Of each row of a block.

    Args:
        block: (columns, rows), finite; 0 where there is a hole.
        counts: numbers of each column.
        greatest: magnitude in each column.
        holes: where there is no number; None: nowhere.
    """
    exponents = np.maximum(np.frexp(greatest)[1], _SMALLEST_EXPONENT) - _LIFTED
    scaled = block * np.ldexp(1.0, -exponents)[:, None]  # so that one sigma serves all and nothing overflows
    parts = _apart(scaled)
    pivots = np.sum(parts, axis=0) / np.maximum(counts, 1)
    scaled -= pivots[:, None]
    if holes is not None:
        scaled[holes] = 0.0
    squares = np.square(scaled, out=scaled).sum(axis=1)
    columns = zip(
        counts, exponents.tolist(), pivots.tolist(), squares.tolist(), *(part.tolist() for part in parts), strict=True
    )
    return itertools.starmap(_moments, columns)


def _apart(numbers: Floats) -> list[Floats]:
    """Sums of the rows of numbers below 2^400, in parts without an error: two, unless some numbers are tiny."""
    width = (numbers.shape[1] + 2).bit_length()
    exponent = _LIFTED + width
    sums, rest = [], numbers
    while True:
        sigma = math.ldexp(1.0, exponent)
        high = rest + sigma
        high -= sigma
        sums.append(high.sum(axis=1))
        rest = np.subtract(rest, high, out=high)
        if not rest.any():
            return sums
        exponent += width - _MANTISSA


def _moments(count: int, exponent: int, pivot: float, squares: float, *parts: float) -> Moments:
    total = sum(_whole(part, exponent + UNIT) for part in parts)
    at = _whole(pivot, exponent + UNIT)
    return Moments(count, total, _whole(squares, 2 * (exponent + UNIT)) + at * (2 * total - count * at))


def _whole(number: float, exponent: int) -> int:
    """The number times 2^exponent, rounded down where it is no whole one."""
    mantissa, own = math.frexp(number)
    shift = own - _MANTISSA + exponent
    whole = int(math.ldexp(mantissa, _MANTISSA))
    return whole << shift if shift >= 0 else whole >> -shift
