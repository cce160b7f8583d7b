"""PostgreSQL through psycopg: one pool whose new connections use the login that was last seen to work.

psycopg's own error texts hold host, user and sometimes more. They end here: what leaves is ``Unusable`` with a reason.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import psycopg
from psycopg_pool import AsyncConnectionPool

from novacron.adapters.authorities import system_bundle
from novacron.core.dependencies import Unusable

CONNECT_SECONDS = 3
_PING_SECONDS = 2.0
_UNACKNOWLEDGED_MILLISECONDS = 10_000
"""After so long without an answer of the other machine's kernel a connection is given up."""
_RECONNECT_SECONDS = 4.0
"""The pool's own attempts are few and soon over; after that, whoever asks for a connection starts another one.

Its default doubles the pause for five minutes, so that it would sleep through the database's return.
"""
_DRAIN_SECONDS = 2.0

Connection = psycopg.AsyncConnection[Any]


@dataclass(frozen=True, slots=True)
class Server:
    """A database, without a login.

    Args:
        ssl_mode: verify-full, verify-ca, require or disable, as libpq means them.
        application: how our connections are called in pg_stat_activity.
    """

    host: str
    port: int
    name: str
    ssl_mode: str
    application: str = "novacron"


@dataclass(frozen=True, slots=True)
class Login:
    """Who we are, and whom we trust. PEM; empty: none."""

    username: str
    password: str = field(repr=False)
    authorities: bytes = field(default=b"", repr=False)
    certificate: bytes = field(default=b"", repr=False)
    key: bytes = field(default=b"", repr=False)


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
            raise _unusable(error) from None

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
        self._material = _Material()
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
        return Probe(await self._connected(self._described(login)))

    async def adopt(self, login: Login) -> None:
        """New connections use this login; those of the one before are closed as soon as nobody uses them."""
        self._parameters = self._described(login)
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
            raise _unusable(error) from None
        try:
            async with lent:
                yield lent
        finally:
            await self._pool.putconn(lent)

    async def close(self) -> None:
        await self._pool.close(timeout=_DRAIN_SECONDS)
        self._material.close()

    async def _connected(self, parameters: dict[str, Any]) -> Connection:
        try:
            async with asyncio.timeout(CONNECT_SECONDS + 1):
                return await psycopg.AsyncConnection.connect(**parameters, autocommit=True)
        except TimeoutError:
            raise Unusable("TimedOut") from None
        except psycopg.Error as error:
            raise _unusable(error) from None

    def _described(self, login: Login) -> dict[str, Any]:
        """What libpq is told. Explicit, so that neither its environment nor files of a home folder speak."""
        server = self._server
        return {
            "host": server.host,
            "port": server.port,
            "dbname": server.name,
            "user": login.username,
            "password": login.password,
            "application_name": server.application,
            "connect_timeout": CONNECT_SECONDS,
            "tcp_user_timeout": _UNACKNOWLEDGED_MILLISECONDS,
            "gssencmode": "disable",
            "passfile": os.devnull,
            "sslmode": server.ssl_mode,
            **(self._material.of(login, server.ssl_mode) if server.ssl_mode != "disable" else {}),
        }


class _Material:
    """Certificates and keys of logins in files of our own: libpq takes paths alone.

    Not the mounted files, which may be newer than the login that was tried.
    """

    def __init__(self) -> None:
        self._folders: dict[Login, tempfile.TemporaryDirectory[str]] = {}

    def of(self, login: Login, ssl_mode: str) -> dict[str, str]:
        folder = Path(self._folder(login).name)
        found = {"sslrootcert": self._authorities(folder, login, ssl_mode)} if ssl_mode.startswith("verify") else {}
        if login.certificate and login.key:
            _write(folder / "tls.crt", login.certificate)
            _write(folder / "tls.key", login.key)
            return found | {"sslcert": str(folder / "tls.crt"), "sslkey": str(folder / "tls.key")}
        return found | {"sslcert": str(folder / "none")}  # else libpq would take one from the home folder

    def _authorities(self, folder: Path, login: Login, ssl_mode: str) -> str:
        if login.authorities:
            _write(folder / "ca.crt", login.authorities)
            return str(folder / "ca.crt")
        if ssl_mode == "verify-ca":
            # libpq's own rule for the system's authorities: any of their certificates, for any name, would do
            detail = "ca.crt is not mounted, and verify-ca with the system's authorities would believe anybody"
            raise Unusable("FileMissing", detail)
        bundle = system_bundle()
        if not bundle:
            raise Unusable("FileMissing", "neither ca.crt is mounted nor has the system certificate authorities")
        return bundle

    def _folder(self, login: Login) -> tempfile.TemporaryDirectory[str]:
        if login not in self._folders:
            self._folders[login] = tempfile.TemporaryDirectory(prefix="novacron-")
        return self._folders[login]

    def keep(self, login: Login) -> None:
        """Forgets all others."""
        for other in [known for known in self._folders if known != login]:
            self._folders.pop(other).cleanup()

    def close(self) -> None:
        for folder in self._folders.values():
            folder.cleanup()
        self._folders.clear()


def _write(path: Path, content: bytes) -> None:
    """libpq refuses a key that others can read."""
    path.touch(0o600)
    path.write_bytes(content)


_SAID = (
    ("failed to resolve host", "NameNotResolved"),
    ("could not translate host name", "NameNotResolved"),
    ("server does not support SSL", "EncryptionRefused"),
    ("no encryption", "EncryptionRefused"),
    ("certificate verify failed", "CertificateRefused"),
    ("does not match host name", "CertificateRefused"),
    ("certificate authentication failed", "CertificateRefused"),
    ("connection requires a valid client certificate", "CertificateRefused"),
    ("alert unknown ca", "CertificateRefused"),
    ("alert bad certificate", "CertificateRefused"),
    ("root certificate file", "FileInvalid"),
    ("could not load", "FileInvalid"),
    ("private key file", "FileInvalid"),
    ("certificate file", "FileInvalid"),
    ("authentication failed", "AuthenticationFailed"),
    ('FATAL:  role "', "AuthenticationFailed"),
    ("does not exist", "DatabaseMissing"),
    ("permission denied for database", "PermissionDenied"),
    ("no pg_hba.conf entry", "PermissionDenied"),
    ("too many clients", "ConnectionsExhausted"),
    ("too many connections", "ConnectionsExhausted"),
    ("remaining connection slots", "ConnectionsExhausted"),
    ("database system is", "NotServing"),
    ("timeout expired", "TimedOut"),
    ("Connection timed out", "TimedOut"),
    ("FATAL:", "Refused"),
)
"""What an error of connecting says -> why. libpq keeps the SQLSTATE of a refused connection to itself, so its text is
all there is; a server that speaks another language than English ends as Refused, or AuthenticationFailed."""


def _unusable(error: psycopg.Error) -> Unusable:
    """Why, by class where there is one, else by text; the text itself goes no further."""
    if isinstance(error, psycopg.errors.ConnectionTimeout):
        return Unusable("TimedOut")
    if isinstance(error, psycopg.errors.InsufficientPrivilege):
        return Unusable("PermissionDenied")
    if isinstance(error, psycopg.errors.AdminShutdown | psycopg.errors.CrashShutdown):
        return Unusable("NotServing")
    if type(error).__name__ == "PoolTimeout":
        return Unusable("TimedOut")
    text = str(error)
    reason = next((reason for said, reason in _SAID if said in text), "Unreachable")
    lacking = error.pgconn is not None and error.pgconn.needs_password
    return Unusable("AuthenticationFailed" if lacking else reason)
