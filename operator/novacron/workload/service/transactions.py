"""Transactions. Whatever is wrong with the database is one error, which says nothing of what was asked for."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, LiteralString, TypeVar

import psycopg
from psycopg.rows import class_row

from novacron.adapters.postgres import Connection, Sessions
from novacron.core.dependencies import Unusable
from novacron.workload.service.answers import Unavailable

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


@dataclass(frozen=True, slots=True)
class Moment:
    """The database's clock, in seconds since the epoch."""

    now: float


class Transaction:
    """Statements that are done together or not at all. Values are named: ``%(name)s``."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

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


@asynccontextmanager
async def begun(
    sessions: Sessions, *, statement_seconds: float, seconds: float, settings: LiteralString = ""
) -> AsyncIterator[Connection]:
    """A connection in a transaction: committed at the end of the block; an exception rolls back.

    Args:
        settings: further statements of the transaction's begin.
        statement_seconds: of each statement; also bounds its wait for a lock.
        seconds: of the whole, with the wait for a connection: a server that hangs ends no statement.

    Raises:
        Unavailable: also instead of what the block raises, where that says that the database is not as it should be.
    """
    try:
        async with asyncio.timeout(seconds), sessions.connection() as connection:
            timeout = f"SET LOCAL statement_timeout = {round(statement_seconds * 1000)}"
            await connection.execute(f"{timeout}; {settings}".encode())
            yield connection
    except TimeoutError:
        raise Unavailable("TimedOut") from None
    except Unusable as error:
        raise Unavailable(error.reason) from None
    except _NOT_AS_IT_SHOULD_BE as error:
        raise Unavailable(type(error).__name__) from None
