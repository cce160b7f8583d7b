"""Samples into the table of samples, the rollups and the latest, in one statement: all of a batch or nothing of it.

Whoever writes takes rows in the order of their keys, and one table after the other, so two batches that overlap wait
for each other and never in a circle. What a sample adds is taken from what was really inserted, so a batch that is
played again adds nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import LiteralString
from uuid import UUID

from psycopg import errors

from novacron.query.domain.sample import Sample
from novacron.query.service.store.database import Transaction
from novacron.workload.service.answers import Unavailable

_TABLE: LiteralString = """CREATE TEMPORARY TABLE IF NOT EXISTS incoming (
    row               integer,
    vm_id             uuid,
    timestamp         timestamptz,
    cpu_usage         double precision,
    memory_usage      double precision,
    disk_usage        double precision,
    network_in_bytes  bigint,
    network_out_bytes bigint
) ON COMMIT DELETE ROWS"""
"""Stays with its connection, as making it anew each time would bloat the catalog. Other columns: another name, for a
pooler in between may hand a connection from one version to the next."""
_COPY: LiteralString = "COPY pg_temp.incoming FROM STDIN (FORMAT binary)"
_TYPES = ("int4", "uuid", "timestamptz", "float8", "float8", "float8", "int8", "int8")

_SAMPLE: LiteralString = "vm_id, timestamp, cpu_usage, memory_usage, disk_usage, network_in_bytes, network_out_bytes"
_JUDGED: LiteralString = """
    SELECT incoming.*, CASE
        WHEN incoming.timestamp <= now() - %(behind)s THEN 'late'
        WHEN incoming.timestamp > now() + %(ahead)s THEN 'early'
        WHEN vms.id IS NULL THEN 'unknown'
    END AS problem
    FROM pg_temp.incoming
    LEFT JOIN query.vms ON vms.id = incoming.vm_id AND vms.organization_id = %(organization)s::uuid
        AND vms.deleted_at IS NULL"""
_ADDED: LiteralString = f"""
    INSERT INTO query.vm_metrics ({_SAMPLE})
    SELECT DISTINCT ON (vm_id, timestamp) {_SAMPLE} FROM judged WHERE problem IS NULL
    ORDER BY vm_id, timestamp, row
    ON CONFLICT (vm_id, timestamp) DO NOTHING
    RETURNING {_SAMPLE}"""  # noqa: S608 - fragments of ours
_MINUTES: LiteralString = """
    INSERT INTO query.vm_rollup_1m AS kept (bucket, vm_id, cpu_count, cpu_sum, cpu_max, memory_count, memory_sum)
    SELECT date_bin('1 minute', timestamp - interval '1 microsecond', '2000-01-01 00:00+00') + interval '1 minute',
        vm_id, count(cpu_usage), coalesce(sum(cpu_usage), 0), max(cpu_usage),
        count(memory_usage), coalesce(sum(memory_usage), 0)
    FROM added GROUP BY 1, 2 ORDER BY 1, 2
    ON CONFLICT (bucket, vm_id) DO UPDATE SET
        cpu_count = kept.cpu_count + excluded.cpu_count,
        cpu_sum = kept.cpu_sum + excluded.cpu_sum,
        cpu_max = greatest(kept.cpu_max, excluded.cpu_max),
        memory_count = kept.memory_count + excluded.memory_count,
        memory_sum = kept.memory_sum + excluded.memory_sum"""
_FIVE_MINUTES: LiteralString = """
    INSERT INTO query.vm_rollup_5m AS kept (bucket, vm_id, cpu_max)
    SELECT date_bin('5 minutes', timestamp - interval '1 microsecond', '2000-01-01 00:00+00') + interval '5 minutes',
        vm_id, max(cpu_usage)
    FROM added GROUP BY 1, 2 ORDER BY 1, 2
    ON CONFLICT (bucket, vm_id) DO UPDATE SET cpu_max = excluded.cpu_max
    WHERE kept.cpu_max IS NULL OR kept.cpu_max < excluded.cpu_max"""
_LATEST: LiteralString = f"""
    INSERT INTO query.vm_latest AS kept ({_SAMPLE})
    SELECT DISTINCT ON (vm_id) {_SAMPLE} FROM added ORDER BY vm_id, timestamp DESC
    ON CONFLICT (vm_id) DO UPDATE SET
        timestamp = excluded.timestamp,
        cpu_usage = excluded.cpu_usage,
        memory_usage = excluded.memory_usage,
        disk_usage = excluded.disk_usage,
        network_in_bytes = excluded.network_in_bytes,
        network_out_bytes = excluded.network_out_bytes
    WHERE kept.timestamp < excluded.timestamp"""  # noqa: S608 - fragments of ours
_KEEP: LiteralString = f"""
WITH judged AS MATERIALIZED ({_JUDGED}),
added AS ({_ADDED}),
minutes AS ({_MINUTES}),
five_minutes AS ({_FIVE_MINUTES}),
latest AS ({_LATEST})
SELECT (SELECT count(*) FROM added) AS accepted,
    count(*) FILTER (WHERE problem IS NULL) AS valid,
    coalesce(array_agg(row ORDER BY row) FILTER (WHERE problem IS NOT NULL), '{{}}') AS rows,
    coalesce(array_agg(problem ORDER BY row) FILTER (WHERE problem IS NOT NULL), '{{}}') AS problems
FROM judged"""  # noqa: S608 - fragments of ours


@dataclass(frozen=True, slots=True)
class Kept:
    """What became of a batch.

    Args:
        accepted: new ones.
        valid: those, and the ones that were there already.
        rows: which were refused.
        problems: why, for each of those: late, early, unknown.
    """

    accepted: int
    valid: int
    rows: list[int]
    problems: list[str]


async def kept(
    transaction: Transaction,
    organization: UUID | None,
    samples: Iterable[tuple[int, Sample]],
    *,
    behind: timedelta,
    ahead: timedelta,
) -> Kept:
    """Samples with their rows in the batch; of two of the same machine and moment the first one counts.

    Args:
        organization: whose virtual machines they may be of; None: nobody's.
        behind: how old they may be by the database's clock.
        ahead: how far in the future.

    Raises:
        Unavailable: there is no partition for one of them: upkeep has not run for days.
    """
    await transaction.execute(_TABLE)
    async with transaction.connection.cursor() as cursor, cursor.copy(_COPY) as copy:
        copy.set_types(_TYPES)
        for row, sample in samples:
            await copy.write_row((row, *sample))
    try:
        found = await transaction.first(Kept, _KEEP, organization=organization, behind=behind, ahead=ahead)
    except errors.CheckViolation:
        raise Unavailable("PartitionMissing") from None
    assert found is not None  # noqa: S101 - an aggregate without GROUP BY has one row
    return found
