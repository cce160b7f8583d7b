"""What keeps schema auth small and ready: partitions of the audit ahead of time, and an end for what has run out.

Run by ``novacron migrate --upkeep`` as the owner of the schema; whoever is cut off goes on next time.
"""

from __future__ import annotations

from novacron.adapters import retention
from novacron.adapters.maintenance import Session, bound
from novacron.adapters.retention import Expired, Partitioned
from novacron.core.migration import Upkeep

MONTHS_AHEAD = 3
"""Partitions beyond the running month: upkeep may fail for a quarter before a row finds no place."""
AUDIT_DAYS = 400
"""A year can be compared with the one before it, with a month to do so (PCI DSS 4.0, 10.5.1 asks for 12 months)."""
_AUDIT = Partitioned("auth", "audit", "month")
_EXPIRED = (
    # a session's tokens never outlive it; a day, so that a complaint of today can be looked into
    Expired("auth", "refresh_tokens", "expires_at < now() - interval '1 day'"),
    # people see the sign-ins of the last month; what is older is told by the audit
    Expired("auth", "sessions", "expires_at < now() - interval '30 days'"),
    # no token that it concerns lives any more; an hour, for clocks that differ and pods that poll late
    Expired("auth", "revocations", "expires_at < now() - interval '1 hour'"),
)


def make_partitions(connection: Session, done: Upkeep) -> None:
    """Those that are missing.

    Args:
        connection: in autocommit mode; it holds the lock, and acts as the owner of the schema.
        done: what was done so far, also where a statement fails.

    Raises:
        psycopg.Error: a statement failed.
    """
    bound(connection, **retention.BOUNDS)
    with retention.making(connection, [_AUDIT], done):
        connection.execute("CALL auth.make_audit_partitions(%s)", (MONTHS_AHEAD,))


def clear(connection: Session, done: Upkeep) -> None:
    """Drops and deletes; as above. What was done before a statement failed stays done."""
    retention.drop_partitions(connection, _AUDIT, AUDIT_DAYS * 86_400, done)
    retention.delete(connection, _EXPIRED, done)
