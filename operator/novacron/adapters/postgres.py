"""PostgreSQL through psycopg: one pool whose new connections use the login that was last seen to work."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Protocol

import psycopg
from psycopg_pool import AsyncConnectionPool

from novacron.adapters.libpq import CONNECT_SECONDS, Login, Material, Server, parameters, unusable
from novacron.core.dependencies import Unusable

__all__ = ["Connection", "Login", "Postgres", "Probe", "Server", "Sessions"]

_PING_SECONDS = 2.0
_RECONNECT_SECONDS = 4.0
"""The pool's own attempts are few and soon over; after that, whoever asks for a connection starts another one.

Its default doubles the pause for five minutes, so that it would sleep through the database's return.
"""
_DRAIN_SECONDS = 2.0

Connection = psycopg.AsyncConnection[Any]


class Sessions(Protocol):
    """What runs statements."""

    def connection(self) -> contextlib.AbstractAsyncContextManager[Connection]:
        """One connection in a transaction; raises ``Unusable`` where there is none in time."""


class Probe:
    """One connection outside the pool, which is asked whether the database answers."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def ping(self) -> None:
        asked = asyncio.create_task(self._ask())
        done, _ = await asyncio.wait([asked], timeout=_PING_SECONDS)
        if done:
            return asked.result()
        self._cut()
        with contextlib.suppress(Unusable):
            await asked
        raise Unusable("TimedOut")

    async def _ask(self) -> None:
        try:
            await self._connection.execute("SELECT 1")
        except psycopg.Error as error:
            raise unusable(error) from None

    def _cut(self) -> None:
        """psycopg answers a cancelled task by asking the server to cancel, which does not answer either."""
        with (
            contextlib.suppress(OSError, psycopg.Error),
            socket.socket(fileno=os.dup(self._connection.pgconn.socket)) as line,
        ):
            line.shutdown(socket.SHUT_RDWR)

    async def close(self) -> None:
        await self._connection.close()


class Postgres:
    """Connections to one database.

    Args:
        connections: how many at most, the probe's included.
    """

    def __init__(self, server: Server, connections: int) -> None:
        self._server = server
        self._material = Material()
        self._parameters: dict[str, Any] = {}
        self._pool = AsyncConnectionPool(
            kwargs=self._accepted,
            min_size=1,
            max_size=max(1, connections - 1),
            open=False,
            timeout=CONNECT_SECONDS,
            reconnect_timeout=_RECONNECT_SECONDS,
            name=server.application,
        )

    async def _accepted(self) -> dict[str, Any]:
        """Asked by the pool for each new connection."""
        return self._parameters

    async def open(self, login: Login) -> Probe:
        """A connection with a login that need not be accepted yet."""
        return Probe(await self._connected(parameters(self._server, login, self._material)))

    async def adopt(self, login: Login) -> None:
        """New connections use this login; those of the one before are closed as soon as nobody uses them."""
        self._parameters = parameters(self._server, login, self._material)
        if self._pool.closed:
            await self._pool.open()
        else:
            await self._pool.drain()
        self._material.keep(login)

    async def recover(self) -> None:
        """Replaces the connections that broke meanwhile, so that no request is given one of them."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(CONNECT_SECONDS):
                await self._pool.check()

    async def resize(self, connections: int) -> None:
        await self._pool.resize(1, max(1, connections - 1))

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Connection]:
        try:
            lent = await self._pool.getconn()
        except psycopg.Error as error:
            raise unusable(error) from None
        try:
            async with lent:
                yield lent
        finally:
            await self._pool.putconn(lent)

    async def close(self) -> None:
        await self._pool.close(timeout=_DRAIN_SECONDS)
        self._material.close()

    async def _connected(self, told: dict[str, Any]) -> Connection:
        try:
            async with asyncio.timeout(CONNECT_SECONDS + 1):
                return await psycopg.AsyncConnection.connect(**told, autocommit=True)
        except TimeoutError:
            raise Unusable("TimedOut") from None
        except psycopg.Error as error:
            raise unusable(error) from None
