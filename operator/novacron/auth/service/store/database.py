"""Transactions. Whatever is wrong with the database is one error, which says nothing of what was asked for."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, LiteralString, TypeVar

import psycopg
from psycopg.rows import class_row

from novacron.adapters.postgres import Connection, Sessions
from novacron.auth.service.audit import Event
from novacron.core.dependencies import Unusable
from novacron.core.errors import NovaCronError

_STATEMENT_MILLISECONDS = 3000
"""Also bounds the wait for a lock. A request has 30 s, and may need several statements."""
_SECONDS = 10.0
"""Of a whole transaction, with the wait for a connection: a server that hangs ends no statement."""
_NOT_AS_IT_SHOULD_BE = (
    psycopg.OperationalError,  # cannot be reached, ends, deadlock, a statement that took too long
    psycopg.InterfaceError,  # the connection broke before
    psycopg.errors.ReadOnlySqlTransaction,  # a standby, in the middle of a failover
    psycopg.errors.UndefinedTable,  # not migrated yet
    psycopg.errors.UndefinedColumn,
    psycopg.errors.InvalidSchemaName,
    psycopg.errors.InsufficientPrivilege,
)

R = TypeVar("R")


class Unavailable(NovaCronError):
    """The database cannot be asked now: a 503, and never "no such user".

    Args:
        reason: a word of ours or the name of an error's class; no text of the server.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(f"the database cannot be asked: {reason}; look at /ready, then try again")
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Moment:
    """The database's clock, in seconds since the epoch."""

    now: float


class Transaction:
    """Statements that are done together or not at all. Values are named: ``%(name)s``.

    Args:
        revocation_seconds: how long a revocation is told to others: no access token that exists now lives longer.
    """

    def __init__(self, connection: Connection, revocation_seconds: int) -> None:
        self._connection = connection
        self.revocation_seconds = revocation_seconds
        self.revoked = False
        """Whether other pods are to be told, once it is committed."""
        self.events: list[Event] = []
        """What it added to the audit log's table."""

    async def execute(self, statement: LiteralString, /, **values: Any) -> int:
        """How many rows it concerned."""
        return (await self._connection.execute(statement, values)).rowcount

    async def all(self, kind: type[R], statement: LiteralString, /, **values: Any) -> list[R]:
        """Rows, each as a dataclass whose members are the columns."""
        async with self._connection.cursor(row_factory=class_row(kind)) as cursor:
            await cursor.execute(statement, values)
            return await cursor.fetchall()

    async def first(self, kind: type[R], statement: LiteralString, /, **values: Any) -> R | None:
        found = await self.all(kind, statement, **values)
        return found[0] if found else None

    async def now(self) -> float:
        """The time at this moment, not at the transaction's begin: it may have waited for a lock since."""
        found = await self.first(Moment, "SELECT extract(epoch FROM clock_timestamp())::float8 AS now")
        assert found is not None  # noqa: S101 - a SELECT without FROM has one row
        return found.now


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
        try:
            async with asyncio.timeout(_SECONDS), self._sessions.connection() as connection:
                await connection.execute(f"SET LOCAL statement_timeout = {_STATEMENT_MILLISECONDS}")
                transaction = Transaction(connection, self._revocation_seconds())
                yield transaction
        except TimeoutError:
            raise Unavailable("TimedOut") from None
        except Unusable as error:
            raise Unavailable(error.reason) from None
        except _NOT_AS_IT_SHOULD_BE as error:
            raise Unavailable(type(error).__name__) from None
        self._committed(transaction)
