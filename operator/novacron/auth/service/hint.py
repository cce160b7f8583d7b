"""News of revocations through Redis: not what they are, only that there are some, so that the feed is read at once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import structlog
from redis.exceptions import RedisError

from novacron.adapters import clock
from novacron.adapters.redis import Commands
from novacron.core.dependencies import Unusable

_log = structlog.get_logger(__name__)

_LISTENED_SECONDS = 60.0
"""On one connection; then on a new one, for the login may be another."""
_WAITED_SECONDS = 1.0
_RETRY_SECONDS = 2.0
_BROKEN = (RedisError, OSError, Unusable)


def channel(prefix: str) -> str:
    """Args:
    prefix: of our names in Redis.
    """
    return f"{prefix}revocations"


class Hints:
    """Listens. Without Redis there are none, and the feed is read when its time comes.

    Args:
        told: called for each message, and whenever listening begins: there may have been one before.
    """

    def __init__(self, commands: Commands, name: str, told: Callable[[], None]) -> None:
        self._commands = commands
        self._name = name
        self._told = told
        self._deaf = False

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            try:
                await self._listen()
            except _BROKEN as error:
                if not self._deaf:
                    _log.warning("no news of revocations through Redis; they come a little later", kind=_kind(error))
                self._deaf = True
                await asyncio.sleep(_RETRY_SECONDS)

    async def _listen(self) -> None:
        until = clock.monotonic() + _LISTENED_SECONDS
        async with self._commands.client() as client, client.pubsub() as subscription:
            await subscription.subscribe(self._name)
            self._deaf = False
            while clock.monotonic() < until:
                if await subscription.get_message(timeout=_WAITED_SECONDS):
                    self._told()


def _kind(error: Exception) -> str:
    """Its class: the text may hold a host or a user."""
    return error.reason if isinstance(error, Unusable) else type(error).__name__
