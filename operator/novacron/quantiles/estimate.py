"""What an answer says: a value, how it was found, and how far from the truth it can be."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Method = Literal["exact", "kll", "req", "ddsketch"]


@dataclass(frozen=True, slots=True)
class Bound:
    """The answer is at most ``value`` off a number whose rank is at most ``rank`` off the one that was asked for.

    Args:
        rank: as a share of the count; with a confidence of at least 99 %, as the sketch's own library states it.
        value: as a share of that number; certain, but for numbers below 2.3e-308, which have fewer digits. Between two
            numbers of the asked rank it is a share of the greater of the two, whatever their signs.
    """

    rank: float = 0.0
    value: float = 0.0


EXACT = Bound()


@dataclass(frozen=True, slots=True)
class Estimate:
    """One percentile: linear interpolation at percentile / 100 * (count - 1) in the sorted numbers, or near it."""

    percentile: float
    value: float
    method: Method
    error: Bound = EXACT
