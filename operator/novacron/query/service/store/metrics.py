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
_ROWS: LiteralString = """SELECT of_one.* FROM query.vms AS vm CROSS JOIN LATERAL (
    {members}
    FROM query.vm_metrics
    WHERE vm_id = vm.id AND timestamp >= %(start)s AND timestamp <= {end}
    {grouped} ORDER BY timestamp DESC LIMIT %(limit)s + 1
    ) AS of_one
    WHERE vm.id = ANY(%(ids)s) {organization} ORDER BY of_one.vm_id, of_one.timestamp DESC"""
_SAMPLE: LiteralString = """SELECT vm_id, timestamp, cpu_usage, memory_usage, disk_usage,
        network_in_bytes, network_out_bytes"""
_BUCKET: LiteralString = """SELECT vm_id,
        date_bin(%(interval)s, timestamp - interval '1 microsecond', '2000-01-01 00:00Z') + %(interval)s AS timestamp,
        avg(cpu_usage) AS cpu_usage, avg(memory_usage) AS memory_usage, avg(disk_usage) AS disk_usage,
        (max(ARRAY[(extract(epoch FROM timestamp) * 1000000)::int8, network_in_bytes])
            FILTER (WHERE network_in_bytes IS NOT NULL))[2] AS network_in_bytes,
        (max(ARRAY[(extract(epoch FROM timestamp) * 1000000)::int8, network_out_bytes])
            FILTER (WHERE network_out_bytes IS NOT NULL))[2] AS network_out_bytes,
        count(*) AS samples"""
"""Named by its end, and of the same origin, as the rollups are (migrations/query/0001)."""
_GROUPED: LiteralString = "GROUP BY vm_id, 2"
_OF: LiteralString = "AND vm.organization_id = %(organization)s"
_END: LiteralString = "%(end)s"
_GOING_ON: LiteralString = "CASE WHEN vm.id = %(id)s THEN %(before)s ELSE %(end)s END AND timestamp <= %(end)s"
"""The VM that the page before ended in has only what is older; the second bound rules out partitions beforehand."""
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


async def queried(transaction: Transaction, wanted: SampleFilter, *, limit: int, after: tuple[int, str] | None) -> Page:
    """Args:
    after: position of the last one that was seen.
    """
    values: dict[str, Any] = {"ids": list(wanted.ids), "start": wanted.span.start, "end": wanted.span.end}
    if wanted.organization is not None:
        values["organization"] = wanted.organization
    if wanted.interval is not None:
        values["interval"] = wanted.interval
    if after is not None:
        last, begun = at(after[0]), UUID(after[1])
        values["ids"] = [one for one in wanted.ids if one >= begun]
        values |= {"id": begun, "before": last - (wanted.interval or _INSTANT)}
    rows = _ROWS.format(
        members=_SAMPLE if wanted.interval is None else _BUCKET,
        grouped="" if wanted.interval is None else _GROUPED,
        organization="" if wanted.organization is None else _OF,
        end=_END if after is None else _GOING_ON,
    )
    return await transaction.first(Page, paged(rows, _POSITION), **values, limit=limit, offset=0) or EMPTY
