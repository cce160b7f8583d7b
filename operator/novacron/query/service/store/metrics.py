"""Samples of some VMs in a range of time, or what they come to in each interval of it; the newest of each VM first.

Each VM's part is read by itself from the covering index, backwards, and no further than the page goes: docs/decisions
0028 has what the other plans cost.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, LiteralString
from uuid import UUID

from novacron.query.domain.spans import Span
from novacron.query.service.store.database import Transaction
from novacron.query.service.store.page import EMPTY, MICROSECONDS, Page, at, paged

_POSITION: LiteralString = MICROSECONDS.format(column="(item).timestamp") + ", (item).vm_id"
_ROWS: LiteralString = """SELECT of_one.*
    FROM (SELECT id FROM unnest(%(ids)s::uuid[]) AS id ORDER BY id) AS vm CROSS JOIN LATERAL (
        {samples} ORDER BY timestamp DESC LIMIT %(limit)s + 1
    ) AS of_one
    ORDER BY vm.id, of_one.timestamp DESC"""
_SAMPLES: LiteralString = """SELECT vm_id, timestamp, cpu_usage, memory_usage, disk_usage,
        network_in_bytes, network_out_bytes
    FROM query.vm_metrics WHERE {which}"""
_BUCKETS: LiteralString = """SELECT * FROM (
        SELECT vm_id,
               date_bin(%(interval)s, timestamp - interval '1 microsecond', '2000-01-01 00:00Z') + %(interval)s
                   AS timestamp,
               avg(cpu_usage) AS cpu_usage, avg(memory_usage) AS memory_usage, avg(disk_usage) AS disk_usage,
               (max(ARRAY[(date_part('epoch', timestamp) * 1000000)::int8, network_in_bytes])
                   FILTER (WHERE network_in_bytes IS NOT NULL))[2] AS network_in_bytes,
               (max(ARRAY[(date_part('epoch', timestamp) * 1000000)::int8, network_out_bytes])
                   FILTER (WHERE network_out_bytes IS NOT NULL))[2] AS network_out_bytes,
               count(*) AS samples
        FROM query.vm_metrics WHERE {which} GROUP BY 1, 2 OFFSET 0
    ) AS buckets"""
"""Named by their ends, and of the same origin, as the rollups are (migrations/query/0001).

The newest value of a counter is that of the greatest pair of time and value: sorting them would cost more. OFFSET 0
keeps the planner from sorting all samples, for the sake of the order of few buckets.
"""
_WHICH: LiteralString = "vm_id = vm.id AND timestamp >= %(start)s AND timestamp <= %(end)s"
_GOING_ON: LiteralString = _WHICH + " AND timestamp <= CASE WHEN vm.id = %(id)s THEN %(before)s ELSE %(end)s END"
"""The VM that the page before ended in has only what is older."""
_INSTANT = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class SampleFilter:
    """Args:
    organization: whose VMs; None: anybody's. Ids of others are ids that do not exist.
    ids: in their order, each once.
    interval: None: the samples themselves.
    """

    organization: UUID | None
    ids: Sequence[UUID]
    span: Span
    interval: timedelta | None = None

    def given(self) -> Mapping[str, Any]:
        """For the audit log, and what a cursor is bound to."""
        return {
            "organization": self.organization,
            "ids": list(self.ids),
            "start": self.span.start,
            "end": self.span.end,
            "interval": None if self.interval is None else self.interval.total_seconds(),
        }


@dataclass(frozen=True, slots=True)
class _Ids:
    ids: list[UUID]


async def queried(transaction: Transaction, wanted: SampleFilter, *, limit: int, after: tuple[int, str] | None) -> Page:
    """Args:
    after: position of the last one that was seen.
    """
    ids = await _seen(transaction, wanted)
    values: dict[str, Any] = {"start": wanted.span.start, "end": wanted.span.end}
    if wanted.interval is not None:
        values["interval"] = wanted.interval
    if after is not None:
        begun = UUID(after[1])
        ids = [one for one in ids if one >= begun]
        values |= {"id": begun, "before": at(after[0]) - (wanted.interval or _INSTANT)}
    if not ids:
        return EMPTY
    samples = _SAMPLES if wanted.interval is None else _BUCKETS
    rows = _ROWS.format(samples=samples.format(which=_WHICH if after is None else _GOING_ON))
    statement = paged(rows, _POSITION)
    return await transaction.first(Page, statement, **values, ids=ids, limit=limit, offset=0) or EMPTY


async def _seen(transaction: Transaction, wanted: SampleFilter) -> list[UUID]:
    """By itself: beside the samples, the planner takes "of these ids and of this organization" for one row at most."""
    if wanted.organization is None:
        return list(wanted.ids)
    found = await transaction.first(
        _Ids,
        """SELECT coalesce(array_agg(id), '{}') AS ids FROM query.vms
           WHERE id = ANY(%(ids)s) AND organization_id = %(organization)s""",
        ids=list(wanted.ids),
        organization=wanted.organization,
    )
    return found.ids if found else []
