"""One session of ours that changes a database: its connection, its bounds, and the lock that makes it the only one.

psycopg's own, synchronous connection: the library that applies migrations wants one.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC
from typing import Any

import psycopg
import structlog
from psycopg import errors

from novacron.adapters import clock
from novacron.adapters.libpq import Login, Material, Server, parameters, unusable
from novacron.adapters.schema import MigrationFailed, MigrationRefused
from novacron.core.dependencies import Unusable

Session = psycopg.Connection[Any]

OLDEST_SERVER = 14
LOCK = int.from_bytes(b"novacron", "big")
"""Key of the advisory lock: one for each database, whatever the schema."""
_POLL_SECONDS = 0.5
_GONE_CLIENT = {
    "client_connection_check_interval": "5s",
    "tcp_keepalives_idle": "30",
    "tcp_keepalives_interval": "5",
    "tcp_keepalives_count": "4",
}
"""What makes the server end our statement, and so give the lock back, soon after our process or its machine is gone."""
_HOLDER = """
SELECT l.pid, a.backend_start FROM pg_locks AS l LEFT JOIN pg_stat_activity AS a USING (pid)
WHERE l.locktype = 'advisory' AND l.granted AND l.classid = %s AND l.objid = %s AND l.objsubid = 1
AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""
_TELLING = ("42", "53", "54", "55", "57", "0A", "3F", "25")
"""Classes of SQLSTATE whose messages name objects and limits alone; those of others may quote a row."""

_log = structlog.get_logger(__name__)


class LockHeld(MigrationFailed):
    """Another run is at work on this database."""


@contextmanager
def session(server: Server, login: Login) -> Iterator[Session]:
    """A connection in autocommit mode; whoever wants a transaction begins one.

    Raises:
        Unusable: there is none, or it broke.
        MigrationRefused: ServerTooOld.
    """
    material = Material()
    try:
        connection = _connected(parameters(server, login, material))
        try:
            _prepare(connection)
            yield connection
        finally:
            connection.close()
    except psycopg.Error as error:
        raise failure(error, "a statement of the runner") from None
    finally:
        material.close()


def _connected(told: dict[str, Any]) -> Session:
    try:
        return psycopg.connect(**told, autocommit=True)
    except psycopg.Error as error:
        raise unusable(error) from None


def _prepare(connection: Session) -> None:
    version = connection.info.server_version // 10_000
    if version < OLDEST_SERVER:
        text = f"the server is PostgreSQL {version}: give a database of PostgreSQL {OLDEST_SERVER} or newer"
        raise MigrationRefused("ServerTooOld", text)
    if connection.execute("SELECT pg_is_in_recovery()").fetchall() != [(False,)]:
        raise Unusable("NotServing", "it is a standby, which takes no changes")
    for name, value in _GONE_CLIENT.items():
        with suppress(errors.InvalidParameterValue):  # where the server's system cannot do it
            connection.execute("SELECT set_config(%s, %s, false)", (name, value))
    bound(connection, statement="1min", lock="5s")


def bound(connection: Session, *, statement: str, lock: str) -> None:
    """Limits from now on, as PostgreSQL writes durations; 0: none."""
    connection.execute(
        "SELECT set_config('statement_timeout', %s, false), set_config('lock_timeout', %s, false)", (statement, lock)
    )


@contextmanager
def exclusive(connection: Session, seconds: float) -> Iterator[None]:
    """The lock, which this session holds until it ends. Asked for again and again instead of waited for:
    a concurrent index build of the holder would wait for the end of a waiting statement.

    Args:
        seconds: how long somebody else may hold it; 0: not at all.

    Raises:
        LockHeld: LockTimeout, with who holds it.
    """
    deadline, told = clock.monotonic() + seconds, False
    while not _taken(connection):
        if clock.monotonic() >= deadline:
            raise LockHeld("LockTimeout", f"after {seconds:.0f} s {_holder(connection)}")
        if not told:
            _log.info("waiting for another run", why=_holder(connection))
            told = True
        time.sleep(_POLL_SECONDS)
    try:
        yield
    finally:
        with suppress(psycopg.Error):
            connection.execute("SELECT pg_advisory_unlock(%s)", (LOCK,))


def _taken(connection: Session) -> bool:
    return connection.execute("SELECT pg_try_advisory_lock(%s)", (LOCK,)).fetchall() == [(True,)]


def _holder(connection: Session) -> str:
    """By numbers alone: how a session calls itself is data."""
    found = connection.execute(_HOLDER, (LOCK >> 32, LOCK & 0xFFFFFFFF)).fetchone()
    if found is None:
        return "the lock was just given back; run it again"
    pid, since = found
    connected = f", connected since {clock.timestamp(since.astimezone(UTC))}," if since else ""
    return f"server process {pid}{connected} holds the lock; wait for it, or SELECT pg_terminate_backend({pid})"


def failure(error: psycopg.Error, what: str) -> Unusable | MigrationFailed:
    """What a statement's error means, without what it says of rows.

    Args:
        what: which statement, in words of ours.
    """
    state = error.sqlstate or ""
    if not state or state.startswith("08") or isinstance(error, errors.AdminShutdown | errors.CrashShutdown):
        return unusable(error)
    if isinstance(error, errors.LockNotAvailable):
        remedy = "end the transaction that holds it, or run this when there is less to do"
        return MigrationFailed("LockTimeout", f"{what} waited too long for a lock on a table; {remedy}")
    said = [f"SQLSTATE {state} {type(error).__name__}"]
    if state.startswith(_TELLING):
        said.append(error.diag.message_primary or "")
    named = {"constraint": error.diag.constraint_name, "table": error.diag.table_name}
    said += [f"{kind} {name}" for kind, name in named.items() if name]
    return MigrationFailed("StatementFailed", f"{what}: {', '.join(filter(None, said))}; correct that, run it again")
