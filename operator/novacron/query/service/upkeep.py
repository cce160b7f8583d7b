"""What keeps schema query small and ready: partitions of the days to come, and an end for what is older than its time.

Run by ``novacron migrate --upkeep`` as the owner of the schema; whoever is cut off goes on next time.
"""

from __future__ import annotations

from datetime import timedelta

from novacron.adapters import retention
from novacron.adapters.maintenance import Session, bound
from novacron.adapters.retention import Expired, Partitioned
from novacron.core.migration import Upkeep
from novacron.query.domain.sample import taken_for

DAYS_AHEAD = 7
"""Partitions beyond today: upkeep may fail for a week before a sample finds no place."""
_TABLES = tuple(Partitioned("query", table, "day") for table in ("vm_metrics", "vm_rollup_1m", "vm_rollup_5m"))
_MAKE = """
CALL query.make_partitions(
    (now() AT TIME ZONE 'UTC')::date - ((now() - %(behind)s) AT TIME ZONE 'UTC')::date, %(ahead)s
)
"""
"""Back to the day of the oldest sample that is taken, and no further: the next run would drop what is older."""


def make_partitions(connection: Session, done: Upkeep, seconds: int) -> None:
    """Those that are missing.

    Args:
        connection: in autocommit mode; it holds the lock, and acts as the owner of the schema.
        done: what was done so far, also where a statement fails.
        seconds: for which samples are kept.

    Raises:
        psycopg.Error: a statement failed.
    """
    bound(connection, **retention.BOUNDS)
    with retention.making(connection, _TABLES, done):
        behind = taken_for(timedelta(seconds=seconds))
        connection.execute(_MAKE, {"behind": behind, "ahead": DAYS_AHEAD})


def clear(connection: Session, done: Upkeep, seconds: int) -> None:
    """Drops and deletes; as above. What was done before a statement failed stays done."""
    for table in _TABLES:
        retention.drop_partitions(connection, table, seconds, done)
    retention.delete(connection, _expired(seconds), done)


def _expired(seconds: int) -> tuple[Expired, ...]:
    return (
        Expired("query", "vm_latest", "timestamp < now() - make_interval(secs => %s)", (seconds,)),
        # its id can be taken by another organization as soon as the row is gone, and by then its samples must be gone
        # too, whose partition ends up to a day after the last of them
        Expired("query", "vms", "deleted_at < now() - make_interval(secs => %s) - interval '2 days'", (seconds,)),
    )
