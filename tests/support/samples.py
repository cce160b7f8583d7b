"""Samples of virtual machines as clients send them, and what the tables must say then, computed by brute force."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from uuid import uuid4

from tests.support.database import Database

INGEST = "/api/v1/vms/metrics"
_ORIGIN = datetime(2000, 1, 1, tzinfo=UTC)


class Measured(NamedTuple):
    """A row of vm_metrics."""

    vm_id: str
    timestamp: datetime
    cpu_usage: float | None = None
    memory_usage: float | None = None
    disk_usage: float | None = None
    network_in_bytes: int | None = None
    network_out_bytes: int | None = None

    def sent(self) -> dict[str, Any]:
        """As JSON has it."""
        return {**self._asdict(), "timestamp": self.timestamp.isoformat()}


@dataclass(frozen=True, slots=True)
class Tables:
    """Key -> the rest of the row, as in the database."""

    samples: Mapping[tuple[str, datetime], tuple[Any, ...]]
    minutes: Mapping[tuple[str, datetime], tuple[Any, ...]]
    five_minutes: Mapping[tuple[str, datetime], tuple[Any, ...]]
    latest: Mapping[str, tuple[Any, ...]]


def vms(
    database: Database, organization: str, count: int, *, status: str = "running", deleted: bool = False
) -> list[str]:
    """Ids of new virtual machines."""
    ids = [str(uuid4()) for _ in range(count)]
    database.sql(
        "INSERT INTO query.vms (id, organization_id, name, status, cpu_cores, memory_mb, deleted_at) "
        "SELECT id, %s, 'vm', %s, 4, 8192, CASE WHEN %s THEN now() END FROM unnest(%s::uuid[]) AS id",
        organization,
        status,
        deleted,
        ids,
    )
    return ids


def expected(samples: Iterable[Measured]) -> Tables:
    """Of samples in the order in which they were taken: the first of a machine and moment is the one that counts."""
    kept: dict[tuple[str, datetime], Measured] = {}
    for one in samples:
        kept.setdefault((one.vm_id, one.timestamp), one)
    rows = kept.values()
    return Tables(
        {key: tuple(one[2:]) for key, one in kept.items()},
        {key: _minute(within) for key, within in _buckets(rows, timedelta(minutes=1)).items()},
        {
            key: (_most(one.cpu_usage for one in within),)
            for key, within in _buckets(rows, timedelta(minutes=5)).items()
        },
        {vm: tuple(max(one[1:] for one in rows if one.vm_id == vm)) for vm in {one.vm_id for one in rows}},
    )


def _buckets(rows: Iterable[Measured], length: timedelta) -> dict[tuple[str, datetime], list[Measured]]:
    """Named by their end, which belongs to them."""
    found: dict[tuple[str, datetime], list[Measured]] = {}
    for one in rows:
        end = _ORIGIN - (_ORIGIN - one.timestamp) // length * length
        found.setdefault((one.vm_id, end), []).append(one)
    return found


def _minute(within: Sequence[Measured]) -> tuple[Any, ...]:
    cpu = [one.cpu_usage for one in within if one.cpu_usage is not None]
    memory = [one.memory_usage for one in within if one.memory_usage is not None]
    return len(cpu), math.fsum(cpu), max(cpu, default=None), len(memory), math.fsum(memory)


def _most(values: Iterable[float | None]) -> float | None:
    return max((value for value in values if value is not None), default=None)


def found(database: Database, ids: Sequence[str]) -> Tables:
    """What the tables say of some virtual machines."""
    columns = "cpu_usage, memory_usage, disk_usage, network_in_bytes, network_out_bytes"
    minute = "cpu_count, cpu_sum, cpu_max, memory_count, memory_sum"
    return Tables(
        _rows(database, f"vm_id::text, timestamp, {columns} FROM query.vm_metrics", ids),
        _rows(database, f"vm_id::text, bucket, {minute} FROM query.vm_rollup_1m", ids),
        _rows(database, "vm_id::text, bucket, cpu_max FROM query.vm_rollup_5m", ids),
        {
            row[0]: row[1:]
            for row in _selected(database, f"vm_id::text, timestamp, {columns} FROM query.vm_latest", ids)
        },
    )


def _rows(database: Database, what: str, ids: Sequence[str]) -> dict[tuple[str, datetime], tuple[Any, ...]]:
    return {row[:2]: row[2:] for row in _selected(database, what, ids)}


def _selected(database: Database, what: str, ids: Sequence[str]) -> list[tuple[Any, ...]]:
    return database.sql(f"SELECT {what} WHERE vm_id = ANY(%s::uuid[])", [*ids])


def assert_same(there: Tables, wanted: Tables) -> None:
    """Sums up to the rounding of their order, all else exactly."""
    assert there.samples == wanted.samples
    assert there.five_minutes == wanted.five_minutes
    assert there.latest == wanted.latest
    assert there.minutes.keys() == wanted.minutes.keys()
    for key, (cpu_count, cpu_sum, cpu_max, memory_count, memory_sum) in there.minutes.items():
        want = wanted.minutes[key]
        assert (cpu_count, cpu_max, memory_count) == (want[0], want[2], want[3]), key
        assert math.isclose(cpu_sum, want[1], rel_tol=1e-12, abs_tol=1e-12), key
        assert math.isclose(memory_sum, want[4], rel_tol=1e-12, abs_tol=1e-12), key
