"""What a pass over an unchanged, Ready resource costs: requests and milliseconds, by the operator's own metrics.

A pass is asked for by an annotation on the NovaCron, which changes nothing that the operator sets.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from novacron.core import kinds
from tests.bench.counters import look
from tests.bench.report import Row
from tests.bench.server import Bench
from tests.support.operator_process import OperatorProcess
from tests.support.waiting import until

CASE = "unchanged"
_PASSES = 20
_PACE = 0.4
"""Seconds between two touches: each pass runs alone, and no look at the metrics disturbs it."""
_MANAGER = "bench"


async def unchanged(bench: Bench, operator: OperatorProcess, namespaces: Sequence[str], present: int) -> list[Row]:
    """Mean of twenty passes, one at a time, over resources that rest among ``present`` ones."""
    start = look(operator)
    for number in range(_PASSES):
        await _touch(bench, namespaces[number % len(namespaces)], str(number))
        await asyncio.sleep(_PACE)
    await asyncio.to_thread(until, lambda: look(operator).passes >= start.passes + _PASSES, "all passes", 30, 0.5)
    spent = look(operator).since(start)
    note = f"mean of {spent.passes:.0f} passes: {spent}"
    return [
        Row(CASE, "requests of a pass", spent.calls / spent.passes, "", present, note=note),
        Row(CASE, "length of a pass", spent.seconds / spent.passes * 1000, "ms", present),
    ]


async def _touch(bench: Bench, namespace: str, text: str) -> None:
    meta = {"name": "novacron", "namespace": namespace, "annotations": {"example.com/touched": text}}
    body = {"apiVersion": kinds.NOVACRON.api_version, "kind": kinds.NOVACRON.kind, "metadata": meta}
    await bench.kube.apply(kinds.NOVACRON, body, manager=_MANAGER)
