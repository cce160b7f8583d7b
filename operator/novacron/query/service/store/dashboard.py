"""The dashboard: one statement, whose answer is JSON that PostgreSQL has written.

Two plans give the same rows (docs/decisions/0023). lateral reads the samples of each virtual machine that is asked for.
rollup reads once, for all of them, what the ingest has added up, and single samples at the edges of the windows
(domain/windows.py).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, LiteralString

from novacron.query.domain import plan
from novacron.query.domain.dashboard import CPU, MEMORY, Question, Sort
from novacron.query.domain.plan import Plan
from novacron.query.domain.windows import Windows
from novacron.query.service.store.database import Transaction

_PLANNED: LiteralString = "SET LOCAL plan_cache_mode = force_custom_plan"
"""With its values: which partitions there are to read, and which filters are given, is known then. The plan that
PostgreSQL keeps for LATERAL takes 1.6 times as long (docs/decisions/0023)."""
_WITH: LiteralString = """
WITH vm AS (
    SELECT id, name, status, cpu_cores, memory_mb, created_at, organization_id
    FROM query.vms
    WHERE deleted_at IS NULL
        AND (%(organization)s::uuid IS NULL OR organization_id = %(organization)s)
        AND (%(status)s::text IS NULL OR status = %(status)s)
)"""
_EXTENT: LiteralString = f"""{_WITH},
selected AS (SELECT count(*) AS number FROM vm)
SELECT
    statement_timestamp() AS now,
    number AS selected,
    (SELECT count(*) FROM (
        SELECT FROM query.vms WHERE deleted_at IS NULL LIMIT (SELECT number * %(fewest)s + 1 FROM selected)
    ) AS counted) AS every
FROM selected
"""  # noqa: S608 - of our own fragments
"""Counts no further than it matters."""

_LATERAL: LiteralString = """
measured AS (
    SELECT vm.*,
        latest.timestamp AS last_metric_time, latest.cpu_usage AS current_cpu,
        latest.memory_usage AS current_memory, latest.disk_usage AS current_disk,
        averages.cpu AS avg_cpu_5min, averages.memory AS avg_memory_5min, sight.cpu AS max_cpu_1hour
    FROM vm
    LEFT JOIN LATERAL (
        SELECT timestamp, cpu_usage, memory_usage, disk_usage
        FROM query.vm_metrics
        WHERE vm_id = vm.id AND timestamp > %(sight_begin)s AND timestamp <= %(as_of)s
        ORDER BY timestamp DESC
        LIMIT 1
    ) AS latest ON true
    CROSS JOIN LATERAL (
        SELECT avg(cpu_usage) AS cpu, avg(memory_usage) AS memory
        FROM query.vm_metrics
        WHERE vm_id = vm.id AND timestamp > %(averages_begin)s AND timestamp <= %(as_of)s
    ) AS averages
    CROSS JOIN LATERAL (
        SELECT max(cpu_usage) AS cpu
        FROM query.vm_metrics
        WHERE vm_id = vm.id AND timestamp > %(sight_begin)s AND timestamp <= %(as_of)s
    ) AS sight
)"""
_ROLLUP: LiteralString = """
latest AS (
    SELECT vm_id, timestamp, cpu_usage, memory_usage, disk_usage
    FROM query.vm_latest
    WHERE timestamp > %(sight_begin)s AND timestamp <= %(as_of)s
    UNION ALL
    -- the newest sample came after the instant
    SELECT vm_id, sample.*
    FROM query.vm_latest AS newest
    CROSS JOIN LATERAL (
        SELECT timestamp, cpu_usage, memory_usage, disk_usage
        FROM query.vm_metrics
        WHERE vm_id = newest.vm_id AND timestamp > %(sight_begin)s AND timestamp <= %(as_of)s
        ORDER BY timestamp DESC
        LIMIT 1
    ) AS sample
    WHERE newest.timestamp > %(as_of)s
),
part AS (
    -- averages and maximum
    SELECT vm_id, cpu_count, cpu_sum, memory_count, memory_sum, cpu_max
    FROM query.vm_rollup_1m
    WHERE bucket > %(averages_minute)s AND bucket <= %(last_minute)s
    UNION ALL
    SELECT vm_id, (cpu_usage IS NOT NULL)::integer, coalesce(cpu_usage, 0),
        (memory_usage IS NOT NULL)::integer, coalesce(memory_usage, 0), cpu_usage
    FROM query.vm_metrics
    WHERE timestamp > %(last_minute)s AND timestamp <= %(as_of)s
    UNION ALL
    SELECT vm_id, (cpu_usage IS NOT NULL)::integer, coalesce(cpu_usage, 0),
        (memory_usage IS NOT NULL)::integer, coalesce(memory_usage, 0), cpu_usage
    FROM query.vm_metrics
    WHERE timestamp > %(averages_begin)s AND timestamp <= %(averages_minute)s
    UNION ALL
    -- the maximum alone
    SELECT vm_id, 0, 0, 0, 0, cpu_max
    FROM query.vm_rollup_5m
    WHERE bucket > %(sight_five)s AND bucket <= %(last_five)s
    UNION ALL
    SELECT vm_id, 0, 0, 0, 0, cpu_max
    FROM query.vm_rollup_1m
    WHERE bucket > %(sight_minute)s AND bucket <= %(sight_five)s
    UNION ALL
    SELECT vm_id, 0, 0, 0, 0, cpu_usage
    FROM query.vm_metrics
    WHERE timestamp > %(sight_begin)s AND timestamp <= %(sight_minute)s
),
whole AS (
    -- a quotient that is too small for a number would be an error of everybody's dashboard
    SELECT vm_id,
        CASE
            WHEN sum(cpu_sum) > 1e-290 THEN sum(cpu_sum) / sum(cpu_count)
            WHEN sum(cpu_count) > 0 THEN 0
        END AS avg_cpu_5min,
        CASE
            WHEN sum(memory_sum) > 1e-290 THEN sum(memory_sum) / sum(memory_count)
            WHEN sum(memory_count) > 0 THEN 0
        END AS avg_memory_5min,
        max(cpu_max) AS max_cpu_1hour
    FROM part
    GROUP BY vm_id
),
measured AS (
    SELECT vm.*,
        latest.timestamp AS last_metric_time, latest.cpu_usage AS current_cpu,
        latest.memory_usage AS current_memory, latest.disk_usage AS current_disk,
        avg_cpu_5min, avg_memory_5min, max_cpu_1hour
    FROM vm
    LEFT JOIN latest ON latest.vm_id = vm.id
    LEFT JOIN whole ON whole.vm_id = vm.id
)"""
_MEASURED: Mapping[Plan, LiteralString] = {"rollup": _ROLLUP, "lateral": _LATERAL}

_KEYS: Mapping[Sort, tuple[LiteralString, LiteralString]] = {
    "name": ('name COLLATE "C"', "text"),  # the same order on every server, and after its upgrade
    "-current_cpu": ("coalesce(-current_cpu, 1)", "double precision"),
    "-current_memory": ("coalesce(-current_memory, 1)", "double precision"),
    "-max_cpu_1hour": ("coalesce(-max_cpu_1hour, 1)", "double precision"),
}
"""What is sorted by, ascending, and its type. 1 is after every percentage with a minus."""

_SHOWN: LiteralString = """,
shown AS MATERIALIZED (
    SELECT *,
        CASE
            WHEN current_cpu > %(cpu_critical)s THEN 'critical' WHEN current_cpu > %(cpu_warning)s THEN 'warning'
            WHEN current_cpu IS NULL THEN 'unknown' ELSE 'normal'
        END AS cpu_status,
        CASE
            WHEN current_memory > %(memory_critical)s THEN 'critical'
            WHEN current_memory > %(memory_warning)s THEN 'warning'
            WHEN current_memory IS NULL THEN 'unknown' ELSE 'normal'
        END AS memory_status
    FROM measured
),
summary AS (
    SELECT
        count(*) AS total,
        count(*) FILTER (WHERE status = 'running') AS running,
        count(*) FILTER (WHERE status = 'stopped') AS stopped,
        count(*) FILTER (WHERE status = 'error') AS error,
        count(*) FILTER (WHERE status NOT IN ('running', 'stopped', 'error')) AS other,
        count(*) FILTER (WHERE cpu_status = 'critical') AS cpu_critical,
        count(*) FILTER (WHERE cpu_status = 'warning') AS cpu_warning,
        count(*) FILTER (WHERE memory_status = 'critical') AS memory_critical,
        count(*) FILTER (WHERE memory_status = 'warning') AS memory_warning,
        count(*) FILTER (WHERE cpu_status = 'unknown') AS cpu_unknown,
        count(*) FILTER (WHERE memory_status = 'unknown') AS memory_unknown,
        count(last_metric_time) AS with_data,
        avg(current_cpu) AS avg_cpu_usage,
        avg(current_memory) AS avg_memory_usage,
        avg(current_cpu) FILTER (WHERE status = 'running') AS avg_active_cpu,
        avg(current_memory) FILTER (WHERE status = 'running') AS avg_active_memory
    FROM shown
)"""
_PAGE: LiteralString = """,
page AS MATERIALIZED (
    SELECT *, row_number() OVER (ORDER BY key, id) AS place
    FROM (SELECT *, {key} AS key FROM shown) AS keyed
    WHERE %(after_id)s::uuid IS NULL OR (key, id) > (%(after_key)s::{type}, %(after_id)s::uuid)
    ORDER BY place
    LIMIT %(limit)s + 1
),
last AS (
    SELECT key, id::text FROM page WHERE place = %(limit)s AND EXISTS (SELECT FROM page WHERE place > %(limit)s)
)"""
_ANSWER: LiteralString = """
SELECT
    (SELECT to_json(summary)::text FROM summary) AS summary,
    (SELECT coalesce(json_agg(item)::text, '[]') FROM (
        SELECT id, name, status, cpu_cores, memory_mb, created_at, organization_id, last_metric_time, current_cpu,
            current_memory, current_disk, avg_cpu_5min, avg_memory_5min, max_cpu_1hour, cpu_status, memory_status
        FROM page WHERE place <= %(limit)s ORDER BY place
    ) AS item) AS items,
    (SELECT count(*) FROM page WHERE place <= %(limit)s) AS rows,
    (SELECT key FROM last) AS key,
    (SELECT id FROM last) AS id
"""


def _composed(measured: LiteralString, key: LiteralString, kind: LiteralString) -> LiteralString:
    page = _PAGE.replace("{key}", key).replace("{type}", kind)
    return f"{_WITH},{measured}{_SHOWN}{page}{_ANSWER}"


_STATEMENTS: Mapping[tuple[Plan, Sort], LiteralString] = {
    (way, sort): _composed(measured, *key) for way, measured in _MEASURED.items() for sort, key in _KEYS.items()
}


@dataclass(frozen=True, slots=True)
class Extent:
    """Args:
    now: by the database's clock.
    selected: virtual machines that are asked for.
    every: virtual machines that there are; counted no further than to where it matters for the plan.
    """

    now: datetime
    selected: int
    every: int


@dataclass(frozen=True, slots=True)
class Found:
    """Args:
    summary: of all that are asked for; JSON.
    items: of the page; JSON.
    rows: of the page.
    key: of the page's last row, and its id, where there are further ones.
    """

    summary: str
    items: str
    rows: int
    key: str | float | None
    id: str | None


async def extent(transaction: Transaction, asked: Question) -> Extent:
    """How much there is to do."""
    await transaction.execute(_PLANNED)
    found = await transaction.first(
        Extent, _EXTENT, organization=asked.organization, status=asked.status, fewest=plan.FEWEST
    )
    assert found is not None  # noqa: S101 - an aggregate without GROUP BY has one row
    return found


async def found(transaction: Transaction, way: Plan, asked: Question, windows: Windows) -> Found:
    """The page, and the summary. Machines and their status are those of now."""
    text, values = statement(way, asked, windows)
    await transaction.execute(_PLANNED)
    answer = await transaction.first(Found, text, **values)
    assert answer is not None  # noqa: S101 - a SELECT without FROM has one row
    return answer


def statement(way: Plan, asked: Question, windows: Windows) -> tuple[LiteralString, dict[str, Any]]:
    """What is asked of PostgreSQL, and its values."""
    key, last = asked.after or (None, None)
    own = {
        "organization": asked.organization,
        "status": asked.status,
        "cpu_critical": CPU.critical,
        "cpu_warning": CPU.warning,
        "memory_critical": MEMORY.critical,
        "memory_warning": MEMORY.warning,
        "after_key": key,
        "after_id": last,
        "limit": asked.limit,
    }
    return _STATEMENTS[way, asked.sort], asdict(windows) | own
