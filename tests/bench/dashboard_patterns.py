"""Other ways to a dashboard's answer, on a client's side as simple as can be: one question for each machine, as the
specification found it, and one row for each machine, which is the least that anybody could do.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import asdict
from datetime import datetime
from typing import Any, LiteralString

import orjson
import psycopg
from psycopg.rows import dict_row

from novacron.query.domain.windows import windows
from tests.support import dashboards

_MACHINES: LiteralString = "SELECT * FROM query.vms WHERE deleted_at IS NULL"
_LATEST: LiteralString = """
SELECT * FROM query.vm_metrics
WHERE vm_id = %(id)s AND timestamp > %(sight_begin)s AND timestamp <= %(as_of)s
ORDER BY timestamp DESC LIMIT 1
"""
_WINDOWS: LiteralString = """
SELECT avg(cpu_usage) FILTER (WHERE timestamp > %(averages_begin)s) AS cpu,
    avg(memory_usage) FILTER (WHERE timestamp > %(averages_begin)s) AS memory, max(cpu_usage) AS highest
FROM query.vm_metrics
WHERE vm_id = %(id)s AND timestamp > %(sight_begin)s AND timestamp <= %(as_of)s
"""
QUESTIONS: Sequence[LiteralString] = (_LATEST, _WINDOWS)
"""Of each machine."""
STATE = "query.bench_state"
_ROWS: LiteralString = f"""
SELECT
    (SELECT json_agg(state)::text FROM (SELECT * FROM {STATE} ORDER BY name COLLATE "C", id) AS state) AS items,
    (SELECT to_json(summary)::text FROM (
        SELECT count(*) AS total, count(*) FILTER (WHERE status = 'running') AS running,
            count(*) FILTER (WHERE cpu_status = 'critical') AS cpu_critical,
            count(*) FILTER (WHERE cpu_status = 'warning') AS cpu_warning,
            count(*) FILTER (WHERE memory_status = 'critical') AS memory_critical,
            count(*) FILTER (WHERE memory_status = 'warning') AS memory_warning,
            count(last_metric_time) AS with_data, avg(current_cpu) AS avg_cpu_usage,
            avg(current_memory) AS avg_memory_usage
        FROM {STATE}
    ) AS summary) AS summary
"""  # noqa: S608 - of our own fragments


class Patterns:
    """Args:
    connection: of the service's login.
    """

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self._connection = connection

    def each(self, as_of: datetime, *, prepared: bool | None = None, pipelined: bool = False) -> bytes:
        """Two questions for each machine.

        Args:
            prepared: False: planned each time; None: as psycopg does it by itself, from the sixth time on.
            pipelined: none waits for the answer to the one before.
        """
        with self._connection.cursor(row_factory=dict_row) as cursor:
            machines = cursor.execute(_MACHINES, prepare=prepared).fetchall()
        asked: list[list[psycopg.Cursor[dict[str, Any]]]] = []
        with self._connection.pipeline() if pipelined else nullcontext():
            for machine in machines:
                values = asdict(windows(as_of)) | {"id": machine["id"]}
                cursors = [self._connection.cursor(row_factory=dict_row) for _ in QUESTIONS]
                for cursor, question in zip(cursors, QUESTIONS, strict=True):
                    cursor.execute(question, values, prepare=prepared)
                asked.append(cursors)
        found = [[cursor.fetchone() for cursor in cursors] for cursors in asked]
        items = [_item(machine, *found) for machine, found in zip(machines, found, strict=True)]
        return orjson.dumps({"as_of": as_of, "summary": dashboards.summary(items), "items": items})

    def keep(self, owner: psycopg.Connection[Any], items: str) -> None:
        """Each machine's row, as a client reads it."""
        owner.execute(f"DROP TABLE IF EXISTS {STATE}".encode())
        columns = """id uuid PRIMARY KEY, name text, status text, cpu_cores int, memory_mb int,
            created_at timestamptz, organization_id uuid, last_metric_time timestamptz, current_cpu float8,
            current_memory float8, current_disk float8, avg_cpu_5min float8, avg_memory_5min float8,
            max_cpu_1hour float8, cpu_status text, memory_status text"""
        owner.execute(f"CREATE TABLE {STATE} ({columns})".encode())
        filled = f"INSERT INTO {STATE} SELECT * FROM json_populate_recordset(NULL::{STATE}, %s)"  # noqa: S608 - ours
        owner.execute(filled.encode(), (items,))
        owner.execute(f"GRANT SELECT ON {STATE} TO novacron_query".encode())
        owner.execute(f"VACUUM ANALYZE {STATE}".encode())

    def kept(self) -> bytes:
        """One row for each machine, which somebody has kept."""
        found = self._connection.execute(_ROWS).fetchone()
        assert found is not None
        items, summary = found
        return f'{{"summary":{summary},"items":{items}}}'.encode()

    def buffers_of_each(self, as_of: datetime, machines: Sequence[str]) -> float:
        """Pages that the two questions of a machine touch, on average."""
        touched = 0
        for machine in machines:
            values = asdict(windows(as_of)) | {"id": machine}
            touched += sum(buffers(self._connection, question, values) for question in QUESTIONS)
        return touched / len(machines)

    def buffers_of_kept(self) -> int:
        return buffers(self._connection, _ROWS, {})


def buffers(connection: psycopg.Connection[Any], statement: LiteralString, values: dict[str, Any]) -> int:
    """Pages that a statement touches, in the cache or not."""
    with psycopg.ClientCursor(connection) as cursor:
        found = cursor.execute(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {statement}".encode(), values).fetchone()
    assert found is not None
    plan = found[0][0]["Plan"]
    return int(plan["Shared Hit Blocks"] + plan["Shared Read Blocks"])


def _item(machine: dict[str, Any], latest: dict[str, Any] | None, over: dict[str, Any] | None) -> dict[str, Any]:
    assert over is not None
    latest = latest or {"timestamp": None, "cpu_usage": None, "memory_usage": None, "disk_usage": None}
    own = {
        name: machine[name]
        for name in ("id", "name", "status", "cpu_cores", "memory_mb", "created_at", "organization_id")
    }
    return own | {
        "last_metric_time": latest["timestamp"],
        "current_cpu": latest["cpu_usage"],
        "current_memory": latest["memory_usage"],
        "current_disk": latest["disk_usage"],
        "avg_cpu_5min": over["cpu"],
        "avg_memory_5min": over["memory"],
        "max_cpu_1hour": over["highest"],
        "cpu_status": dashboards.judged(latest["cpu_usage"], 90, 75),
        "memory_status": dashboards.judged(latest["memory_usage"], 90, 80),
    }
