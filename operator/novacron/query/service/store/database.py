"""Questions to the database: each in one transaction with its bounds, counted, and in the audit log."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, LiteralString

from novacron.adapters import clock
from novacron.adapters.postgres import Connection, Sessions
from novacron.query.domain.caller import Caller
from novacron.query.service import audit
from novacron.query.service.counts import Counts, Outcome
from novacron.workload.service import transactions
from novacron.workload.service.answers import Refusal, Unavailable

_BEGIN: LiteralString = "SET LOCAL jit = off; SET LOCAL max_parallel_workers_per_gather = 0; SET LOCAL timezone = 'UTC'"
"""Compiling costs more than any of our statements saves, and so do workers, which belong to all who ask. Times in JSON
are UTC, whatever the server is set to."""
_READ: LiteralString = f"{_BEGIN}; SET TRANSACTION READ ONLY"
_SPARE_SECONDS = 5.0
"""Of a whole transaction, beyond one statement's: the wait for a connection, and further statements."""
_TIMEOUT = "QueryCanceled"


class TooSlow(Unavailable):
    """PostgreSQL gave the statement up.

    Args:
        seconds: that it had.
    """

    def __init__(self, seconds: float) -> None:
        super().__init__(_TIMEOUT)
        self.seconds = seconds


class Transaction(transactions.Transaction):
    """Statements that are done together or not at all. Values are named: ``%(name)s``.

    Args:
        connection: for what is no plain statement, COPY say.
    """

    def __init__(self, connection: Connection) -> None:
        super().__init__(connection)
        self.connection = connection
        self.rows = 0
        """That the question was answered with, for the audit log; whoever asks sets it."""


class Database:
    """Args:
    statement_seconds: when PostgreSQL gives a statement up.
    """

    def __init__(self, sessions: Sessions, statement_seconds: float, counts: Counts) -> None:
        self._sessions = sessions
        self._statement_seconds = statement_seconds
        self._counts = counts
        audit.enable()

    def reading(
        self, name: str, caller: Caller, arguments: Mapping[str, Any]
    ) -> AbstractAsyncContextManager[Transaction]:
        """A ``Transaction`` that changes nothing. Raises ``Unavailable``.

        Args:
            name: of the question, one of ours.
            arguments: for the audit log, which redacts them.
        """
        return self._transaction(name, caller, arguments, _READ)

    def writing(
        self, name: str, caller: Caller, arguments: Mapping[str, Any]
    ) -> AbstractAsyncContextManager[Transaction]:
        """The same, of one that changes something."""
        return self._transaction(name, caller, arguments, _BEGIN)

    @asynccontextmanager
    async def _transaction(
        self, name: str, caller: Caller, arguments: Mapping[str, Any], settings: LiteralString
    ) -> AsyncIterator[Transaction]:
        outcome: Outcome = "failed"
        started, detail, rows = clock.monotonic(), "failed", 0
        try:
            begun = transactions.begun(
                self._sessions,
                statement_seconds=self._statement_seconds,
                seconds=self._statement_seconds + _SPARE_SECONDS,
                settings=settings,
            )
            async with begun as connection:
                transaction = Transaction(connection)
                yield transaction
                rows = transaction.rows
            outcome = detail = "ok"
        except Refusal:
            outcome = detail = "refused"
            raise
        except Unavailable as error:
            outcome, detail = "timeout" if error.reason == _TIMEOUT else "unavailable", error.reason
            if error.reason == _TIMEOUT:
                raise TooSlow(self._statement_seconds) from None
            raise
        except asyncio.CancelledError:  # the request's own time was over, or its client went away
            outcome = detail = "unavailable"
            raise
        finally:
            seconds = clock.monotonic() - started
            self._counts.answered(name, outcome, seconds)
            audit.record(name, caller, arguments, outcome=detail, rows=rows, milliseconds=seconds * 1000)
