"""Pages of a long list: the first one, and one behind 290,000 of 300,000 users, by cursor and by offset.

Asked over HTTP of a real pod, in turns, so that whoever else uses the machine slows all of them; and what PostgreSQL
itself takes and reads, of the very statements.
"""

from __future__ import annotations

import asyncio
import http.client
import json
import tempfile
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from typing import Any

from novacron.query.service.store import users
from novacron.query.service.store.users import UserFilter
from novacron.query.service.users import OFFSET_MOST, PATH
from tests.bench.load import asked, get
from tests.bench.report import Goal, Row
from tests.bench.server import Bench
from tests.support.certificates import Authority
from tests.support.explained import Explained, connected
from tests.support.postgres import Postgres
from tests.support.query_pods import QueryPods
from tests.support.redis_server import RedisServer

CASE = "users"
_USERS, _DEPTH = 300_000, 290_000
_PAGE, _STRIDE = 100, 1000
_TURNS, _REQUESTS = 30, 10
_ROUNDS = 7
_PASSWORD = "of-the-bench"


async def run(_bench: Bench) -> list[Row]:
    authority = Authority()
    with ExitStack() as stack:
        home = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        postgres = stack.enter_context(Postgres(authority))
        redis = stack.enter_context(RedisServer(authority, _PASSWORD))
        files: dict[str, str | bytes] = {"password": _PASSWORD, "ca.crt": redis.ca}
        sizes = {"default": _PAGE, "max": _STRIDE}
        pods = QueryPods(home, postgres, redis, files, level="WARNING", page_size=sizes)
        await asyncio.to_thread(_fill, pods)
        await asyncio.to_thread(stack.enter_context, pods)
        token = pods.token("platform-admin")
        cursor, walked = await asyncio.to_thread(_deep, pods, token)
        asked_for = {
            "page 1": f"{PATH}?limit={_PAGE}",
            "page at depth 290,000, by cursor": f"{PATH}?limit={_PAGE}&cursor={cursor}",
            f"page at depth {OFFSET_MOST:,}, by offset, the most that is taken": f"{PATH}?offset={OFFSET_MOST}",
        }
        took = await _times(pods.pod.port, {name: get(path, token) for name, path in asked_for.items()})
        plans = await _plans(pods)
    first, deep, offset = took.values()
    note = f"{_PAGE} of {_USERS:,} users, over HTTP; median of {_TURNS} turns of {_REQUESTS} requests each"
    ratio = median(one / other for one, other in zip(deep, first, strict=True))
    far = median(one / other for one, other in zip(offset, first, strict=True))
    return [
        *(Row(CASE, name, median(values) * 1e3, "ms", note=note) for name, values in took.items()),
        Row(CASE, "depth 290,000 over page 1, by cursor", ratio, "", goal=Goal("at most", 1.5), note="median of turns"),
        Row(CASE, f"depth {OFFSET_MOST:,} over page 1, by offset", far, "", note="median of turns"),
        Row(CASE, f"rows of a walk to depth {_DEPTH:,}", walked, "", note=f"in pages of {_STRIDE}; each once"),
        *plans,
    ]


def _fill(pods: QueryPods) -> None:
    """Users of many organizations, a second apart."""
    with pods.database.connect() as connection:
        connection.execute("INSERT INTO auth.organizations (name) SELECT 'o' || n FROM generate_series(1, 100) AS n")
        connection.execute(
            """INSERT INTO auth.users (organization_id, email, username, role, password_hash, created_at)
               SELECT homes.ids[1 + n %% 100], 'user-' || n || '@example.org', 'user ' || n, 'viewer', 'none',
                      now() - make_interval(secs => %s - n)
               FROM generate_series(1, %s) AS n, (SELECT array_agg(id) AS ids FROM auth.organizations) AS homes""",
            [_USERS, _USERS],
        )
        connection.execute("VACUUM ANALYZE auth.users")


def _deep(pods: QueryPods, token: str) -> tuple[str, int]:
    """The cursor that is reached by walking, and how many different users were seen on the way."""
    line = http.client.HTTPConnection("127.0.0.1", pods.pod.port, timeout=20)
    seen: set[str] = set()
    path = f"{PATH}?limit={_STRIDE}"
    cursor = ""
    for _ in range(_DEPTH // _STRIDE):
        line.request(
            "GET", path + (f"&cursor={cursor}" if cursor else ""), headers={"Authorization": f"Bearer {token}"}
        )
        page = json.loads(line.getresponse().read())
        seen.update(item["id"] for item in page["items"])
        cursor = page["next"]
    line.close()
    return cursor, len(seen)


async def _times(port: int, requests: Mapping[str, bytes]) -> dict[str, list[float]]:
    """Seconds of a request, the median of each turn."""
    took: dict[str, list[float]] = {name: [] for name in requests}
    for _ in range(_TURNS):
        for name, request in requests.items():
            took[name].append((await asked(port, [request] * _REQUESTS, connections=1)).quantile(0.5))
    return took


async def _plans(pods: QueryPods) -> list[Row]:
    """What PostgreSQL takes and reads, the least of some rounds."""
    async with await connected(pods.database, pods.login) as connection:
        statement = """SELECT (extract(epoch FROM created_at) * 1000000)::int8, id::text FROM auth.user_directory
                       ORDER BY created_at, id OFFSET %s LIMIT 1"""
        row = await (await connection.execute(statement, [_DEPTH - 1])).fetchone()
        assert row is not None
        ways: dict[str, dict[str, Any]] = {
            "page 1": {},
            "depth 290,000, by cursor": {"after": (row[0], row[1])},
            "depth 290,000, by offset": {"offset": _DEPTH},
        }
        explained = Explained(connection)
        found = []
        for name, where in ways.items():
            costs = []
            for _ in range(_ROUNDS):
                await users.listed(explained, UserFilter(), "created_at", limit=_PAGE, **where)
                costs.append((explained.milliseconds, explained.buffers))
            milliseconds, buffers = min(costs)
            note = f"EXPLAIN ANALYZE, best of {_ROUNDS}"
            found.append(Row(CASE, f"PostgreSQL: {name}", milliseconds, "ms", note=note))
            found.append(Row(CASE, f"PostgreSQL: {name}: buffers", buffers, "", note="pages of 8 KiB touched"))
    return found
