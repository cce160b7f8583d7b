"""Auth at work: what its pod holds, and what logins do to the requests beside them.

A login is a hash of 19 MiB on one thread, so five a second take an eighth of a core. Two pods are asked at a steady
rate with and without them: one of ``novacron api``, which shares the machine with auth, and auth's own, which shares
the process. Each with a real PostgreSQL and a real Redis.
"""

from __future__ import annotations

import asyncio
import json
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from tests.bench.facts import resident
from tests.bench.load import Run, get, paced, post
from tests.bench.report import Goal, Row
from tests.bench.server import Bench
from tests.support.auth_pods import OWN_SETTINGS, AuthPods, Somebody
from tests.support.certificates import Authority
from tests.support.postgres import Postgres
from tests.support.redis_server import RedisServer
from tests.support.service_process import ServiceProcess

CASE = "logins"
_ME, _SESSIONS, _LOGIN = "/api/v1/me", "/api/v1/auth/sessions", "/api/v1/auth/login"
_RATE, _LOGIN_RATE, _BUSY_RATE = 100, 5, 200
"""A second."""
_SECONDS = 12
_TURNS = 5
_PEOPLE = 10
_PASSWORD = "of-the-bench"


async def run(_bench: Bench) -> list[Row]:
    authority = Authority()
    with ExitStack() as stack:
        home = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        postgres = stack.enter_context(Postgres(authority))
        redis = stack.enter_context(RedisServer(authority, _PASSWORD))
        files: dict[str, str | bytes] = {"password": _PASSWORD, "ca.crt": redis.ca}
        session = OWN_SETTINGS["session"] | {"rotation_seconds": 3600}  # one token for all of it
        auth = AuthPods(home, postgres, redis, files, level="WARNING", session=session)
        started = time.monotonic()
        await asyncio.to_thread(stack.enter_context, auth)
        ready = time.monotonic() - started
        assert auth.pod.process is not None
        idle = resident(auth.pod.process.pid)
        api = stack.enter_context(_api(home / "api", auth))
        await asyncio.to_thread(api.until_ready)
        people = [auth.person() for _ in range(_PEOPLE)]
        token = (await asyncio.to_thread(lambda: [auth.log_in(person) for person in people]))[0].access
        turns = [await _turn(auth.pod.port, api.port, token, people[1:]) for _ in range(_TURNS)]
        after_logins = resident(auth.pod.process.pid)
        busy = await paced(auth.pod.port, [get(_SESSIONS, token)] * _BUSY_RATE * _SECONDS, _BUSY_RATE)
        loaded = resident(auth.pod.process.pid)
    return [
        Row(CASE, "novacron auth: from its start until /ready answers 200", ready, "s"),
        Row(CASE, "novacron auth: resident when ready", idle, "MB"),
        Row(CASE, f"novacron auth: resident after {_LOGIN_RATE} logins/s", after_logins, "MB"),
        Row(CASE, f"novacron auth: resident under {_BUSY_RATE} requests/s", loaded, "MB", note=_SESSIONS),
        Row(CASE, f"novacron auth: p95 under {_BUSY_RATE} requests/s", busy.quantile(0.95) * 1e3, "ms", note=_SESSIONS),
        *_compared(turns),
    ]


def _api(home: Path, auth: AuthPods) -> ServiceProcess:
    """Behind the wall, with auth's feed and key set."""
    home.mkdir()
    settings = auth.pod.settings
    shared = {name: settings[name] for name in ("instance", "namespace", "internal_key_file", "redis")}
    peers = {"auth": {"internal": f"http://127.0.0.1:{auth.pod.internal_port}"}}
    members = {**shared, "rate_limit": OWN_SETTINGS["rate_limit"], "peers": peers}
    pod = ServiceProcess("api", home, members=members, level="WARNING")
    pod.jwks.replace({"jwks.json": auth.keys.key_set})
    return pod


@dataclass(frozen=True, slots=True)
class Turn:
    """The same load on the same route without logins and beside them, and the logins."""

    quiet: Run
    beside: Run
    logins: Run


async def _turn(auth: int, api: int, token: str, people: Sequence[Somebody]) -> dict[str, Turn]:
    return {
        "novacron api": await _beside(api, get(_ME, token), auth, people),
        "novacron auth": await _beside(auth, get(_SESSIONS, token), auth, people),
    }


async def _beside(port: int, request: bytes, auth: int, people: Sequence[Somebody]) -> Turn:
    requests = [request] * _RATE * _SECONDS
    bodies = [json.dumps({"email": one.email, "password": one.password}).encode() for one in people]
    posts = [post(_LOGIN, bodies[number % len(bodies)]) for number in range(_LOGIN_RATE * _SECONDS)]
    quiet = await paced(port, requests, _RATE)
    beside, logins = await asyncio.gather(paced(port, requests, _RATE), paced(auth, posts, _LOGIN_RATE))
    return Turn(quiet, beside, logins)


def _compared(turns: Sequence[dict[str, Turn]]) -> list[Row]:
    note = f"median of {_TURNS} turns of {_SECONDS} s at {_RATE} requests/s"
    rows = []
    for name in turns[0]:
        for share in (0.5, 0.95, 0.99):
            quiet = median(turn[name].quiet.quantile(share) for turn in turns)
            beside = median(turn[name].beside.quantile(share) for turn in turns)
            goal = Goal("at most", 60.0) if share == 0.95 else None
            what = f"{name}: p{share * 100:.0f}"
            rows.append(Row(CASE, f"{what} without logins", quiet * 1e3, "ms", note=note))
            rows.append(Row(CASE, f"{what} beside {_LOGIN_RATE} logins/s", beside * 1e3, "ms", goal=goal))
    logins = median(turn[name].logins.quantile(0.95) for turn in turns for name in turn)
    return [*rows, Row(CASE, f"a login at {_LOGIN_RATE}/s: p95", logins * 1e3, "ms", goal=Goal("at most", 250.0))]
