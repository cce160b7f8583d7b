"""The dashboard's store on one connection of the service's login, asked from outside of any event loop."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import psycopg
from prometheus_client import CollectorRegistry

from novacron.adapters.postgres import Connection
from novacron.query.domain.caller import Caller
from novacron.query.domain.dashboard import Question
from novacron.query.domain.plan import Plan
from novacron.query.domain.windows import windows
from novacron.query.service.counts import Counts
from novacron.query.service.store import dashboard
from novacron.query.service.store.dashboard import Extent, Found
from novacron.query.service.store.database import Database as Asked
from tests.support.database import Database, Login

_SOMEBODY = Caller("somebody", "platform-admin", None)


class DashboardStore:
    """Args:
    database: migrated.
    login: a member of novacron_query.
    """

    def __init__(self, database: Database, login: Login) -> None:
        with database.connect(login) as connection:
            where = connection.info.dsn
        self._runner = asyncio.Runner()
        opened = psycopg.AsyncConnection.connect(where, password=login.password)
        self._connection: Connection = self._runner.run(opened)
        self._database = Asked(self, 30, Counts(CollectorRegistry()))

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Connection]:
        async with self._connection.transaction():
            yield self._connection

    @property
    def backend(self) -> int:
        """Its process on the server."""
        return self._connection.info.backend_pid

    def close(self) -> None:
        self._runner.run(self._connection.close())
        self._runner.close()

    def ask(self, way: Plan, asked: Question) -> Found:
        """A page as of an instant that the question names."""
        as_of = asked.as_of
        assert as_of is not None

        async def found() -> Found:
            async with self._database.reading("dashboard", _SOMEBODY, {}) as transaction:
                return await dashboard.found(transaction, way, asked, windows(as_of))

        return self._runner.run(found())

    def extent(self, asked: Question) -> Extent:
        async def found() -> Extent:
            async with self._database.reading("dashboard", _SOMEBODY, {}) as transaction:
                return await dashboard.extent(transaction, asked)

        return self._runner.run(found())
