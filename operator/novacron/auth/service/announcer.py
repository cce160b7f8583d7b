"""Tells other pods through Redis that the feed has news. What is lost costs them two seconds: they poll it anyway."""

from __future__ import annotations

import asyncio

from redis.exceptions import RedisError

from novacron.adapters.redis import Commands
from novacron.auth.service.counts import Counts
from novacron.core.dependencies import Unusable

_SECONDS = 2.0


class Announcer:
    """One message for all that happened since the last one.

    Args:
        channel: in Redis.
    """

    def __init__(self, commands: Commands, channel: str, counts: Counts) -> None:
        self._commands = commands
        self._channel = channel
        self._counts = counts
        self._news = asyncio.Event()

    def announce(self) -> None:
        """At once, and without waiting for Redis."""
        self._news.set()

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await self._news.wait()
            self._news.clear()
            try:
                async with asyncio.timeout(_SECONDS), self._commands.client() as client:
                    await client.publish(self._channel, b"")
            except (Unusable, RedisError, OSError, TimeoutError):
                self._counts.hints_lost.inc()
