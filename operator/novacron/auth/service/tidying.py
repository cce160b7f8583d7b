"""What no request does: sessions that were idle too long end for everybody, and spent answers are forgotten."""

from __future__ import annotations

import asyncio
import random

import structlog

from novacron.auth.domain.refresh import GRACE_SECONDS
from novacron.auth.service.store import sessions
from novacron.auth.service.store.database import Database
from novacron.workload.service.answers import Unavailable

_log = structlog.get_logger(__name__)

_SECONDS = 10.0
_MOST = 500
"""Sessions of one transaction."""
_REPORTED_SECONDS = 75
"""Other workloads tell of a session's activity once a minute and a little later; so long is waited for it."""


class Tidying:
    """Each pod does it, and leaves alone what another one is at.

    Args:
        idle: seconds without activity after which a session has ended.
    """

    def __init__(self, database: Database, idle: int) -> None:
        self._database = database
        self._idle = idle

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await asyncio.sleep(_SECONDS * random.uniform(0.8, 1.2))
            try:
                await self.tidy()
            except Unavailable as error:
                _log.debug("not tidied", reason=error.reason)

    async def tidy(self) -> None:
        """Raises ``Unavailable``."""
        async with self._database.transaction() as transaction:
            await sessions.forget_successors(transaction, GRACE_SECONDS)
        async with self._database.transaction() as transaction:
            await sessions.end_idle(transaction, self._idle + _REPORTED_SECONDS, _MOST)
