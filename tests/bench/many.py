"""Many resources at once: speed of writing, memory, and what an unchanged resource costs, from one run each size.

The operator runs, idle and leading, in an API server with fresh namespaces; then all NovaCrons are created, 32 at a
time, and the clock goes from the first request until the last child exists. So their creation, the operator's reading,
its status and its events are in its time; that is the hardest of the possible clocks, and what a person would see. A
second ratio takes off what the creations alone take, measured while no operator runs: that work is the user's.

The other side is the raw rate: the same manifests, prepared beforehand, applied server-side by the same client to fresh
namespaces, nothing else running; at several concurrencies, before and after, and the best counts. Raw objects carry
another managed-by label of the same length: no watch selects them, so they are not in the operator's memory.

On a machine that others use, wall time is luck; so the CPU of a child (API server, etcd and writer) is given as well.

Nothing makes pods here, so a resource would be awaited for ever; ``settle`` then plays the controllers, because the
cost of an unchanged resource is meant for one that is Ready.
"""

from __future__ import annotations

import asyncio
import os

from novacron.core import kinds
from tests.bench.cost import Cost, measured
from tests.bench.counters import look
from tests.bench.facts import peak, resident
from tests.bench.report import Goal, Row
from tests.bench.server import CONCURRENCY, Bench, apply_all, kinds_of, resource
from tests.bench.settle import settle, until_ready
from tests.bench.unchanged import unchanged
from tests.support.controlplane.progress import say
from tests.support.operator_process import OperatorProcess

CASE = "many"
_CONCURRENCIES = (8, 16, 32, 64)
_RAW_RESOURCES = 100
"""Resources' worth of children of a raw sample at the best concurrency; a trial at each takes a fifth of them."""
_EVERY = 0.1
_SECONDS_A_RESOURCE = 5.0
_GOAL = Goal("at least", 0.8)


async def run(bench: Bench, count: int) -> list[Row]:
    """All rows of one size."""
    sample = min(count, _RAW_RESOURCES)
    trials = [(await _raw(bench, max(sample // 5, 2), number), number) for number in (CONCURRENCY, *_CONCURRENCIES)]
    best = max((_rate(bench, trial, max(sample // 5, 2)), number) for trial, number in trials[1:])[1]
    raws = [await _raw(bench, sample, best)]
    creation = await _creation(bench, sample)
    with bench.operator(f"many-{count}") as operator:
        await asyncio.to_thread(operator.until_leading)
        await asyncio.to_thread(operator.until_ready)
        idle = Row("memory", "operator idle, no resource", resident(operator.pid), "MB")
        rows = await _first(bench, operator)
        cost, asked = await _created(bench, operator, count)
        rows += await _rest(bench, operator, count)
        await asyncio.to_thread(operator.stop)
    raws.append(await _raw(bench, sample, best))
    return [*_compared(bench, count, cost, asked, raws, sample, best, creation), idle, *rows]


def _compared(
    bench: Bench, count: int, cost: Cost, asked: str, raws: list[Cost], sample: int, best: int, creation: Cost
) -> list[Row]:
    """The operator against the raw rate.

    Args:
        creation: of ``sample`` NovaCrons, by itself.
    """
    each = _each(bench)
    rates = [_rate(bench, raw, sample) for raw in raws]
    raw = raws[rates.index(max(rates))]
    rate = _rate(bench, cost, count)
    alone = creation.seconds / sample
    without = each * count / max(cost.seconds - alone * count, 1e-9)
    listed = " and ".join(
        f"{value:.0f}/s with {cost.share():.1f} cores" for value, cost in zip(rates, raws, strict=True)
    )
    cpu_raw, cpu = raw.each(each * sample), cost.each(each * count)
    made = f"{each * count:,} in {cost.seconds:.1f} s with {cost.share():.1f} cores; requests by then: {asked}"
    return [
        Row(CASE, "children of a resource", each, ""),
        Row(
            CASE,
            "raw server-side apply",
            max(rates),
            "/s",
            count,
            note=f"concurrency {best}; before and after: {listed}",
        ),
        Row(CASE, "children written by the operator", rate, "/s", count, note=made),
        Row(CASE, "operator over raw", rate / max(rates), "", count, _GOAL, "the NovaCrons' creation included"),
        Row(
            CASE,
            "operator over raw, creation taken off",
            without / max(rates),
            "",
            count,
            None,
            f"a NovaCron's creation by itself: {alone * 1000:.1f} ms",
        ),
        Row(CASE, "CPU of a child, raw", cpu_raw, "ms", count, note=raw.split(each * sample)),
        Row(CASE, "CPU of a child, operator", cpu, "ms", count, note=cost.split(each * count)),
        Row(CASE, "CPU of a NovaCron's creation", creation.each(sample), "ms", count, note=creation.split(sample)),
        Row(CASE, "raw over operator, in CPU", cpu_raw / cpu, "", count, note="the ratio on a machine of one's own"),
    ]


def _each(bench: Bench) -> int:
    return len(bench.children("bench-1"))


def _rate(bench: Bench, cost: Cost, resources: int) -> float:
    return _each(bench) * resources / cost.seconds


async def _raw(bench: Bench, resources: int, concurrency: int) -> Cost:
    manifests = [item for name in await bench.namespaces(resources) for item in bench.children(name)]
    with measured(bench.plane, os.getpid()) as cost:
        await apply_all(bench.kube, manifests, concurrency)
    say(f"many: raw, concurrency {concurrency}: {len(manifests)} objects, {len(manifests) / cost.seconds:.0f}/s")
    return cost


async def _creation(bench: Bench, count: int) -> Cost:
    """So many NovaCrons created while no operator runs; they are deleted again."""
    resources = [resource(name) for name in await bench.namespaces(count)]
    with measured(bench.plane, os.getpid()) as cost:
        await apply_all(bench.kube, resources)
    for item in (await bench.kube.list(kinds.NOVACRON, metadata_only=True)).items:
        meta = item["metadata"]
        await bench.kube.delete(kinds.NOVACRON, meta["namespace"], meta["name"], meta["uid"])
    return cost


async def _first(bench: Bench, operator: OperatorProcess) -> list[Row]:
    """An unchanged resource when it is the only one."""
    (namespace,) = await bench.namespaces(1)
    await apply_all(bench.kube, [resource(namespace)])
    await settle(bench, [namespace])
    await until_ready(operator, 1)
    return await unchanged(bench, operator, [namespace], 1)


async def _created(bench: Bench, operator: OperatorProcess, count: int) -> tuple[Cost, str]:
    """``count`` resources at once: what it cost, and what was asked of the API server."""
    namespaces = await bench.namespaces(count)
    expected = await bench.counts()
    for kind, number in kinds_of(bench.children(namespaces[0])).items():
        expected[kind] += number * count
    before = look(operator)
    with measured(bench.plane, operator.pid) as cost:
        async with asyncio.TaskGroup() as group:
            group.create_task(apply_all(bench.kube, [resource(name) for name in namespaces]))
            progress = group.create_task(_progress(operator))
            await bench.until_there(expected, 60 + count * _SECONDS_A_RESOURCE, _EVERY)
            cost.stop()
            progress.cancel()
    say(f"many: {count} resources in {cost.seconds:.1f} s, {_rate(bench, cost, count):.0f} children/s")
    return cost, str(look(operator).since(before))


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
