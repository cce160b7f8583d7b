"""Many resources at once: speed of writing, memory, and what an unchanged resource costs, from one run each size.

The operator runs, idle and leading, in an API server with fresh namespaces; then all NovaCrons are created, 32 at a
time, and the clock goes from the first request until the last child exists. So their creation, the operator's reading,
its status and its events are in its time; that is the hardest of the possible clocks, and what a person would see. A
second ratio takes off what the creations alone take, measured while no operator runs: that work is the user's.

The other side is the raw rate: the same manifests, prepared beforehand, applied server-side by the same client to fresh
namespaces, nothing else running; at the best of several concurrencies, before and after. Raw objects carry
another managed-by label of the same length: no watch selects them, so they are not in the operator's memory.

On a machine that others use, wall time is luck; so the CPU of a child (API server, etcd and writer) is given as well.

Nothing makes pods here, so a resource would be awaited for ever; ``settle`` then plays the controllers, because the
cost of an unchanged resource is meant for one that is Ready.
"""

from __future__ import annotations

import asyncio
import os

from novacron.core import kinds
from tests.bench.compare import Stretch, compared
from tests.bench.cost import measured
from tests.bench.counters import look
from tests.bench.facts import peak, resident
from tests.bench.report import Goal, Row
from tests.bench.server import CONCURRENCY, Bench, apply_all, kinds_of, resource
from tests.bench.settle import settle, until_ready
from tests.bench.unchanged import unchanged
from tests.support.controlplane.progress import say
from tests.support.operator_process import OperatorProcess

_CONCURRENCIES = (8, 16, 32, 64)
_RAW_RESOURCES = 100
"""Resources' worth of children of a raw sample at the best concurrency; a trial at each takes a fifth of them."""
_EVERY = 0.1
_SECONDS_A_RESOURCE = 5.0


async def run(bench: Bench, count: int) -> list[Row]:
    """All rows of one size."""
    sample = min(count, _RAW_RESOURCES)
    best = await _best(bench, max(sample // 5, 2))
    before, creation = await _raw(bench, sample, best), await _creation(bench, sample)
    with bench.operator(f"many-{count}") as operator:
        await asyncio.to_thread(operator.until_leading)
        await asyncio.to_thread(operator.until_ready)
        rows = [Row("memory", "operator idle, no resource", resident(operator.pid), "MB")]
        rows += await _first(bench, operator)
        written, asked = await _created(bench, operator, count)
        rows += await _rest(bench, operator, count)
        await asyncio.to_thread(operator.stop)
    after = await _raw(bench, sample, best)
    return [*compared(count, written, (before, after), creation, best, asked), *rows]


async def _best(bench: Bench, resources: int) -> int:
    """The concurrency at which the raw side is fastest; the first trial only warms up."""
    await _raw(bench, resources, CONCURRENCY)
    trials = {concurrency: (await _raw(bench, resources, concurrency)).rate for concurrency in _CONCURRENCIES}
    return max(trials, key=lambda concurrency: trials[concurrency])


async def _raw(bench: Bench, resources: int, concurrency: int) -> Stretch:
    manifests = [item for name in await bench.namespaces(resources) for item in bench.children(name)]
    with measured(bench.plane, os.getpid()) as cost:
        await apply_all(bench.kube, manifests, concurrency)
    written = Stretch(len(manifests), cost)
    say(f"many: raw, concurrency {concurrency}: {written.objects} objects, {written}")
    return written


async def _creation(bench: Bench, count: int) -> Stretch:
    """So many NovaCrons created while no operator runs; they are deleted again."""
    resources = [resource(name) for name in await bench.namespaces(count)]
    with measured(bench.plane, os.getpid()) as cost:
        await apply_all(bench.kube, resources)
    for item in (await bench.kube.list(kinds.NOVACRON, metadata_only=True)).items:
        meta = item["metadata"]
        await bench.kube.delete(kinds.NOVACRON, meta["namespace"], meta["name"], meta["uid"])
    return Stretch(count, cost)


async def _first(bench: Bench, operator: OperatorProcess) -> list[Row]:
    """An unchanged resource when it is the only one."""
    (namespace,) = await bench.namespaces(1)
    await apply_all(bench.kube, [resource(namespace)])
    await settle(bench, [namespace])
    await until_ready(operator, 1)
    return await unchanged(bench, operator, [namespace], 1)


async def _created(bench: Bench, operator: OperatorProcess, count: int) -> tuple[Stretch, str]:
    """``count`` resources at once: what it cost, and what was asked of the API server."""
    namespaces = await bench.namespaces(count)
    expected, each = await bench.counts(), kinds_of(bench.children(namespaces[0]))
    for kind, number in each.items():
        expected[kind] += number * count
    before = look(operator)
    with measured(bench.plane, operator.pid) as cost:
        async with asyncio.TaskGroup() as group:
            group.create_task(apply_all(bench.kube, [resource(name) for name in namespaces]))
            progress = group.create_task(_progress(operator))
            await bench.until_there(expected, 60 + count * _SECONDS_A_RESOURCE, _EVERY)
            cost.stop()
            progress.cancel()
    written = Stretch(sum(each.values()) * count, cost)
    say(f"many: {count} resources in {cost.seconds:.1f} s, children: {written}")
    return written, str(look(operator).since(before))


async def _progress(operator: OperatorProcess) -> None:
    while True:
        await asyncio.sleep(10)
        seen = await asyncio.to_thread(look, operator)
        say(f"many: {seen.passes:.0f} passes, {seen.requests['apply']:.0f} applied, {resident(operator.pid):.0f} MB")


async def _rest(bench: Bench, operator: OperatorProcess, count: int) -> list[Row]:
    """Memory with everything there, and an unchanged resource among the others."""
    created = peak(operator.pid)
    page = await bench.kube.list(kinds.NOVACRON, metadata_only=True)
    namespaces = sorted(item["metadata"]["namespace"] for item in page.items)
    await settle(bench, namespaces)
    await until_ready(operator, count + 1)
    rows = await unchanged(bench, operator, namespaces[-10:], count)
    note = f"{created:.0f} MB when the last child existed; also while all became Ready"
    return [
        Row("memory", "operator, all Ready", resident(operator.pid), "MB", count),
        Row("memory", "operator, peak", peak(operator.pid), "MB", count, Goal("at most", 300), note),
        *rows,
    ]
