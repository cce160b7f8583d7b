"""The dashboard of a whole fleet against the pattern that it replaces: two questions for each machine.

2,000 machines and 5 million samples on a real PostgreSQL, everything in its cache. Every round asks each way once, as
of another instant, so that nothing is answered from a cache that should not be; a ratio is the median over the rounds
of what stood in the same round, so that a busy machine slows both sides. The dashboard is asked over HTTP, with a token
and through the wall; its peers are asked in this process, on a connection with TLS as the pod's is.
"""

from __future__ import annotations

import asyncio
import functools
import json
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Any
from urllib.parse import quote
from uuid import UUID

import pytest
from prometheus_client import CollectorRegistry
from starlette.requests import Request
from structlog.testing import capture_logs

from novacron.query.domain.dashboard import Question
from novacron.query.domain.plan import Plan as Way
from novacron.query.domain.windows import windows
from novacron.query.service.cache import Answer, Cache
from novacron.query.service.counts import CacheCounts
from novacron.query.service.dashboard import PATH
from novacron.query.service.demo import Plan, fill
from novacron.query.service.store import dashboard as store
from novacron.workload.service.representation import Representation
from tests.bench.dashboard_patterns import Patterns, buffers
from tests.bench.load import asked as loaded
from tests.bench.load import get
from tests.bench.report import Goal, Row
from tests.bench.server import Bench
from tests.support.certificates import Authority
from tests.support.controlplane.progress import say
from tests.support.dashboard_store import DashboardStore
from tests.support.dashboards import AVERAGES, same
from tests.support.postgres import Postgres
from tests.support.query_pods import QueryPods
from tests.support.redis_server import RedisServer

CASE = "dashboard"
_VMS, _INTERVAL, _HOURS = 2000, 10, 8
_ROUNDS = 9
_HITS = 2000
_GOAL = Goal("at least", 30)
_PASSWORD = "of-the-bench"
_MILLISECOND = timedelta(milliseconds=1)

UNPREPARED, PREPARED, PIPELINED = "N+1, as the specification wrote it", "N+1, prepared", "N+1, prepared and pipelined"
HTTP, ROLLUP, LATERAL, KEPT = "dashboard over HTTP, not kept", "rollup plan", "LATERAL plan", "one row per VM"
Taken = Mapping[str, Sequence["Cost"]]


@dataclass(frozen=True, slots=True)
class Cost:
    """Seconds.

    Args:
        client: CPU of who asks the database; server: of the database's process that answers; 0: it is not known.
    """

    wall: float
    client: float
    server: float


@dataclass(frozen=True, slots=True)
class Asker:
    """One way to the answer.

    Args:
        client: CPU of who asks the database so far, in seconds.
        server: the database's that answers it; 0: a pool's, which come and go.
    """

    ask: Callable[[datetime], bytes]
    client: Callable[[], float]
    server: int = 0

    def cost(self, as_of: datetime) -> Cost:
        before = self._read()
        self.ask(as_of)
        return Cost(*(late - early for early, late in zip(before, self._read(), strict=True)))

    def _read(self) -> tuple[float, float, float]:
        return time.perf_counter(), self.client(), on_cpu(self.server) if self.server else 0.0


async def run(_bench: Bench) -> list[Row]:
    return await asyncio.to_thread(_rows)


def _rows() -> list[Row]:
    authority = Authority()
    with ExitStack() as stack:
        home = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        postgres = stack.enter_context(Postgres(authority))
        for name, value in {"shared_buffers": "2GB", "max_wal_size": "8GB"}.items():
            postgres.sql(f"ALTER SYSTEM SET {name} = '{value}'")
        postgres.stop()
        postgres.start()
        redis = stack.enter_context(RedisServer(authority, _PASSWORD))
        files: dict[str, str | bytes] = {"password": _PASSWORD, "ca.crt": redis.ca}
        query = stack.enter_context(QueryPods(home, postgres, redis, files, level="WARNING"))
        stack.enter_context(capture_logs())  # of the audit: the store is asked in this process too
        stage = _Stage(query, stack)
        return [*compared(stage.rounds(), stage.samples), *stage.hits(), *stage.touched()]


class _Stage:
    """Who is asked: the pod, its store in this process, and its peers."""

    def __init__(self, query: QueryPods, stack: ExitStack) -> None:
        self._query = query
        self._owner = stack.enter_context(query.database.connect())
        organization = UUID(query.organization())
        self._token = query.token("viewer", str(organization))
        # the last sample is 37 s after a full minute, so that all edges of the windows hold samples
        self._as_of = datetime.now(UTC).replace(second=37, microsecond=0) - timedelta(minutes=2)
        say(f"{_VMS} machines, {_HOURS:g} hours, a sample every {_INTERVAL} s")
        self.samples = fill(self._owner, Plan(organization, self._as_of, _VMS, _HOURS / 24, _INTERVAL)).samples
        for table in ("vms", "vm_metrics", "vm_latest", "vm_rollup_1m", "vm_rollup_5m"):
            self._owner.execute(f"VACUUM ANALYZE query.{table}".encode())
        self._store = DashboardStore(query.database, query.login)
        stack.callback(self._store.close)
        self._connection = stack.enter_context(query.database.connect(query.login))
        self._patterns = Patterns(self._connection)
        self._line = stack.enter_context(closing(query.pod.connection()))

    def rounds(self) -> Taken:
        """Each way once a round, after one that nobody looks at."""
        self._patterns.keep(self._owner, json.dumps(json.loads(self._http(self._as_of))["items"]))
        ways = self._ways()
        self._agree(ways)
        taken: dict[str, list[Cost]] = {name: [] for name in ways}
        for number in range(1, _ROUNDS + 1):
            say(f"round {number} of {_ROUNDS}")
            for name, way in ways.items():
                taken[name].append(way.cost(self._as_of + number * _MILLISECOND))
        return taken

    def _ways(self) -> Mapping[str, Asker]:
        own, pod = time.thread_time, self._query.pod.process
        assert pod is not None
        here = self._connection.info.backend_pid
        each = self._patterns.each
        return {
            UNPREPARED: Asker(functools.partial(each, prepared=False), own, here),
            PREPARED: Asker(functools.partial(each, prepared=True), own, here),
            PIPELINED: Asker(functools.partial(each, prepared=True, pipelined=True), own, here),
            HTTP: Asker(self._http, functools.partial(on_cpu, pod.pid)),
            ROLLUP: Asker(functools.partial(self._stored, "rollup"), own, self._store.backend),
            LATERAL: Asker(functools.partial(self._stored, "lateral"), own, self._store.backend),
            KEPT: Asker(lambda _as_of: self._patterns.kept(), own, here),
        }

    def _http(self, as_of: datetime) -> bytes:
        path = f"{PATH}?limit={_VMS}&as_of={quote(as_of.isoformat())}"
        self._line.request("GET", path, headers={"Authorization": f"Bearer {self._token}"})
        answer = self._line.getresponse()
        content = answer.read()
        assert answer.status == 200, content
        return content

    def _stored(self, way: Way, as_of: datetime) -> bytes:
        found = self._store.ask(way, Question(limit=_VMS, as_of=as_of))
        return f'{{"summary":{found.summary},"items":{found.items}}}'.encode()

    def _agree(self, ways: Mapping[str, Asker]) -> None:
        """All of them answer the same."""
        wanted = _read(ways[HTTP].ask(self._as_of))
        assert (len(wanted["items"]), wanted["plan"]) == (_VMS, "rollup")
        for name, way in ways.items():
            found = _read(way.ask(self._as_of))
            order = {item["id"]: item for item in found["items"]}
            for item in wanted["items"]:
                assert same(order[item["id"]], item, AVERAGES), (name, item, order[item["id"]])
            for member, value in found["summary"].items():
                assert value == pytest.approx(wanted["summary"][member], abs=1e-9), (name, member)

    def hits(self) -> list[Row]:
        """What it costs to give an answer again."""
        request = get(f"{PATH}?limit={_VMS}", self._token)
        port, pod = self._query.pod.port, self._query.pod.process
        assert pod is not None
        asyncio.run(loaded(port, [request], 1))
        before = on_cpu(pod.pid)
        run_ = asyncio.run(loaded(port, [request] * _HITS, 1))
        cpu = (on_cpu(pod.pid) - before) / _HITS
        note = f"{_HITS} requests one after the other, with token and wall"
        return [
            Row(CASE, "an answer that is kept, over HTTP: p50", run_.quantile(0.5) * 1e3, "ms", note=note),
            Row(CASE, "an answer that is kept, over HTTP: CPU of the pod", cpu * 1e3, "ms", note=note),
            Row(
                CASE, "an answer that is kept: the cache alone", asyncio.run(_hit()) * 1e6, "us", note="in this process"
            ),
        ]

    def touched(self) -> list[Row]:
        """Pages of the database's cache that each way reads."""
        asked = Question(limit=_VMS, as_of=self._as_of + _MILLISECOND)
        machines = [str(one) for (one,) in self._owner.execute("SELECT id FROM query.vms ORDER BY id LIMIT 20")]
        each = self._patterns.buffers_of_each(self._as_of, machines) * _VMS
        found = {
            UNPREPARED: each,
            LATERAL: buffers(self._connection, *store.statement("lateral", asked, windows(self._as_of))),
            ROLLUP: buffers(self._connection, *store.statement("rollup", asked, windows(self._as_of))),
            KEPT: self._patterns.buffers_of_kept(),
        }
        return [Row(CASE, f"{name}: pages touched", count, "", note="8 KiB each") for name, count in found.items()]


def _read(content: bytes) -> dict[str, Any]:
    """An answer, with times as times: orjson and PostgreSQL write them differently."""
    found: dict[str, Any] = json.loads(content)
    for item in found["items"]:
        for name in ("created_at", "last_metric_time"):
            item[name] = item[name] and datetime.fromisoformat(item[name])
    return found


async def _hit() -> float:
    """Seconds."""
    cache = Cache(3600, CacheCounts(CollectorRegistry()))
    request = Request({"type": "http", "method": "GET", "headers": []})

    async def ask() -> Answer:
        return Answer(datetime.now(UTC), Representation(b" " * 1_000_000))

    async def answered() -> None:
        await (await cache.answer("key", None, ask)).representation.answer(request)
        cache.weigh("key")

    await answered()
    started = time.perf_counter()
    for _ in range(_HITS):
        await answered()
    return (time.perf_counter() - started) / _HITS


def on_cpu(process: int) -> float:
    """Seconds that the first thread of a process has run so far; it does all the work of those that are asked here."""
    return int(Path(f"/proc/{process}/schedstat").read_text().split()[0]) / 1e9


def compared(taken: Taken, samples: int) -> list[Row]:
    """Rows of what each cost in each round; pure."""
    note = f"{_VMS} machines, {samples / 1e6:.1f} million samples; median of {len(taken[HTTP])} rounds"
    rows = []
    for name, costs in taken.items():
        rows.append(Row(CASE, f"{name}: wall", median(one.wall for one in costs) * 1e3, "ms", note=note))
        rows.append(Row(CASE, f"{name}: CPU of the client", median(one.client for one in costs) * 1e3, "ms"))
        if any(one.server for one in costs):
            rows.append(Row(CASE, f"{name}: CPU of the database", median(one.server for one in costs) * 1e3, "ms"))
    for peer in (UNPREPARED, PREPARED, PIPELINED):
        goal = _GOAL if peer == UNPREPARED else None
        rows.append(Row(CASE, f"times faster than {peer}", _ratio(taken, peer, HTTP), "x", goal=goal, note=HTTP))
    rows.append(Row(CASE, "rollup plan, to LATERAL", _ratio(taken, ROLLUP, LATERAL), "x", note="wall"))
    rows.append(Row(CASE, "rollup plan, to one row per VM", _ratio(taken, ROLLUP, KEPT), "x", note="wall"))
    return rows


def _ratio(taken: Taken, one: str, other: str) -> float:
    """Of wall time within a round."""
    return median(a.wall / b.wall for a, b in zip(taken[one], taken[other], strict=True))
