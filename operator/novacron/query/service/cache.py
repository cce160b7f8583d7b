"""Answers that are given again for a while, and asked for once however many wait for them.

Whoever asks first starts a task of its own, which goes on when he hangs up: the others wait for it too. What failed is
kept for nobody.
"""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable, Coroutine, Hashable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from novacron.adapters import clock
from novacron.query.service.counts import CacheCounts
from novacron.workload.service.representation import Representation

MOST_BYTES = 32 << 20
"""A dozen of the largest dashboards, which have 5,000 rows."""


@dataclass(frozen=True, slots=True)
class Answer:
    """Args:
    as_of: what it is true of.
    """

    as_of: datetime
    representation: Representation


@dataclass(slots=True)
class _Kept:
    answer: Answer
    until: float
    size: int


class Cache:
    """Args:
    seconds: how long an answer is given again, from when it was asked for; 0: only to those who wait for it.
    most_bytes: of all that is kept.
    """

    def __init__(
        self,
        seconds: float,
        counts: CacheCounts,
        most_bytes: int = MOST_BYTES,
        elapsed: Callable[[], float] = clock.elapsed,
    ) -> None:
        self._seconds = seconds
        self._counts = counts
        self._most_bytes = most_bytes
        self._elapsed = elapsed
        self._kept: dict[Hashable, _Kept] = {}
        """In the order in which they were stored, which is about that in which they end."""
        self._size = 0
        self._flights: dict[Hashable, asyncio.Task[Answer]] = {}

    async def answer(
        self, key: Hashable, oldest: datetime | None, ask: Callable[[], Coroutine[Any, Any, Answer]]
    ) -> Answer:
        """The answer that is kept, or that somebody waits for, or a new one. Raises what ``ask`` raises.

        Args:
            key: all that the answer depends on.
            oldest: an answer of before that will not do.
            ask: gives an answer that does.
        """
        while True:
            kept = self._kept.get(key)
            if kept is not None and kept.until > self._elapsed() and _does(kept.answer, oldest):
                self._counts.hit()
                return kept.answer
            flight = self._flights.get(key)
            if flight is None:
                self._counts.missed()
                return await asyncio.shield(self._begun(key, ask))
            found = await asyncio.shield(flight)
            if _does(found, oldest):
                self._counts.shared()
                return found
            # a flight that has landed is awaited without a pause, and before anybody could take it off the list
            await asyncio.sleep(0)

    def weigh(self, key: Hashable) -> None:
        """Looks again how large an answer is: its compressed form is made when it is first asked for."""
        kept = self._kept.get(key)
        if kept is not None:
            grown = kept.answer.representation.size - kept.size
            kept.size += grown
            self._grow(grown)

    def _begun(self, key: Hashable, ask: Callable[[], Coroutine[Any, Any, Answer]]) -> asyncio.Task[Answer]:
        flight = asyncio.create_task(ask())
        self._flights[key] = flight
        flight.add_done_callback(functools.partial(self._landed, key, self._elapsed() + self._seconds))
        return flight

    def _landed(self, key: Hashable, until: float, flight: asyncio.Task[Answer]) -> None:
        del self._flights[key]
        if flight.cancelled() or flight.exception() is not None or self._seconds == 0:
            return
        answer = flight.result()
        self._drop(key)
        self._kept[key] = _Kept(answer, until, answer.representation.size)
        self._grow(answer.representation.size)

    def _grow(self, size: int) -> None:
        self._size += size
        now = self._elapsed()
        while self._kept:
            first = next(iter(self._kept))
            if self._size <= self._most_bytes and self._kept[first].until > now:
                break
            self._drop(first)
        self._counts.hold(self._size)

    def _drop(self, key: Hashable) -> None:
        kept = self._kept.pop(key, None)
        if kept is not None:
            self._size -= kept.size


def _does(answer: Answer, oldest: datetime | None) -> bool:
    return oldest is None or answer.as_of >= oldest
