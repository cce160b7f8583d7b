"""One resource: from ``kubectl apply`` of a NovaCron until its last child exists, against kubectl alone.

Both clocks start with kubectl's start: a person types one line in either case. The other side is ``kubectl apply
--server-side`` of the very manifests in one file. Pairs in fresh namespaces, alternating who begins; the median.
"""

from __future__ import annotations

import asyncio
import time
from statistics import median

import yaml

from novacron.core.manifest import Manifest
from tests.bench.report import Goal, Row
from tests.bench.server import Bench, kinds_of, resource
from tests.support.controlplane.progress import say

CASE = "one"
_EVERY = 0.01
_SECONDS = 60


async def run(bench: Bench, pairs: int = 5) -> list[Row]:
    by_operator: list[float] = []
    by_kubectl: list[float] = []
    with bench.operator("one") as operator:
        await asyncio.to_thread(operator.until_leading)
        await asyncio.to_thread(operator.until_ready)
        for number in range(pairs + 1):
            sides = [_operator, _kubectl]
            for side in sides if number % 2 else sides[::-1]:
                (namespace,) = await bench.namespaces(1)
                seconds = await side(bench, namespace)
                if number:  # the first pair warms up both
                    (by_operator if side is _operator else by_kubectl).append(seconds)
            say(f"one: pair {number} of {pairs}")
        await asyncio.to_thread(operator.stop)
    ratio = median(mine / theirs for mine, theirs in zip(by_operator, by_kubectl, strict=True))
    note = f"median of {pairs} pairs"
    return [
        Row(CASE, "NovaCron applied until all children exist", median(by_operator), "s", 1, note=note),
        Row(CASE, "kubectl apply --server-side of the same manifests", median(by_kubectl), "s", 1, note=note),
        Row(CASE, "operator over kubectl", ratio, "", 1, Goal("at most", 1), note),
    ]


async def _operator(bench: Bench, namespace: str) -> float:
    expected = await bench.counts() + kinds_of(bench.children(namespace))
    started = time.monotonic()
    applying = asyncio.create_task(_apply(bench, [resource(namespace)]))
    await bench.until_there(expected, _SECONDS, _EVERY)
    seconds = time.monotonic() - started
    await applying
    return seconds


async def _kubectl(bench: Bench, namespace: str) -> float:
    manifests = bench.children(namespace)
    started = time.monotonic()
    await _apply(bench, manifests)
    return time.monotonic() - started


async def _apply(bench: Bench, manifests: list[Manifest]) -> None:
    text = yaml.dump_all(manifests, Dumper=yaml.CSafeDumper)
    await asyncio.to_thread(bench.plane.kubectl, "apply", "--server-side", "-f", "-", input=text)
