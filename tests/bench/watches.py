"""Two ways to see our children among foreign objects of their kind: kopf's watch, and the reflector's.

Foreign ConfigMaps as on a shared cluster, and those of some NovaCrons. Each way runs in a process of its own, through
a relay that counts what it receives; the clock goes from its first request until it has seen what it must see.
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
from asyncio.subprocess import PIPE
from pathlib import Path
from urllib.parse import urlsplit

from novacron.core import kinds
from novacron.core.manifest import Manifest
from tests.bench.facts import cpu_seconds, peak
from tests.bench.relay import relay
from tests.bench.report import Row
from tests.bench.server import Bench, apply_all
from tests.bench.watcher import WAYS
from tests.support.controlplane.process import last_lines
from tests.support.controlplane.progress import say

CASE = "watches"
_OURS = 20
"""NovaCrons whose ConfigMaps are there as well."""
_BYTES = 2000
_SECONDS = 180


async def run(bench: Bench, unrelated: int) -> list[Row]:
    say(f"watches: {unrelated} foreign ConfigMaps of {_BYTES} bytes")
    (shared,) = await bench.namespaces(1)
    await apply_all(bench.kube, (_foreign(shared, number) for number in range(unrelated)))
    ours = [
        item
        for namespace in await bench.namespaces(_OURS)
        for item in bench.children(namespace, baseline=False)
        if item["kind"] == kinds.CONFIG_MAP.kind
    ]
    await apply_all(bench.kube, ours)
    everything = await bench.count(kinds.CONFIG_MAP)
    rows = []
    for way in WAYS:
        rows += await _way(bench, way, everything if way == "kopf" else len(ours))
    return rows


async def _way(bench: Bench, way: str, count: int) -> list[Row]:
    port = urlsplit(bench.plane.url).port
    assert port is not None
    async with relay(port) as counter:
        kubeconfig = bench.plane.directory / f"{way}.kubeconfig"
        _write(kubeconfig, bench.plane.kubeconfig.read_text().replace(f":{port}", f":{counter.port}"))
        command = [sys.executable, "-m", "tests.bench.watcher", way, str(kubeconfig), str(count)]
        log = bench.plane.directory / f"{way}.log"
        with log.open("wb") as errors:
            process = await asyncio.create_subprocess_exec(*command, stdout=PIPE, stderr=errors)
        assert process.stdout is not None
        try:
            async with asyncio.timeout(_SECONDS):
                told = await process.stdout.readline()
            if not told:
                raise ChildProcessError(
                    f"the watcher {way} ended before it had seen {count} ConfigMaps: {last_lines(log)}"
                )
            memory, cpu = peak(process.pid), cpu_seconds(process.pid)
        finally:
            process.kill()
            await process.wait()
        seconds, received = json.loads(told)["seconds"], counter.received / 1e6
    say(f"watches: {way}: {received:.2f} MB in {seconds:.2f} s")
    note = f"{count} ConfigMaps seen"
    return [
        Row(CASE, f"{way}: received", received, "MB", note=note),
        Row(CASE, f"{way}: until all are seen", seconds, "s"),
        Row(CASE, f"{way}: CPU, with Python's start", cpu, "s"),
        Row(CASE, f"{way}: peak memory", memory, "MB"),
    ]


def _write(path: Path, text: str) -> None:
    path.write_text(text)
    path.chmod(0o600)


def _foreign(namespace: str, number: int) -> Manifest:
    text = random.Random(number).randbytes(_BYTES // 2).hex()  # compresses no better than real ones
    meta = {"name": f"foreign-{number}", "namespace": namespace, "labels": {"app": "foreign"}}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": {"text": text}}
