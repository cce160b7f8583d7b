"""``novacron status``: what the operator says of a resource, and what to do next."""

from __future__ import annotations

import asyncio
from typing import Any

import click
import orjson
from rich.console import Console
from rich.table import Table

from novacron.adapters.kube import ApiError, Kube
from novacron.core import conditions, kinds, labels
from novacron.core.manifest import Manifest, at
from novacron.roles.connection import cluster_options, connected
from novacron.roles.console import REFUSED
from novacron.roles.leftovers import leftovers

_SIMULATED = "kwok.x-k8s.io/node"
_BAD_WHEN_TRUE = frozenset({conditions.RECONCILING, conditions.STALLED, conditions.PAUSED, conditions.DRIFTED})


@click.command()
@click.argument("name", default="")
@click.option("-n", "--namespace", default="", help="Default: the context's.")
@click.option("--watch", is_flag=True, help="Show every change until interrupted.")
@click.option("-o", "--output", type=click.Choice(["text", "json"]), default="text", show_default=True)
@cluster_options
def status(name: str, namespace: str, watch: bool, output: str, kubeconfig: str, context: str) -> None:
    """Show conditions, workloads and what to do next. Exit code 1 unless everything is Ready.

    Example: novacron status novacron -n novacron --watch
    """

    async def work(kube: Kube, own_namespace: str) -> bool:
        shown: Any = None
        while True:
            found = await _look(kube, namespace or own_namespace, name)
            if found != shown:
                click.echo(orjson.dumps(found)) if output == "json" else _print(found)
            shown = found
            if not watch:
                return bool(found["resources"]) and all(item["ready"] for item in found["resources"])
            await asyncio.sleep(1)

    try:
        ready = connected(kubeconfig, context, work)
    except KeyboardInterrupt:
        return
    if not ready:
        raise SystemExit(REFUSED)


async def _look(kube: Kube, namespace: str, name: str) -> dict[str, Any]:
    page = await kube.list(kinds.NOVACRON, namespace)
    bodies = [item for item in page.items if not name or item["metadata"]["name"] == name]
    return {
        "namespace": namespace,
        "resources": [_summary(body) for body in bodies],
        "simulated": await _simulated(kube),
        "leftovers": await leftovers(kube, namespace, {item["metadata"]["name"] for item in page.items}),
    }


def _summary(body: Manifest) -> dict[str, Any]:
    found = at(body, "status", "conditions", default=[])
    ready: Manifest = next((item for item in found if item["type"] == conditions.READY), {})
    observed = at(body, "status", "observedGeneration", default=-1) == body["metadata"]["generation"]
    return {
        "name": body["metadata"]["name"],
        "ready": ready.get("status") == "True" and observed,
        "observed": observed,
        "version": at(body, "status", "version", default=""),
        "conditions": found,
        "components": at(body, "status", "components", default=[]),
        "next": _next(found, observed),
    }


def _next(found: list[Manifest], observed: bool) -> str:
    by_type = {item["type"]: item for item in found}
    if not found:
        return "No operator has seen this resource: check that it runs (kubectl -n novacron-system get pods)"
    for type_, lead in (
        (conditions.STALLED, "Needs you"),
        (conditions.PAUSED, "Paused"),
        (conditions.RECONCILING, "Wait"),
    ):
        if at(by_type, type_, "status") == "True":
            return f"{lead}: {by_type[type_]['message']}"
    if not observed:
        return "Wait: the operator has not seen the latest change yet"
    doubtful = [item["type"] for item in found if item["status"] == "False" and item["type"] not in _BAD_WHEN_TRUE]
    return f"Nothing is urgent; worth a look: {', '.join(doubtful)}" if doubtful else "Nothing: all is well"


async def _simulated(kube: Kube) -> bool:
    """Whether every node is simulated; False where nodes may not be read."""
    try:
        page = await kube.list(kinds.NODE, metadata_only=True)
    except ApiError:
        return False
    return bool(page.items) and all(_SIMULATED in item["metadata"].get("annotations", {}) for item in page.items)


def _print(found: dict[str, Any]) -> None:
    console = Console(highlight=False)
    if not found["resources"]:
        console.print(f"No NovaCron in namespace {found['namespace']}.")
    for item in found["resources"]:
        console.print(f"[bold]{labels.KIND}/{item['name']}[/bold] {item['version']} in {found['namespace']}")
        table = Table(box=None, pad_edge=False)
        for column in ("Condition", "Status", "Reason", "Message"):
            table.add_column(column, overflow="fold")
        for condition in item["conditions"]:
            bad = (condition["status"] == "True") == (condition["type"] in _BAD_WHEN_TRUE)
            colour = "yellow" if condition["status"] == "Unknown" else "red" if bad else "green"
            status_text = f"[{colour}]{condition['status']}[/{colour}]"
            table.add_row(condition["type"], status_text, condition["reason"], condition["message"])
        console.print(table)
        for part in item["components"]:
            console.print(f"  {part['name']}: {part['ready']} of {part['desired']} ready, {part['image']}")
        console.print(f"Next: {item['next']}", markup=False)
    if found["simulated"]:
        console.print("All nodes are simulated: Ready speaks of API objects, no process runs.")
    for leftover in found["leftovers"]:
        console.print(f"Left over from a deleted NovaCron: {leftover}")
