"""``novacron status``: what the operator says of a resource, and what to do next."""

from __future__ import annotations

import asyncio
from typing import Any, NoReturn

import click
import orjson
from rich.table import Table
from rich.text import Text

from novacron.adapters.kube import ApiError, Expired, Failed, Kube, Unreachable
from novacron.core import conditions, kinds, labels
from novacron.core.manifest import Manifest, at
from novacron.roles import console
from novacron.roles.connection import cluster_options, connected
from novacron.roles.console import REFUSED, printing
from novacron.roles.leftovers import kept_keys, leftovers
from novacron.roles.novacrons import novacrons
from novacron.roles.terminal import print_table, terminal

_SIMULATED = "kwok.x-k8s.io/node"
_BAD_WHEN_TRUE = frozenset({conditions.RECONCILING, conditions.STALLED, conditions.PAUSED, conditions.DRIFTED})
_LOOK_SECONDS = 1.0


@click.command()
@click.argument("name", default="")
@console.namespace
@click.option("--watch", is_flag=True, help="Show every change until interrupted.")
@console.output
@cluster_options
def status(name: str, namespace: str, watch: bool, output: str, kubeconfig: str, context: str) -> None:
    """Show conditions, workloads and what to do next. Exit code 1 unless everything is Ready.

    \b
    Example: novacron status novacron -n novacron --watch
    """

    async def work(kube: Kube, own_namespace: str) -> bool:
        where = namespace or own_namespace
        found = await _look(kube, where, name)
        _show(found, output)
        if watch:
            await _follow(kube, where, name, output, found)
        return bool(found["resources"]) and all(item["ready"] for item in found["resources"])

    try:
        ready = connected(kubeconfig, context, work)
    except KeyboardInterrupt:
        if watch:
            return
        raise
    if not ready:
        raise SystemExit(REFUSED)


async def _follow(kube: Kube, namespace: str, name: str, output: str, found: dict[str, Any]) -> NoReturn:
    """Shows every change; a cluster that falls silent is waited for."""
    shown: dict[str, Any] | None = found
    told = ""
    while True:
        await asyncio.sleep(_LOOK_SECONDS)
        try:
            found = await _look(kube, namespace, name)
        except (Unreachable, Failed, Expired) as error:
            problem = " ".join(str(error).split())
            if problem != told:
                click.echo(f"novacron: {problem}; still watching", err=True)
            shown, told = None, problem  # whatever comes after the silence is worth showing
            continue
        told = ""
        if found != shown:
            _show(found, output)
        shown = found


async def _look(kube: Kube, namespace: str, name: str) -> dict[str, Any]:
    present = await novacrons(kube, namespace)
    names = [item["metadata"]["name"] for item in present]
    return {
        "namespace": namespace,
        "resources": [_summary(body) for body in present if name in ("", body["metadata"]["name"])],
        "others": [other for other in names if name not in ("", other)],
        "simulated": await _simulated(kube),
        "leftovers": await leftovers(kube, namespace, set(names)),
        "kept": [] if names else await kept_keys(kube, namespace),
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


def _show(found: dict[str, Any], output: str) -> None:
    with printing():
        if output == "json":
            click.echo(orjson.dumps(found))
        else:
            _print(found)


def _print(found: dict[str, Any]) -> None:
    """Values go out as they are: what stands in brackets is no markup."""
    screen = terminal()
    if not found["resources"]:
        others = f" of that name; there is {', '.join(found['others'])}" if found["others"] else ""
        screen.print(f"No NovaCron in namespace {found['namespace']}{others}.")
    for item in found["resources"]:
        title = (f"{labels.KIND}/{item['name']}", "bold")
        screen.print(Text.assemble(title, f" {item['version']} in {found['namespace']}"))
        print_table(screen, _table(item["conditions"]))
        for part in item["components"]:
            screen.print(f"  {part['name']}: {part['ready']} of {part['desired']} ready, {part['image']}")
        screen.print(f"Next: {item['next']}")
    if found["simulated"]:
        screen.print("All nodes are simulated: Ready speaks of API objects, no process runs.")
    for leftover in found["leftovers"]:
        screen.print(f"Left over from a deleted NovaCron: {leftover}")
    for kept in found["kept"]:
        screen.print(f"Kept for the next NovaCron: {kept}")


def _table(found: list[Manifest]) -> Table:
    table = Table(box=None, pad_edge=False)
    for column in ("Condition", "Status", "Reason", "Message"):
        table.add_column(column, overflow="fold")
    for condition in found:
        bad = (condition["status"] == "True") == (condition["type"] in _BAD_WHEN_TRUE)
        colour = "yellow" if condition["status"] == "Unknown" else "red" if bad else "green"
        cells = [Text(condition[key]) for key in ("type", "status", "reason", "message")]
        cells[1].stylize(colour)
        table.add_row(*cells)
    return table
