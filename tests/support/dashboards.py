"""Samples as a person would count them: what a dashboard must say, by brute force over single samples."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from statistics import fmean
from typing import Any
from uuid import UUID

import psycopg

MINUTES_5, HOUR = timedelta(minutes=5), timedelta(hours=1)
AVERAGES = ("avg_cpu_5min", "avg_memory_5min")
SUMMARY_AVERAGES = ("avg_cpu_usage", "avg_memory_usage", "avg_active_cpu", "avg_active_memory")
_BUCKET = "date_bin('{0}', timestamp - interval '1 microsecond', '2000-01-01 00:00+00') + interval '{0}'"
_MINUTE, _FIVE = _BUCKET.format("1 minute"), _BUCKET.format("5 minutes")
_SUMS = (
    "count(cpu_usage), coalesce(sum(cpu_usage), 0), max(cpu_usage), count(memory_usage), coalesce(sum(memory_usage), 0)"
)
_DERIVE = f"""
INSERT INTO query.vm_rollup_1m SELECT {_MINUTE}, vm_id, {_SUMS} FROM query.vm_metrics GROUP BY 1, 2;
INSERT INTO query.vm_rollup_5m SELECT {_FIVE}, vm_id, max(cpu_usage) FROM query.vm_metrics GROUP BY 1, 2;
INSERT INTO query.vm_latest SELECT DISTINCT ON (vm_id) * FROM query.vm_metrics ORDER BY vm_id, timestamp DESC;
"""  # noqa: S608 - of our own fragments
"""What the ingest keeps, from samples that are there already."""


@dataclass(frozen=True, slots=True)
class Sample:
    timestamp: datetime
    cpu: float | None = None
    memory: float | None = None
    disk: float | None = None


@dataclass(frozen=True, slots=True)
class Machine:
    """Args:
    samples: in any order, which is the one in which they come.
    """

    id: UUID
    organization: UUID
    name: str
    status: str = "running"
    deleted: bool = False
    samples: Sequence[Sample] = field(default_factory=tuple)


def write(connection: psycopg.Connection[Any], machines: Sequence[Machine]) -> None:
    """These alone are in the database then."""
    for table in ("vms", "vm_metrics", "vm_latest", "vm_rollup_1m", "vm_rollup_5m"):
        connection.execute(f"DELETE FROM query.{table}".encode())  # noqa: S608 - of our own names
    with connection.cursor() as cursor:
        columns = "id, organization_id, name, status, cpu_cores, memory_mb, deleted_at"
        with cursor.copy(f"COPY query.vms ({columns}) FROM STDIN".encode()) as copy:
            for one in machines:
                gone = "2026-01-01 00:00+00" if one.deleted else None
                copy.write_row((one.id, one.organization, one.name, one.status, 4, 8192, gone))
        columns = "vm_id, timestamp, cpu_usage, memory_usage, disk_usage"
        with cursor.copy(f"COPY query.vm_metrics ({columns}) FROM STDIN".encode()) as copy:
            for one in machines:
                for sample in one.samples:
                    copy.write_row((one.id, sample.timestamp, sample.cpu, sample.memory, sample.disk))
    connection.execute(_DERIVE.encode())


def items(machines: Iterable[Machine], as_of: datetime, sort: str = "name") -> list[dict[str, Any]]:
    """Without what is a property of the machine alone."""
    found = [_item(one, as_of) for one in machines if not one.deleted]
    if sort == "name":
        return sorted(found, key=lambda item: (item["name"].encode(), item["id"]))
    measure = sort.removeprefix("-")
    return sorted(found, key=lambda item: (item[measure] is None, -(item[measure] or 0), item["id"]))


def _item(one: Machine, as_of: datetime) -> dict[str, Any]:
    hour = [sample for sample in one.samples if as_of - HOUR < sample.timestamp <= as_of]
    recent = [sample for sample in hour if sample.timestamp > as_of - MINUTES_5]
    latest = max(hour, key=lambda sample: sample.timestamp, default=None)
    return {
        "id": str(one.id),
        "name": one.name,
        "status": one.status,
        "organization_id": str(one.organization),
        "last_metric_time": latest.timestamp if latest else None,
        "current_cpu": latest.cpu if latest else None,
        "current_memory": latest.memory if latest else None,
        "current_disk": latest.disk if latest else None,
        "avg_cpu_5min": _mean(sample.cpu for sample in recent),
        "avg_memory_5min": _mean(sample.memory for sample in recent),
        "max_cpu_1hour": max((sample.cpu for sample in hour if sample.cpu is not None), default=None),
        "cpu_status": judged(latest.cpu if latest else None, 90, 75),
        "memory_status": judged(latest.memory if latest else None, 90, 80),
    }


def _mean(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return fmean(known) if known else None


def judged(value: float | None, critical: float, warning: float) -> str:
    """Requirements 78 and 79."""
    if value is None:
        return "unknown"
    return "critical" if value > critical else "warning" if value > warning else "normal"


def summary(shown: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Of all items."""

    def number(name: str, *values: str) -> int:
        return sum(item[name] in values for item in shown)

    running = [item for item in shown if item["status"] == "running"]
    known = {status: number("status", status) for status in ("running", "stopped", "error")}
    return {
        "total": len(shown),
        **known,
        "other": len(shown) - sum(known.values()),
        "cpu_critical": number("cpu_status", "critical"),
        "cpu_warning": number("cpu_status", "warning"),
        "memory_critical": number("memory_status", "critical"),
        "memory_warning": number("memory_status", "warning"),
        "cpu_unknown": number("cpu_status", "unknown"),
        "memory_unknown": number("memory_status", "unknown"),
        "with_data": sum(item["last_metric_time"] is not None for item in shown),
        "avg_cpu_usage": _mean(item["current_cpu"] for item in shown),
        "avg_memory_usage": _mean(item["current_memory"] for item in shown),
        "avg_active_cpu": _mean(item["current_cpu"] for item in running),
        "avg_active_memory": _mean(item["current_memory"] for item in running),
    }


def same(found: dict[str, Any], wanted: dict[str, Any], near: Sequence[str]) -> bool:
    """Args:
    near: members that may differ by 1e-9, as sums do that were added up in another order; all others are the same.
    """
    return found.keys() >= wanted.keys() and all(
        _close(found[name], wanted[name]) if name in near else found[name] == wanted[name] for name in wanted
    )


def _close(one: float | None, other: float | None) -> bool:
    if one is None or other is None:
        return one is other
    return math.isclose(one, other, rel_tol=0, abs_tol=1e-9)
