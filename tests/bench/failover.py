"""How long nothing is repaired after the leader dies: SIGKILL of it, until its standby has put a deleted child back."""

from __future__ import annotations

import asyncio
import time
from statistics import median

from novacron.core import kinds
from novacron.core.manifest import Manifest
from tests.bench.report import Goal, Row
from tests.bench.server import Bench, apply_all, kinds_of, resource
from tests.support.controlplane.progress import say

CASE = "failover"
_TIMES = 3
_CHILD = "novacron-jwks"
_EVERY = 0.05
_SECONDS = 60


async def run(bench: Bench) -> list[Row]:
    (namespace,) = await bench.namespaces(1)
    expected = await bench.counts() + kinds_of(bench.children(namespace))
    seconds: list[float] = []
    leader, standby = bench.operator("failover-1"), bench.operator("failover-2")
    with leader, standby:
        for operator in (leader, standby):
            await asyncio.to_thread(operator.until_ready)
        await apply_all(bench.kube, [resource(namespace)])
        await bench.until_there(expected, _SECONDS, _EVERY)
        for number in range(_TIMES):
            if not leader.leads():
                leader, standby = standby, leader
            await asyncio.to_thread(leader.until_leading)
            await asyncio.to_thread(leader.kill)
            started = time.monotonic()
            await _deleted(bench, namespace)
            await _returned(bench, namespace)
            seconds.append(time.monotonic() - started)
            say(f"failover: {number + 1} of {_TIMES}: {seconds[-1]:.1f} s")
            await asyncio.to_thread(leader.start().until_ready)
    note = (
        f"from SIGKILL until a deleted child is back; of {_TIMES} times: {', '.join(f'{one:.1f}' for one in seconds)} s"
    )
    return [
        Row(CASE, "the other acts, longest", max(seconds), "s", 1, Goal("at most", 20), note),
        Row(CASE, "the other acts, median", median(seconds), "s", 1),
    ]


async def _child(bench: Bench, namespace: str) -> Manifest | None:
    page = await bench.kube.list(kinds.CONFIG_MAP, namespace, metadata_only=True)
    return next((item for item in page.items if item["metadata"]["name"] == _CHILD), None)


async def _deleted(bench: Bench, namespace: str) -> None:
    child = await _child(bench, namespace)
    assert child is not None
    await bench.kube.delete(kinds.CONFIG_MAP, namespace, _CHILD, child["metadata"]["uid"])


async def _returned(bench: Bench, namespace: str) -> None:
    async with asyncio.timeout(_SECONDS):
        while await _child(bench, namespace) is None:  # noqa: ASYNC110 - another process writes
            await asyncio.sleep(_EVERY)
