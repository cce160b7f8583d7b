"""The wall's price: the limiter, a token that was verified before, and a route behind the wall beside one without it.

The process behind the wall is ``novacron ml`` with a feed and keys. Beside it run the same shell and route without any
guard, and with Starlette's middleware and PyJWT, which limits, audits and revokes nothing. CPU is that of the serving
process alone.
"""

from __future__ import annotations

import asyncio
import functools
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from prometheus_client import CollectorRegistry

from novacron.auth.domain.key_set import KeySet
from novacron.auth.domain.rate import per_minute
from novacron.auth.domain.token import TokenRules, Validator
from novacron.auth.service.limiter import Limiter
from novacron.auth.service.settings import TokenSettings
from novacron.auth.service.verified import VerifiedTokens
from novacron.auth.service.wall_metrics import WallMetrics
from tests.bench.facts import cpu_seconds
from tests.bench.load import Run, asked, get
from tests.bench.report import Goal, Row
from tests.bench.server import Bench
from tests.support.feed_server import FeedServer
from tests.support.service_process import NOVACRON, TOKEN, ServiceProcess
from tests.support.signer import Signer, key_set

CASE = "wall"
_CHECKS = 100_000
_ROUNDS = 7
_REQUESTS = 4000
_ME = "/api/v1/me"
_BARE, _PEER = "the route unguarded", "PyJWT's middleware"
_MODULES = {
    "wall": NOVACRON,
    "none": ("tests.bench.guards", "none"),
    "pyjwt": ("tests.bench.guards", "pyjwt"),
}


async def run(_bench: Bench) -> list[Row]:
    signer = Signer()
    return [_limiter(), *_cached(signer), *await _served(signer)]


def _each(work: Callable[[], object], times: int) -> float:
    """CPU seconds of one, the least of some rounds: others can only add to it."""
    rounds = []
    for _ in range(_ROUNDS):
        before = time.process_time()
        for _ in range(times):
            work()
        rounds.append((time.process_time() - before) / times)
    return min(rounds)


def _limiter() -> Row:
    """With as many networks as a busy pod sees, of which each call takes the next."""
    limiter = Limiter(per_minute(100))
    networks = [f"10.{number // 65536}.{number // 256 % 256}.{number % 256}" for number in range(10_000)]
    turn = iter(networks * (_CHECKS * _ROUNDS // len(networks) + 1))
    seconds = _each(lambda: limiter.check(next(turn)), _CHECKS)
    return Row(CASE, "limiter in the process, a check", seconds * 1e6, "us", goal=Goal("at most", 1.0))


def _cached(signer: Signer) -> list[Row]:
    """Held against the bare signature check of the same library, over the same token."""
    token = signer.token().encode()
    signed, _, _signature = token.rpartition(b".")
    public = signer.key.private_key.public_key()
    raw_signature = signer.key.private_key.sign(signed, PKCS1v15(), SHA256())
    raw = _each(lambda: public.verify(raw_signature, signed, PKCS1v15(), SHA256()), 2000)
    told = TokenSettings.model_validate(TOKEN)
    rules = TokenRules(told.issuer, told.audience, told.clock_skew_seconds, told.max_age_seconds)
    tokens = VerifiedTokens(rules.max_age, WallMetrics(CollectorRegistry()))
    tokens.adopt(Validator(KeySet.parse(key_set(signer).encode(), told.min_key_size), rules))
    now = time.time()
    hit = _each(lambda: tokens.validate(token, now), _CHECKS)
    note = f"{len(token)} bytes, RSA-2048; least of {_ROUNDS}; bare check {raw * 1e6:.1f} us"
    return [
        Row(CASE, "a token verified before", hit * 1e6, "us", note=note),
        Row(CASE, "a token verified before, over a bare signature check", hit / raw, "", goal=Goal("at most", 0.1)),
    ]


@dataclass(frozen=True, slots=True)
class Turn:
    """One stretch of load.

    Args:
        cpu: seconds of the server, for one request.
    """

    load: Run
    cpu: float


async def _served(signer: Signer) -> list[Row]:
    """In turn, so that what others do on the machine falls on all alike; ratios are within a turn."""
    with ExitStack() as stack:
        feed = stack.enter_context(FeedServer())
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        peers = {"peers": {"auth": {"internal": feed.url}}}
        processes = {
            name: ServiceProcess("ml", directory / name, module=module, members=peers, level="WARNING")
            for name, module in _MODULES.items()
        }
        for process in processes.values():
            process.jwks.replace({"jwks.json": key_set(signer)})
            stack.enter_context(process)
            await asyncio.to_thread(process.until_ready)
        turns = [await _turn(processes, signer) for _ in range(_ROUNDS)]
    return _compared(turns)


async def _turn(processes: Mapping[str, ServiceProcess], signer: Signer) -> dict[str, Turn]:
    fresh = await asyncio.to_thread(lambda: [signer.token() for _ in range(_REQUESTS)])
    one = [signer.token()] * _REQUESTS
    return {
        "/health": await _load(processes["wall"], "/health", one),
        _BARE: await _load(processes["none"], _ME, one),
        "token seen before": await _load(processes["wall"], _ME, one),
        "every token new": await _load(processes["wall"], _ME, fresh),
        _PEER: await _load(processes["pyjwt"], _ME, one),
    }


async def _load(process: ServiceProcess, path: str, tokens: Sequence[str]) -> Turn:
    assert process.process is not None
    before = cpu_seconds(process.process.pid)
    load = await asked(process.port, [get(path, token) for token in tokens])
    return Turn(load, (cpu_seconds(process.process.pid) - before) / len(tokens))


_GOALS = {"token seen before": 1.3, "every token new": 2.3}


def _compared(turns: Sequence[dict[str, Turn]]) -> list[Row]:
    note = f"median of {_ROUNDS} turns of {_REQUESTS} requests on 8 connections"
    rows = [
        Row(CASE, f"CPU of a request, {name}", median(turn[name].cpu for turn in turns) * 1e6, "us", note=note)
        for name in turns[0]
    ]
    for name, most in _GOALS.items():
        goal = Goal("at most", most)
        rows += [
            _ratio(turns, "CPU", name, _BARE, _cpu, goal),
            _ratio(turns, "CPU", name, "/health", _cpu, note="/health stands before limits and wall"),
            _ratio(turns, "CPU", name, _PEER, _cpu),
        ]
        for other in (_BARE, _PEER):
            rows.append(_ratio(turns, "requests/s", name, other, lambda turn: turn.load.rate))
            rows += [
                _ratio(turns, f"p{share * 100:.0f}", name, other, functools.partial(_quantile, share))
                for share in (0.5, 0.95, 0.99)
            ]
    return rows


def _cpu(turn: Turn) -> float:
    return turn.cpu


def _quantile(share: float, turn: Turn) -> float:
    return turn.load.quantile(share)


def _ratio(
    turns: Sequence[dict[str, Turn]],
    what: str,
    name: str,
    other: str,
    value: Callable[[Turn], float],
    goal: Goal | None = None,
    note: str = "",
) -> Row:
    found = median(value(turn[name]) / value(turn[other]) for turn in turns)
    return Row(CASE, f"{what}, {name}, over {other}", found, "", goal=goal, note=note)
