"""``novacron diff``: the plan that a pass would make, against the live cluster, without writing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import click
import orjson

from novacron.adapters import discovery
from novacron.adapters.kube import Kube
from novacron.api.v1alpha1 import NovaCron
from novacron.auth.desired import NO_KEYS
from novacron.core import drift, kinds, labels, names
from novacron.core.manifest import Manifest, Ref, at, ref
from novacron.core.plan import Apply, Delete, Refuse, Scale, Scrub, Step, plan
from novacron.roles import applied, console
from novacron.roles.connection import cluster_options, connected
from novacron.roles.console import REFUSED
from novacron.roles.given import resource
from novacron.roles.novacrons import novacrons
from novacron.stack import gather, migration, sizing
from novacron.stack.desired import wanted
from novacron.workload.paths import JWKS_FILE

Change = dict[str, Any]


@click.command()
@console.file
@console.output
@console.operator_namespace
@cluster_options
def diff(path: str, output: str, operator_namespace: str, kubeconfig: str, context: str) -> None:
    """Show what applying a resource would change in the cluster: names of fields, never the values of secrets.

    A minus stands before a field that would be removed. Exit code 1 when something would change.

    \b
    Example: novacron diff -f novacron.yaml --context staging
    """
    body, parsed = resource(path)

    async def work(kube: Kube, _namespace: str) -> list[Change]:
        present = await novacrons(kube, parsed.metadata.namespace)
        live = next((item for item in present if item["metadata"]["name"] == parsed.metadata.name), {})
        changes = _resource_changes(body, parsed, live)
        holder = _holder(present, live)
        if holder is not live:
            return [*changes, _refused(parsed, holder)]
        return [*changes, *await _children_changes(kube, parsed, live, operator_namespace)]

    changes = connected(kubeconfig, context, work)
    with console.printing():
        _print(changes, output)
    if changes:
        raise SystemExit(REFUSED)


def _print(changes: list[Change], output: str) -> None:
    if output == "json":
        click.echo(orjson.dumps(changes, option=orjson.OPT_INDENT_2))
        return
    for change in changes:
        fields = f": {', '.join(change['fields'])}" if change["fields"] else ""
        click.echo(f"{change['action']:<8} {change['object']}{fields}")
    click.echo(f"{len(changes)} objects would change" if changes else "nothing would change", err=True)


def _resource_changes(body: Manifest, parsed: NovaCron, live: Manifest) -> list[Change]:
    name = f"{labels.KIND}/{parsed.metadata.name}"
    if not live:
        return [{"action": "create", "object": name, "fields": []}]
    fields = applied.fields(body, parsed, live)
    return [{"action": "change", "object": name, "fields": fields}] if fields else []


def _holder(present: Sequence[Manifest], live: Manifest) -> Manifest:
    """The NovaCron that came first in the namespace: the operator serves that one alone."""
    return min(present, key=lambda item: (item["metadata"]["creationTimestamp"], item["metadata"]["uid"]), default=live)


def _refused(parsed: NovaCron, holder: Manifest) -> Change:
    reason = (
        f"{labels.KIND}/{holder['metadata']['name']} came first in namespace {parsed.metadata.namespace}, which holds "
        "one: no child would be written until that one is deleted"
    )
    return {"action": "refuse", "object": f"{labels.KIND}/{parsed.metadata.name}", "fields": [reason]}


async def _children_changes(kube: Kube, parsed: NovaCron, live: Manifest, operator_namespace: str) -> list[Change]:
    namespace, name = parsed.metadata.namespace, parsed.metadata.name
    capabilities = await discovery.capabilities(kube, operator_namespace)
    metadata = parsed.metadata.model_copy(update={"uid": at(live, "metadata", "uid", default="")})
    owned = parsed.model_copy(update={"metadata": metadata})
    snapshot = await gather.snapshot(kube, namespace, name, capabilities, lambda _kind: True)
    limit = sizing.limit(owned, live, snapshot.around)  # as learned: the cluster's state, like the keys
    complete = wanted(owned, capabilities, snapshot.children, _shown_keys(owned, snapshot.children), limit)
    target = migration.with_jobs(complete, owned, snapshot.children)
    absent = {ref(manifest) for manifest in target.manifests} - snapshot.children.keys()
    taken = await gather.taken(kube, namespace, absent, snapshot.around)
    steps = plan(target, snapshot.children, taken, owned.metadata.uid, undisturbed=False)
    return [_described(step) for step in steps if not isinstance(step, Scale)]


def _shown_keys(resource: NovaCron, children: Mapping[Ref, Manifest]) -> str:
    """The key set as it is: only the operator can tell what it is to be."""
    name = names.jwks(resource.metadata.name)
    shown = children.get(Ref(kinds.CONFIG_MAP.kind, resource.metadata.namespace, name))
    return str(at(shown, "data", JWKS_FILE, default=NO_KEYS))


def _described(step: Step) -> Change:
    match step:
        case Apply(cause="created"):
            return {"action": "create", "object": str(step.ref), "fields": []}
        case Apply():
            return {"action": "change", "object": str(step.ref), "fields": list(step.fields)}
        case Scrub():
            return {
                "action": "change",
                "object": str(step.ref),
                "fields": ["-" + drift.pointer(path) for path in step.additions],
            }
        case Delete():
            return {"action": "delete", "object": str(step.ref), "fields": []}
        case Refuse():
            return {"action": "refuse", "object": str(step.ref), "fields": ["belongs to somebody else"]}
        case Scale():
            return {"action": "scale", "object": str(step.ref), "fields": ["spec.replicas"]}
