"""What keeps schema auth small and ready: partitions of the audit ahead of time, and an end for what has run out.

Run by ``novacron migrate --upkeep`` as the owner of the schema; whoever is cut off goes on next time.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import structlog
from psycopg import sql

from novacron.adapters import clock
from novacron.adapters.maintenance import Session, bound

MONTHS_AHEAD = 3
"""Partitions beyond the running month: upkeep may fail for a quarter before a row finds no place."""
AUDIT_DAYS = 400
"""A year can be compared with the one before it, with a month to do so (PCI DSS 4.0, 10.5.1 asks for 12 months)."""
BATCH = 5_000
"""Rows that one transaction deletes: locks and WAL of each stay small."""
_SECONDS = 600.0
"""Time for deleting in one run; the rest is the next one's."""
_BOUNDS = {"statement": "1min", "lock": "5s"}
_DETACH_BOUNDS = {"statement": "15min", "lock": "0"}
"""Detaching concurrently shuts nobody out, but waits for every transaction that uses the table."""


@dataclass(frozen=True, slots=True)
class _Expired:
    """Args:
    grace: after the end of a row, as PostgreSQL writes an interval.
    """

    table: str
    grace: str


_EXPIRED = (
    # a session's tokens never outlive it; a day, so that a complaint of today can be looked into
    _Expired("refresh_tokens", "1 day"),
    # people see the sign-ins of the last month; what is older is told by the audit
    _Expired("sessions", "30 days"),
    # no token that it concerns lives any more; an hour, for clocks that differ and pods that poll late
    _Expired("revocations", "1 hour"),
)
_DELETE = """
DELETE FROM auth.{table} WHERE ctid = ANY(ARRAY(
    SELECT ctid FROM auth.{table} WHERE expires_at < now() - {grace}::interval LIMIT {batch} FOR UPDATE SKIP LOCKED
))
"""
_OUTDATED = """
SELECT c.relname, i.inhparent IS NOT NULL, coalesce(i.inhdetachpending, false)
FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace LEFT JOIN pg_inherits AS i ON i.inhrelid = c.oid
WHERE n.nspname = 'auth' AND c.relkind = 'r' AND c.relname ~ '^audit_[0-9]{4}_[0-9]{2}$'
AND (to_timestamp(substr(c.relname, 7), 'YYYY_MM') AT TIME ZONE current_setting('timezone') + interval '1 month')
    <= now() AT TIME ZONE 'UTC' - make_interval(days => %s)
ORDER BY c.relname
"""

_log = structlog.get_logger(__name__)


def keep(connection: Session) -> None:
    """All of it.

    Args:
        connection: in autocommit mode; it holds the lock, and acts as the owner of the schema.

    Raises:
        psycopg.Error: a statement failed; what was done before it stays.
    """
    make_partitions(connection)
    drop_partitions(connection)
    deadline = clock.monotonic() + _SECONDS
    for expired in _EXPIRED:
        rows = sum(_deleted(connection, expired, deadline))
        _log.info("rows that had run out were deleted", table=expired.table, rows=rows)


def make_partitions(connection: Session) -> None:
    bound(connection, **_BOUNDS)
    connection.execute("CALL auth.make_audit_partitions(%s)", (MONTHS_AHEAD,))


def drop_partitions(connection: Session, days: int = AUDIT_DAYS) -> None:
    """Those whose last row is older; also one that an earlier run detached, wholly or not, and did not drop."""
    bound(connection, **_DETACH_BOUNDS)
    for name, attached, pending in connection.execute(_OUTDATED, (days,)).fetchall():
        table = sql.Identifier("auth", name)
        if attached:
            how = sql.SQL("FINALIZE" if pending else "CONCURRENTLY")
            connection.execute(sql.SQL("ALTER TABLE auth.audit DETACH PARTITION {} {}").format(table, how))
        connection.execute(sql.SQL("DROP TABLE {}").format(table))
        _log.info("a month of the audit was dropped", partition=name)


def _deleted(connection: Session, expired: _Expired, deadline: float) -> Iterator[int]:
    """Rows of each batch."""
    bound(connection, **_BOUNDS)
    statement = sql.SQL(_DELETE).format(
        table=sql.Identifier(expired.table), grace=sql.Literal(expired.grace), batch=sql.Literal(BATCH)
    )
    rows = BATCH
    while rows == BATCH and clock.monotonic() < deadline:
        rows = connection.execute(statement).rowcount
        yield rows
