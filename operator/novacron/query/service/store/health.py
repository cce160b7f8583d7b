"""What the database's catalogs tell of the tables that queries read. Everything here any login may ask."""

from __future__ import annotations

from dataclasses import dataclass
from typing import LiteralString

from novacron.workload.service.transactions import Transaction

_INVALID: LiteralString = """
SELECT indexes.relname AS name
FROM pg_catalog.pg_index AS i
JOIN pg_catalog.pg_class AS indexes ON indexes.oid = i.indexrelid
JOIN pg_catalog.pg_namespace AS schemas ON schemas.oid = indexes.relnamespace
WHERE schemas.nspname = 'query' AND NOT (i.indisvalid AND i.indisready)
    AND NOT EXISTS (
        SELECT FROM pg_catalog.pg_locks AS held
        WHERE held.relation = i.indrelid AND held.granted AND held.mode = 'ShareUpdateExclusiveLock'
            AND held.database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database())
    )
ORDER BY 1
"""
"""One that is being built is not valid yet: whoever does so concurrently holds that lock on its table meanwhile. So
does a vacuum; there is another look after it."""

_MISSING: LiteralString = """
SELECT wanted.name
FROM pg_catalog.pg_class AS parents
JOIN pg_catalog.pg_namespace AS schemas ON schemas.oid = parents.relnamespace
CROSS JOIN LATERAL (
    SELECT parents.relname || to_char(day, '_YYYY_MM_DD') AS name
    FROM unnest(ARRAY[now(), now() + interval '1 day']) AS moments (moment), timezone('UTC', moment) AS day
) AS wanted
WHERE schemas.nspname = 'query' AND parents.relkind = 'p'
    AND NOT EXISTS (
        SELECT FROM pg_catalog.pg_inherits AS attached
        JOIN pg_catalog.pg_class AS children ON children.oid = attached.inhrelid
        WHERE attached.inhparent = parents.oid AND NOT attached.inhdetachpending AND children.relname = wanted.name
    )
ORDER BY 1
"""
"""By the names that migrations/query gives them."""

_BEHIND: LiteralString = """
SELECT children.relname AS name
FROM pg_catalog.pg_inherits AS attached
JOIN pg_catalog.pg_class AS parents ON parents.oid = attached.inhparent
JOIN pg_catalog.pg_class AS children ON children.oid = attached.inhrelid
JOIN pg_catalog.pg_namespace AS schemas ON schemas.oid = parents.relnamespace
CROSS JOIN LATERAL (
    SELECT pg_relation_size(children.oid) AS bytes, current_setting('block_size')::bigint AS block
) AS heap
WHERE schemas.nspname = 'query'
    AND children.relname = parents.relname || to_char(timezone('UTC', now()) - interval '1 day', '_YYYY_MM_DD')
    AND heap.bytes >= %(least_bytes)s
    AND (
        (parents.relname = 'vm_metrics' AND children.relallvisible * heap.block < heap.bytes / 2)
        OR pg_stat_get_mod_since_analyze(children.oid) > greatest(children.reltuples, 0)
    )
ORDER BY 1
"""
"""Of the newest whole day: what was written to it is over, so a vacuum has had all the time it needs. Samples are read
from their index alone, as far as a vacuum has marked their pages; rollups are not, but planned by statistics."""


@dataclass(frozen=True, slots=True)
class _Row:
    name: str


@dataclass(frozen=True, slots=True)
class Look:
    """Names in the schema ``query``.

    Args:
        invalid: indexes that no query uses, and nobody is building.
        missing: partitions of today and tomorrow.
        behind: partitions of yesterday whose larger half was neither vacuumed nor analysed.
    """

    invalid: tuple[str, ...]
    missing: tuple[str, ...]
    behind: tuple[str, ...]


async def looked(transaction: Transaction, least_bytes: int) -> Look:
    """Args:
    least_bytes: of a partition that is large enough for ``behind`` to matter.
    """
    invalid = await transaction.all(_Row, _INVALID)
    missing = await transaction.all(_Row, _MISSING)
    behind = await transaction.all(_Row, _BEHIND, least_bytes=least_bytes)
    return Look(*(tuple(row.name for row in rows) for rows in (invalid, missing, behind)))
