"""Reports to auth that sessions are in use, so that they do not end as idle: at most one a minute for a session."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from novacron.adapters import clock
from novacron.auth.service.internal_port import Internal
from novacron.auth.service.wall_metrics import WallMetrics
from novacron.core.dependencies import Unusable

_AGAIN_SECONDS = 60.0
_SENT_SECONDS = 5.0
_BATCH = 1000
"""Of one report."""
_MOST = 20_000
"""Sessions that are remembered; one that was forgotten is only reported once more."""


class Activity:
    """Collects and sends. What is lost is no error: it comes again a minute later, and idle means half an hour.

    Args:
        now: monotonic seconds.
    """

    def __init__(self, internal: Internal, metrics: WallMetrics, now: Callable[[], float] = clock.monotonic) -> None:
        self._internal = internal
        self._metrics = metrics
        self._now = now
        self._told: dict[str, float] = {}
        """Session -> when it was last taken up, the oldest first."""
        self._waiting: dict[str, float] = {}
        """Session -> seconds since the epoch."""

    def seen(self, session: str, moment: float) -> None:
        """A request of a session was let through.

        Args:
            moment: seconds since the epoch.
        """
        now = self._now()
        before = self._told.get(session)
        if before is not None and now - before < _AGAIN_SECONDS:
            return
        self._told.pop(session, None)
        if len(self._told) >= _MOST:
            del self._told[next(iter(self._told))]
        self._told[session] = now
        if len(self._waiting) < _MOST:
            self._waiting[session] = moment

    async def run(self) -> None:
        """Sends until cancelled."""
        while True:
            await asyncio.sleep(_SENT_SECONDS)
            await self.send()

    async def send(self) -> None:
        """What waits, in batches; none of it is kept for a second try."""
        waiting, self._waiting = list(self._waiting.items()), {}
        for start in range(0, len(waiting), _BATCH):
            batch = dict(waiting[start : start + _BATCH])
            try:
                await self._internal.active(batch)
            except Unusable:
                self._metrics.activity_lost.inc(len(waiting) - start)
                return
