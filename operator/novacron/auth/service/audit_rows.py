"""Rows of failed logins and of guesses at the current password.

They are added up by ``Audit`` before, and written a moment later, outside any request.

Only those of people who exist: what anybody can send for nothing writes no rows.
"""

from __future__ import annotations

import asyncio
from collections import deque

from novacron.auth.service import audit
from novacron.auth.service.audit import Event
from novacron.auth.service.counts import Counts
from novacron.auth.service.store import audit as rows
from novacron.auth.service.store.database import Database
from novacron.workload.service.answers import Unavailable

_KEPT = frozenset((audit.LOGIN_FAILED, audit.PASSWORD_CHANGE_REFUSED))
_SECONDS = 1.0
_MOST = 1000
"""Waiting; then the oldest goes, counted."""


class AuditRows:
    """Takes every line of the audit log, and keeps what is to be a row.

    Other rows are written with what they tell of, in the same transaction.
    """

    def __init__(self, database: Database, counts: Counts) -> None:
        self._database = database
        self._counts = counts
        self._waiting: deque[tuple[Event, int]] = deque()

    def write(self, event: Event, count: int) -> None:
        """As ``audit.line``, which it calls."""
        audit.line(event, count)
        if event.type not in _KEPT or not event.subject:
            return
        self._waiting.append((event, count))
        self._bound()

    def _bound(self) -> None:
        while len(self._waiting) > _MOST:
            self._waiting.popleft()
            self._counts.audit_rows_lost.inc()

    async def run(self) -> None:
        """Until cancelled; then once more."""
        try:
            while True:
                await asyncio.sleep(_SECONDS)
                await self.flush()
        finally:
            await self.flush()

    async def flush(self) -> None:
        """What waits; it goes on waiting where the database cannot be asked."""
        if not self._waiting:
            return
        batch, self._waiting = self._waiting, deque()
        try:
            async with self._database.transaction() as transaction:
                for event, count in batch:
                    await rows.write(transaction, event, count)
        except BaseException as error:  # also the end of the process, which has this done once more
            self._waiting.extendleft(reversed(batch))
            self._bound()
            if not isinstance(error, Unavailable):
                raise
