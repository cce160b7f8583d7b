"""Plays the controllers once: Jobs done, workloads available, stores valid, secrets synced. Writes status alone."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

from novacron.core import conditions, kinds
from novacron.core.manifest import Kind, Manifest
from tests.bench.counters import look, ready
from tests.bench.server import CONCURRENCY, Bench
from tests.support import jobs
from tests.support.controlplane.progress import say
from tests.support.operator_process import OperatorProcess
from tests.support.waiting import until

_MANAGER = "bench"
_PLAYED = (kinds.DEPLOYMENT, kinds.SECRET_STORE, kinds.EXTERNAL_SECRET)
_SECONDS = 60.0
_SECONDS_A_RESOURCE = 2.0
_QUIET_LOOKS = 3


async def settle(bench: Bench, namespaces: Sequence[str]) -> None:
    """Waits for the end of the first pass over each resource, then reports on its children.

    The Deployments of auth and query come with a second pass, once the Job has succeeded.
    """
    say(f"playing the controllers of {len(namespaces)} resources")
    waiting = iter(namespaces)

    async def worker() -> None:
        for namespace in waiting:
            await _until(bench, namespace, _examined)
            await play(namespace, kinds.JOB)
            await _until(bench, namespace, _migrated)
            for kind in _PLAYED:
                await play(namespace, kind)

    async def play(namespace: str, kind: Kind) -> None:
        for item in (await bench.kube.list(kind, namespace)).items:
            await bench.kube.apply_status(kind, _status(kind, item), manager=_MANAGER)

    async with asyncio.TaskGroup() as group:
        for _ in range(min(CONCURRENCY, len(namespaces))):
            group.create_task(worker())


async def _until(bench: Bench, namespace: str, holds: Callable[[Manifest], bool]) -> None:
    """Status is the last thing that a pass writes; before that a Deployment's replicas may still change."""
    async with asyncio.timeout(_SECONDS):
        while True:
            if holds(await bench.kube.get(kinds.NOVACRON, namespace, "novacron")):
                return
            await asyncio.sleep(0.1)


def _examined(body: Manifest) -> bool:
    return bool(body["status"]["observedGeneration"] == body["metadata"]["generation"])


def _migrated(body: Manifest) -> bool:
    found = {item["type"]: item["status"] for item in body["status"]["conditions"]}
    return bool(found[conditions.SCHEMA_CURRENT] == "True")


def _status(kind: Kind, item: Manifest) -> Manifest:
    meta = item["metadata"]
    status: dict[str, Any]
    if kind == kinds.DEPLOYMENT:
        pods = item["spec"]["replicas"]
        names = ("replicas", "updatedReplicas", "readyReplicas", "availableReplicas")
        status = {"observedGeneration": meta["generation"], **dict.fromkeys(names, pods)}
    elif kind == kinds.JOB:
        status = jobs.complete()
    else:
        ready = {"type": "Ready", "status": "True", "reason": "Valid", "message": "played by the bench"}
        status = {"conditions": [ready | {"lastTransitionTime": "2026-01-01T00:00:00Z"}]}
    identity = {"name": meta["name"], "namespace": meta["namespace"]}
    return {"apiVersion": kind.api_version, "kind": kind.kind, "metadata": identity, "status": status}


async def until_ready(operator: OperatorProcess, count: int) -> None:
    """Until so many resources are Ready by the operator's word, and it has made no pass for two seconds."""
    seconds = 60 + count * _SECONDS_A_RESOURCE
    await asyncio.to_thread(
        until, lambda: ready(operator.metrics()) >= count, f"{count} resources are Ready", seconds, 1.0
    )
    say(f"{count} Ready; waiting until the operator rests")
    seen: list[float] = []

    def rests() -> bool:
        seen.append(look(operator).passes)
        return seen[-_QUIET_LOOKS:] == [seen[-1]] * _QUIET_LOOKS

    await asyncio.to_thread(until, rests, "the operator rests", seconds, 0.7)
