"""Query over HTTP: how long its routes take at a steady rate, how fast samples go in, and what 20 pods hold.

One pod on a real PostgreSQL with 2,000 machines. A request's time counts from when it was due. Samples: batches of
10,000 over HTTP, with rollups and all, in turn with a bare binary COPY of as many into the same table.
"""

from __future__ import annotations

import asyncio
import json
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from urllib.parse import quote
from uuid import UUID

from novacron.api.v1alpha1 import validate
from novacron.query.domain.sample import Sample
from novacron.query.service import dashboard, ingest, percentiles, users
from novacron.query.service.demo import Plan, fill
from novacron.stack.capacity import connection_share
from tests.bench.load import Run, asked, get, paced, post
from tests.bench.report import Goal, Row
from tests.bench.server import Bench
from tests.support.certificates import Authority
from tests.support.controlplane.progress import say
from tests.support.postgres import Postgres
from tests.support.query_pods import QueryPods
from tests.support.redis_server import RedisServer
from tests.support.resources import minimal
from tests.support.samples import Measured, vms

CASE = "query-http"
_VMS, _HOURS, _INTERVAL = 2000, 2.0, 10
_SECONDS = 15
_ROUNDS = 7
_BATCH = 10_000
_PODS = 20
_PASSWORD = "of-the-bench"
_SERVER = {"shared_buffers": "1GB", "max_wal_size": "4GB", "max_connections": "250"}


async def run(_bench: Bench) -> list[Row]:
    authority = Authority()
    with ExitStack() as stack:
        home = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        postgres = stack.enter_context(Postgres(authority))
        for name, value in _SERVER.items():
            postgres.sql(f"ALTER SYSTEM SET {name} = '{value}'")
        postgres.stop()
        postgres.start()
        redis = stack.enter_context(RedisServer(authority, _PASSWORD))
        files: dict[str, str | bytes] = {"password": _PASSWORD, "ca.crt": redis.ca}
        (home / "one").mkdir()
        with QueryPods(home / "one", postgres, redis, files, level="WARNING") as query:
            organization = query.organization()
            await asyncio.to_thread(_fill, query, organization)
            rows = [*await _paced(query, organization), *await _ingested(query, organization)]
        return [*rows, *await asyncio.to_thread(_crowd, home / "many", postgres, redis, files)]


def _fill(query: QueryPods, organization: str) -> None:
    say(f"{_VMS} machines, {_HOURS:g} hours, a sample every {_INTERVAL} s")
    with query.database.connect() as connection:
        fill(connection, Plan(UUID(organization), datetime.now(UTC), _VMS, _HOURS / 24, _INTERVAL))
        for table in ("vms", "vm_metrics", "vm_latest", "vm_rollup_1m", "vm_rollup_5m"):
            connection.execute(f"VACUUM ANALYZE query.{table}".encode())


# At a steady rate


async def _paced(query: QueryPods, organization: str) -> list[Row]:
    viewer, admin = query.token("viewer", organization), query.token("admin", organization)
    machine = query.machine_token(organization, "metrics:write")
    now = datetime.now(UTC)
    pasts = [quote((now - timedelta(milliseconds=number)).isoformat()) for number in range(10 * _SECONDS)]
    ids = vms(query.database, organization, 100)
    batches = [_body(ids, now - timedelta(seconds=number)) for number in range(20 * _SECONDS)]
    numbers = json.dumps({"datasets": {"a": [*range(1000)]}, "percentiles": [50, 95, 99]}).encode()
    routes: list[tuple[str, int, Sequence[bytes]]] = [
        ("dashboard of 2,000 machines, kept", 50, [get(f"{dashboard.PATH}?limit={_VMS}", viewer)] * 50 * _SECONDS),
        ("dashboard of 2,000 machines, not kept", 10, [_past(one, viewer) for one in pasts]),
        ("users, page 1", 50, [get(users.PATH, admin)] * 50 * _SECONDS),
        ("ingest of 100 samples", 20, [post(ingest.PATH, batch, machine) for batch in batches]),
        ("percentiles of 1,000 numbers", 50, [post(percentiles.PATH, numbers, viewer)] * 50 * _SECONDS),
    ]
    rows: list[Row] = []
    for name, rate, requests in routes:
        say(f"{name}, {rate} a second")
        await asked(query.pod.port, requests[:1], 1)
        rows += _quantiles(name, rate, await paced(query.pod.port, requests[1:], rate))
    return rows


def _past(as_of: str, token: str) -> bytes:
    """Each of another instant, so that none is answered from what is kept."""
    return get(f"{dashboard.PATH}?limit={_VMS}&as_of={as_of}", token)


def _quantiles(name: str, rate: int, found: Run) -> Iterator[Row]:
    for share in (0.5, 0.95, 0.99):
        note = f"{rate} requests/s for {_SECONDS} s on 8 connections"
        yield Row(CASE, f"{name}: p{share * 100:.0f}", found.quantile(share) * 1e3, "ms", note=note)


def _body(ids: Sequence[str], at: datetime, each: int = 1) -> bytes:
    times = [at - timedelta(seconds=_INTERVAL * number) for number in range(each)]
    samples = [Measured(vm, one, 12.5, 50.25, 75.125, 10**9, 10**8) for one in times for vm in ids]
    return json.dumps({"samples": [one.sent() for one in samples]}).encode()


# As fast as it goes


async def _ingested(query: QueryPods, organization: str) -> list[Row]:
    """In turn, so that a busy machine slows both sides; the ratio is within a round."""
    ids = vms(query.database, organization, _VMS)
    token, each = query.machine_token(organization, "metrics:write"), _BATCH // _VMS
    start = datetime.now(UTC) - timedelta(hours=6)
    taken: list[tuple[float, float]] = []
    for number in range(_ROUNDS + 1):
        say(f"round {number} of {_ROUNDS}")
        at = start + timedelta(minutes=2 * number)
        request = post(ingest.PATH, _body(ids, at, each), token)
        run_ = await asked(query.pod.port, [request], 1)
        copied = await asyncio.to_thread(_copied, query, ids, at + timedelta(minutes=1), each)
        taken.append((run_.seconds, copied))
    taken = taken[1:]  # the first one makes tables and plans
    over_http, bare = (median(side) for side in zip(*taken, strict=True))
    note = f"median of {_ROUNDS} rounds, a batch of {_BATCH:,} of {_VMS:,} machines each, one at a time"
    return [
        Row(CASE, "samples over HTTP, with all that is made of them", _BATCH / over_http, "rows/s", note=note),
        Row(CASE, "samples by a bare COPY into the table alone", _BATCH / bare, "rows/s", note=note),
        Row(CASE, "samples over HTTP over a bare COPY", median(b / h for h, b in taken), "", note="rows/s"),
    ]


def _copied(query: QueryPods, ids: Sequence[str], at: datetime, each: int) -> float:
    """Seconds until it is committed."""
    times = [at - timedelta(seconds=_INTERVAL * number) for number in range(each)]
    rows = [Sample(UUID(vm), one, 12.5, 50.25, 75.125, 10**9, 10**8) for one in times for vm in ids]
    with query.database.connect(query.login) as connection:
        connection.execute("SELECT 1")
        began = time.perf_counter()
        with connection.cursor().copy("COPY query.vm_metrics FROM STDIN (FORMAT binary)") as copy:
            copy.set_types(["uuid", "timestamptz", "float8", "float8", "float8", "int8", "int8"])
            for row in rows:
                copy.write_row(row)
        return time.perf_counter() - began


# Many pods


def _crowd(home: Path, postgres: Postgres, redis: RedisServer, files: dict[str, str | bytes]) -> list[Row]:
    """Each with a share of the budget as the operator gives it, and more clients than that."""
    home.mkdir()
    spec = validate(minimal()).spec
    budget, share = spec.database.connection_budget, connection_share(validate(minimal()))
    query = QueryPods(home, postgres, redis, files, pods=_PODS, pool=share, level="WARNING")
    say(f"{_PODS} pods of {share} connections each")
    with query:
        organization = query.organization()
        ids, token = vms(query.database, organization, 10), query.machine_token(organization, "metrics:write")
        now = datetime.now(UTC)
        with _counted(postgres, query.login.name) as seen:
            asyncio.run(_at_once(query, ids, token, now))
    note = f"{share} a pod; pg_stat_activity every 50 ms while 16 clients of each pod send samples"
    return [
        Row(
            CASE,
            f"{_PODS} pods under load: connections at most",
            max(seen),
            "",
            goal=Goal("at most", budget),
            note=note,
        ),
        Row(CASE, f"{_PODS} pods: connections that are theirs", _PODS * share, "", note=f"the budget is {budget}"),
    ]


async def _at_once(query: QueryPods, ids: Sequence[str], token: str, now: datetime) -> None:
    """Raises ``RuntimeError`` where one request is not answered as it should be."""
    loads = []
    for number, pod in enumerate(query.pods):
        times = [now - timedelta(seconds=number * 100 + turn) for turn in range(96)]
        requests = [post(ingest.PATH, _body(ids, at), token) for at in times]
        loads.append(asked(pod.port, requests, 16))
    await asyncio.gather(*loads)


@contextmanager
def _counted(postgres: Postgres, user: str) -> Iterator[list[int]]:
    """How many connections a user has, over and over until the block ends."""
    seen, ended = [postgres.sessions(user)], threading.Event()

    def count() -> None:
        while not ended.wait(0.05):
            seen.append(postgres.sessions(user))

    counting = threading.Thread(target=count)
    counting.start()
    try:
        yield seen
    finally:
        ended.set()
        counting.join()
