"""Redis: a pool for one login; a new login gets a new pool, and the old one is closed when nobody uses it any more.

The client's own error texts hold host and sometimes user. They end here: what leaves is ``Unusable`` with a reason.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol

from redis import exceptions
from redis.asyncio import BlockingConnectionPool
from redis.asyncio import Redis as Client
from redis.asyncio.connection import Connection, SSLConnection
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from novacron.core.dependencies import Unusable

CONNECT_SECONDS = 3.0
_ANSWER_SECONDS = 2.0
_CONNECTIONS = 16
_BROKEN = (exceptions.RedisError, OSError)


@dataclass(frozen=True, slots=True)
class Server:
    """A Redis, without a login."""

    host: str
    port: int
    tls: bool
    application: str = "novacron"


@dataclass(frozen=True, slots=True)
class Login:
    """Who we are, and whom we trust; empty: nobody in particular, and the system's authorities."""

    username: str = ""
    password: str = field(default="", repr=False)
    authorities: bytes = field(default=b"", repr=False)


class Commands(Protocol):
    """What runs commands."""

    def client(self) -> contextlib.AbstractAsyncContextManager[Client]:
        """A client that stays usable during the block, whatever login comes meanwhile; raises ``Unusable``."""


class _TLSConnection(SSLConnection):
    """Trusts the given authorities alone; the library would add them to those of the system."""

    def __init__(self, *, context: ssl.SSLContext, **options: Any) -> None:
        super().__init__(**options)
        self.ssl_context.context = context


class Probe:
    """One connection outside the pool, which is asked whether Redis answers."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def ping(self) -> None:
        try:
            async with asyncio.timeout(CONNECT_SECONDS + _ANSWER_SECONDS):
                await self._client.execute_command("PING")  # type: ignore[no-untyped-call]
        except TimeoutError:
            raise Unusable("TimedOut") from None
        except _BROKEN as error:
            raise _unusable(error) from None

    async def close(self) -> None:
        await self._client.aclose()


@dataclass(slots=True)
class _Lent:
    """A client and who uses it."""

    client: Client
    users: int = 0
    retired: bool = False

    async def close_if_idle(self) -> None:
        if self.retired and not self.users:
            with contextlib.suppress(*_BROKEN):
                await self.client.aclose()


class Redis:
    """Connections to one Redis."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._current: _Lent | None = None

    async def open(self, login: Login) -> Probe:
        """A connection with a login that need not be accepted yet; raises ``Unusable`` where it is not."""
        probe = Probe(self._client(login, 1))
        try:
            await probe.ping()
        except Unusable:
            await probe.close()
            raise
        return probe

    async def adopt(self, login: Login) -> None:
        """New work uses this login; what runs goes on with the one before."""
        before, self._current = self._current, _Lent(self._client(login, _CONNECTIONS))
        await self._retire(before)

    async def recover(self) -> None:
        """Idle connections are made anew when they are asked for: the library sees by itself that one broke."""

    @asynccontextmanager
    async def client(self) -> AsyncIterator[Client]:
        lent = self._current
        if lent is None:
            raise Unusable("Unchecked")
        lent.users += 1
        try:
            yield lent.client
        finally:
            lent.users -= 1
            await lent.close_if_idle()

    async def close(self) -> None:
        before, self._current = self._current, None
        await self._retire(before)

    async def _retire(self, lent: _Lent | None) -> None:
        if lent is not None:
            lent.retired = True
            await lent.close_if_idle()

    def _client(self, login: Login, connections: int) -> Client:
        server = self._server
        options: dict[str, Any] = {
            "host": server.host,
            "port": server.port,
            "username": login.username or None,
            "password": login.password or None,
            "client_name": server.application,
            "socket_connect_timeout": CONNECT_SECONDS,
            "socket_timeout": _ANSWER_SECONDS,
            "socket_keepalive": True,
            "retry": Retry(NoBackoff(), 0),
            "protocol": 2,
        }
        kind: type[Connection] = Connection
        if server.tls:
            kind, options["context"] = _TLSConnection, _context(login.authorities)
        pool = BlockingConnectionPool(
            max_connections=connections, timeout=CONNECT_SECONDS, connection_class=kind, **options
        )
        return Client.from_pool(pool)  # which is closed with it


def _context(authorities: bytes) -> ssl.SSLContext:
    if not authorities:
        return ssl.create_default_context()
    try:
        return ssl.create_default_context(cadata=authorities.decode("ascii"))
    except (ValueError, ssl.SSLError) as error:
        raise Unusable("FileInvalid", "ca.crt holds no certificates in PEM") from error


def _unusable(error: Exception) -> Unusable:
    """Why, by the classes of an error and of what caused it; the texts go no further."""
    for seen in _chain(error):
        for kinds, reason in _BY_CLASS:
            if isinstance(seen, kinds):
                return Unusable(reason)
    return Unusable("Unreachable" if isinstance(error, exceptions.ConnectionError | OSError) else "Refused")


def _chain(error: BaseException | None) -> list[BaseException]:
    """The cause first: it knows more."""
    return [*_chain(error.__cause__ or error.__context__), error] if error is not None else []


_BY_CLASS: tuple[tuple[tuple[type[BaseException], ...], str], ...] = (
    ((exceptions.NoPermissionError, exceptions.AuthorizationError), "PermissionDenied"),
    ((exceptions.AuthenticationError, exceptions.AuthenticationWrongNumberOfArgsError), "AuthenticationFailed"),
    ((exceptions.BusyLoadingError,), "NotServing"),
    ((exceptions.MaxConnectionsError,), "ConnectionsExhausted"),
    ((ssl.SSLCertVerificationError,), "CertificateRefused"),
    ((ssl.SSLError,), "EncryptionRefused"),
    ((socket.gaierror,), "NameNotResolved"),
    ((exceptions.TimeoutError, TimeoutError), "TimedOut"),
)
