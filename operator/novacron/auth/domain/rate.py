"""How often something may happen: the generic cell rate algorithm (GCRA, ITU-T I.371) on one number for each key.

The number is the theoretical arrival time: when all that was admitted would have come if it had come evenly. What comes
may be ahead of it by a tolerance, which is the burst.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

_BURST_SHARE = 6
"""Of a minute's requests, this part may come at once: a page of a browser asks for a dozen things in one moment."""

_FORGIVEN = 1e-6
"""Seconds: the sum of a burst's intervals is not quite their product."""


@dataclass(frozen=True, slots=True)
class Rate:
    """So many a minute, evenly, and some of them at once.

    Any minute sees at most ``per_minute + burst``.

    Args:
        per_minute: at least 1.
        burst: at least 1.
    """

    per_minute: int
    burst: int

    def __post_init__(self) -> None:
        if self.per_minute < 1 or self.burst < 1:
            raise ValueError("a rate and its burst are at least 1; a limit of nothing is an open path closed")

    @property
    def interval(self) -> float:
        """Seconds that one request uses up."""
        return 60.0 / self.per_minute

    @property
    def tolerance(self) -> float:
        """Seconds by which requests may be ahead of their time."""
        return self.interval * (self.burst - 1)


def per_minute(requests: int) -> Rate:
    """A sixth of the minute's requests may come at once."""
    return Rate(requests, math.ceil(requests / _BURST_SHARE))


def wait(arrival: float, now: float, tolerance: float) -> float:
    """Seconds until the next request is admitted; 0: it is.

    Args:
        arrival: theoretical arrival time of the key; any time that has passed where it is not known.
    """
    early = arrival - now - tolerance
    return early if early > _FORGIVEN else 0.0


def admitted(arrival: float, now: float, interval: float) -> float:
    """The theoretical arrival time after one more request."""
    return (arrival if arrival > now else now) + interval
