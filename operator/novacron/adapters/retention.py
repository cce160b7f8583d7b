"""An end for what has run out: whole partitions of a table that has one for each day or month, and rows in batches."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal, LiteralString

import structlog
from psycopg import sql

from novacron.adapters import clock
from novacron.adapters.maintenance import Session, bound
from novacron.core.migration import Upkeep

BATCH = 5_000
"""Rows that one transaction deletes: locks and WAL of each stay small."""
DELETING_SECONDS = 600.0
"""Of one schema in one run; the rest is the next one's."""
BOUNDS = {"statement": "1min", "lock": "5s"}
_DETACH_BOUNDS = {"statement": "15min", "lock": "0"}
"""Detaching concurrently shuts nobody out, but waits for every transaction that uses the table."""
_FORMS = {"day": ("YYYY_MM_DD", "[0-9]{4}_[0-9]{2}_[0-9]{2}"), "month": ("YYYY_MM", "[0-9]{4}_[0-9]{2}")}
_ATTACHED = "SELECT count(*) FROM pg_inherits WHERE inhparent = %s::regclass"
_OUTDATED = """
SELECT c.relname, i.inhparent IS NOT NULL, coalesce(i.inhdetachpending, false)
FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace LEFT JOIN pg_inherits AS i ON i.inhrelid = c.oid
WHERE n.nspname = %(schema)s AND c.relkind = 'r' AND c.relname ~ %(pattern)s
AND to_date(substr(c.relname, %(begin)s), %(form)s)::timestamp + %(length)s::interval
    <= now() AT TIME ZONE 'UTC' - make_interval(secs => %(seconds)s)
ORDER BY c.relname
"""
_DELETE: LiteralString = """
DELETE FROM {table} WHERE ctid = ANY(ARRAY(SELECT ctid FROM {table} WHERE {over} LIMIT {batch} FOR UPDATE SKIP LOCKED))
"""

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Partitioned:
    """A table whose partitions are called after it and the day or month, in UTC, that they hold."""

    schema: str
    table: str
    period: Literal["day", "month"]

    def __str__(self) -> str:
        return f"{self.schema}.{self.table}"


@contextmanager
def making(connection: Session, tables: Sequence[Partitioned], done: Upkeep) -> Iterator[None]:
    """Counts the partitions that are made meanwhile."""
    before = [_attached(connection, table) for table in tables]
    yield
    for table, there in zip(tables, before, strict=True):
        if made := _attached(connection, table) - there:
            done.made[str(table)] = done.made.get(str(table), 0) + made
            _log.info("partitions were made", table=str(table), number=made)


def _attached(connection: Session, table: Partitioned) -> int:
    ((found,),) = connection.execute(_ATTACHED, (str(table),)).fetchall()
    return int(found)


def drop_partitions(connection: Session, table: Partitioned, seconds: float, done: Upkeep) -> None:
    """Those whose last row is older; also one that an earlier run detached, wholly or not, and did not drop.

    Raises:
        psycopg.Error: a statement failed; what was dropped before is in ``done``.
    """
    bound(connection, **_DETACH_BOUNDS)
    form, digits = _FORMS[table.period]
    known = {
        "schema": table.schema,
        "pattern": f"^{table.table}_{digits}$",
        "begin": len(table.table) + 2,
        "form": form,
        "length": f"1 {table.period}",
        "seconds": seconds,
    }
    for name, attached, pending in connection.execute(_OUTDATED, known).fetchall():
        parent, partition = sql.Identifier(table.schema, table.table), sql.Identifier(table.schema, name)
        if attached:
            how = sql.SQL("FINALIZE" if pending else "CONCURRENTLY")
            connection.execute(sql.SQL("ALTER TABLE {} DETACH PARTITION {} {}").format(parent, partition, how))
        connection.execute(sql.SQL("DROP TABLE {}").format(partition))
        done.dropped[str(table)] = done.dropped.get(str(table), 0) + 1
        _log.info("a partition was dropped", schema=table.schema, partition=name)


@dataclass(frozen=True, slots=True)
class Expired:
    """Rows that have run out.

    Args:
        over: which ones, as a condition.
        values: of its parameters.
    """

    schema: str
    table: str
    over: LiteralString
    values: Sequence[float] = ()


def delete(connection: Session, expired: Sequence[Expired], done: Upkeep) -> None:
    """Batch by batch, as long as there is time.

    Raises:
        psycopg.Error: a statement failed; what was deleted before is in ``done``.
    """
    bound(connection, **BOUNDS)
    deadline = clock.monotonic() + DELETING_SECONDS
    for one in expired:
        table, name = sql.Identifier(one.schema, one.table), f"{one.schema}.{one.table}"
        statement = sql.SQL(_DELETE).format(table=table, over=sql.SQL(one.over), batch=sql.Literal(BATCH))
        rows = BATCH
        while rows == BATCH and clock.monotonic() < deadline:
            rows = connection.execute(statement, one.values).rowcount
            if rows:
                done.deleted[name] = done.deleted.get(name, 0) + rows
