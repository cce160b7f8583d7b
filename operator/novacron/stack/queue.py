"""The work queue: each key at most once, one worker a key at a time, backoff with jitter after a failure.

User edits go before child events, child events before the resync. Source: client-go ``util/workqueue``.
"""

from __future__ import annotations

import asyncio
import enum
import heapq
import random
from collections.abc import Callable
from dataclasses import dataclass, field

Key = tuple[str, str]
"""Namespace and name of a NovaCron."""

_FIRST_BACKOFF = 0.5
_LAST_BACKOFF = 60.0


class Priority(enum.IntEnum):
    """Why a key waits; the smaller goes first."""

    USER = 0
    CHILD = 1
    RESYNC = 2


@dataclass(order=True, slots=True)
class _Entry:
    due: float
    priority: Priority
    since: float
    key: Key = field(compare=False)


class WorkQueue:
    """Belongs to one event loop.

    Args:
        now: monotonic seconds.
        jitter: a factor for a delay, drawn anew each time.
    """

    def __init__(
        self, now: Callable[[], float], jitter: Callable[[], float] = lambda: random.uniform(0.8, 1.2)
    ) -> None:
        self._now = now
        self._jitter = jitter
        self._waiting: dict[Key, _Entry] = {}
        self._delayed: list[_Entry] = []
        self._ready: list[tuple[Priority, float, Key]] = []
        self._active: set[Key] = set()
        self._failures: dict[Key, int] = {}
        self._held: dict[Key, float] = {}
        self._changed = asyncio.Event()

    def add(self, key: Key, priority: Priority, after: float = 0) -> None:
        """Asks for a pass; the sooner and the more urgent of two requests for one key wins."""
        now = self._now()
        if priority is Priority.CHILD:
            after = max(after, self._held.get(key, now) - now)
        entry = _Entry(now + after, priority, now, key)
        present = self._waiting.get(key)
        if present is not None:
            if present.due <= entry.due and present.priority <= entry.priority:
                return
            entry = _Entry(min(present.due, entry.due), min(present.priority, entry.priority), present.since, key)
        self._waiting[key] = entry
        heapq.heappush(self._delayed, entry)
        self._changed.set()

    def retry(self, key: Key, at_least: float = 0) -> float:
        """Asks for another pass after a failure; returns the delay in seconds."""
        failures = self._failures[key] = self._failures.get(key, 0) + 1
        delay = max(at_least, min(_FIRST_BACKOFF * 2.0 ** min(failures - 1, 10), _LAST_BACKOFF) * self._jitter())
        self.add(key, Priority.CHILD, delay)
        return delay

    def succeeded(self, key: Key) -> None:
        self._failures.pop(key, None)

    def hold(self, key: Key, seconds: float) -> None:
        """For so long child events ask for no pass: somebody undoes each one at once."""
        self._held[key] = self._now() + seconds

    def forget(self, key: Key) -> None:
        """Drops what waits for a key that is gone."""
        self._failures.pop(key, None)
        self._held.pop(key, None)
        self._waiting.pop(key, None)

    def failing(self) -> int:
        """How many keys failed at their last pass."""
        return len(self._failures)

    async def get(self) -> tuple[Key, Priority]:
        """The next key; its worker must call ``done`` afterwards."""
        while True:
            wait = self._advance()
            if self._ready:
                priority, _since, key = heapq.heappop(self._ready)
                entry = self._waiting.get(key)
                if entry is None or key in self._active or entry.due > self._now():
                    continue
                del self._waiting[key]
                self._active.add(key)
                return key, priority
            self._changed.clear()
            try:
                async with asyncio.timeout(wait):
                    await self._changed.wait()
            except TimeoutError:
                continue

    def _advance(self) -> float | None:
        """Moves what is due to the ready heap; returns the seconds until something else is."""
        now = self._now()
        while self._delayed:
            entry = self._delayed[0]
            current = self._waiting.get(entry.key) is entry
            if current and entry.due > now:
                return entry.due - now
            heapq.heappop(self._delayed)
            if current and entry.key not in self._active:
                heapq.heappush(self._ready, (entry.priority, entry.since, entry.key))
        return None

    def done(self, key: Key) -> None:
        self._active.discard(key)
        entry = self._waiting.get(key)
        if entry is not None:
            heapq.heappush(self._delayed, entry)
        self._changed.set()

    def clear(self) -> None:
        """Drops everything that waits; what is active stays its worker's."""
        self._waiting.clear()
        self._delayed.clear()
        self._ready.clear()
        self._failures.clear()
        self._held.clear()

    def depth(self) -> int:
        return len(self._waiting)

    def active(self) -> int:
        return len(self._active)

    def oldest(self) -> float:
        """Seconds since the longest overdue key became due; 0 when none is."""
        now = self._now()
        overdue = [
            now - entry.due for key, entry in self._waiting.items() if entry.due < now and key not in self._active
        ]
        return max(overdue, default=0.0)
