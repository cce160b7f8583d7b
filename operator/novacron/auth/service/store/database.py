"""Transactions of auth: besides what each does, whom to tell of it once it is committed."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from novacron.adapters.postgres import Connection, Sessions
from novacron.auth.service.audit import Event
from novacron.workload.service import transactions

_STATEMENT_SECONDS = 3.0
"""A request has 30 s, and may need several statements."""
_SECONDS = 10.0
"""Of a whole transaction."""


class Transaction(transactions.Transaction):
    """Statements that are done together or not at all. Values are named: ``%(name)s``.

    Args:
        revocation_seconds: how long a revocation is told to others: no access token that exists now lives longer.
    """

    def __init__(self, connection: Connection, revocation_seconds: int) -> None:
        super().__init__(connection)
        self.revocation_seconds = revocation_seconds
        self.revoked = False
        """Whether other pods are to be told, once it is committed."""
        self.events: list[Event] = []
        """What it added to the audit log's table."""


class Database:
    """Opens transactions.

    Args:
        revocation_seconds: see ``Transaction``; asked for each, since keys change.
        committed: told of each transaction after its commit; must not raise.
    """

    def __init__(
        self, sessions: Sessions, revocation_seconds: Callable[[], int], committed: Callable[[Transaction], None]
    ) -> None:
        self._sessions = sessions
        self._revocation_seconds = revocation_seconds
        self._committed = committed

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Transaction]:
        """Committed at the end of the block; an exception rolls back. Raises ``Unavailable``."""
        begun = transactions.begun(self._sessions, statement_seconds=_STATEMENT_SECONDS, seconds=_SECONDS)
        async with begun as connection:
            transaction = Transaction(connection, self._revocation_seconds())
            yield transaction
        self._committed(transaction)
