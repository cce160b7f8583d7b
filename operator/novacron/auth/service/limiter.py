"""The wall against too much, in this process: a third of a microsecond for each request, in bounded memory."""

from __future__ import annotations

from collections.abc import Callable

from novacron.adapters import clock
from novacron.auth.domain.rate import Rate, admitted, wait

MOST = 32_768
"""Keys that are remembered: 4 MB.

The one that was seen longest ago goes first, even if its time is not up. That gives nobody more than he has: to be
forgotten, a network needs as many others to ask in between, and each of those has its own full allowance unused. Only
beyond ``MOST`` times the rate in all, 55,000 requests a second at 100 a minute, would forgetting let more through.
"""


class Limiter:
    """In this process, without waiting.

    Args:
        now: monotonic seconds.
        most: keys that are remembered.
    """

    def __init__(self, rate: Rate, now: Callable[[], float] = clock.monotonic, most: int = MOST) -> None:
        self._interval, self._tolerance = rate.interval, rate.tolerance
        self._now = now
        self._most = most
        self._arrivals: dict[str, float] = {}
        """Key -> theoretical arrival time, the one seen longest ago first."""

    def __len__(self) -> int:
        return len(self._arrivals)

    def check(self, key: str) -> float:
        """Seconds until one more is admitted; 0: it is, and has been counted."""
        now = self._now()
        arrival = self._arrivals.pop(key, now)
        early = wait(arrival, now, self._tolerance)
        self._put(key, arrival if early else admitted(arrival, now, self._interval))
        return early

    def wait(self, key: str) -> float:
        """The same, and nothing is counted."""
        now = self._now()
        return wait(self._arrivals.get(key, now), now, self._tolerance)

    def _put(self, key: str, arrival: float) -> None:
        if len(self._arrivals) >= self._most:
            del self._arrivals[next(iter(self._arrivals))]
        self._arrivals[key] = arrival
