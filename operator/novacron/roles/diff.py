"""``novacron diff``: the plan that a pass would make, against the live cluster, without writing."""

from __future__ import annotations

from typing import Any

import click
import orjson

from novacron.adapters import discovery
from novacron.adapters.kube import Kube, NotFound
from novacron.core import drift, kinds, labels
from novacron.core.manifest import Manifest, at, ref
from novacron.core.plan import Apply, Delete, Refuse, Scale, Scrub, Step, plan
from novacron.roles.connection import cluster_options, connected
from novacron.roles.console import REFUSED, resource
from novacron.stack import gather
from novacron.stack.desired import wanted


@click.command()
@click.option("-f", "--file", "path", required=True, help="File with a NovaCron; - for standard input.")
@click.option("-o", "--output", type=click.Choice(["text", "json"]), default="text", show_default=True)
@click.option(
    "--operator-namespace", default=labels.OPERATOR_NAMESPACE, show_default=True, help="Where the operator runs."
)
@cluster_options
def diff(path: str, output: str, operator_namespace: str, kubeconfig: str, context: str) -> None:
    """Show what applying a resource would change in the cluster: names of fields, never the values of secrets.

    Exit code 1 when something would change.

    Example: novacron diff -f novacron.yaml --context staging
    """
    body, parsed = resource(path)

    async def work(kube: Kube, _namespace: str) -> list[dict[str, Any]]:
        namespace, name = parsed.metadata.namespace, parsed.metadata.name
        capabilities = await discovery.capabilities(kube, operator_namespace)
        try:
            live = await kube.get(kinds.NOVACRON, namespace, name)
        except NotFound:
            live = {}
        owned = parsed.model_copy(
            update={"metadata": parsed.metadata.model_copy(update={"uid": at(live, "metadata", "uid", default="")})}
        )
        snapshot = await gather.snapshot(kube, namespace, name, capabilities, lambda _kind: True)
        target = wanted(owned, capabilities, snapshot.children)
        absent = {ref(manifest) for manifest in target.manifests} - snapshot.children.keys()
        taken = await gather.taken(kube, namespace, absent, snapshot.around)
        steps = plan(target, snapshot.children, taken, owned.metadata.uid, undisturbed=False)
        return [*_resource_changes(body, live), *(_described(step) for step in steps if not isinstance(step, Scale))]

    changes = connected(kubeconfig, context, work)
    if output == "json":
        click.echo(orjson.dumps(changes, option=orjson.OPT_INDENT_2))
    else:
        for change in changes:
            fields = f": {', '.join(change['fields'])}" if change["fields"] else ""
            click.echo(f"{change['action']:<8} {change['object']}{fields}")
        click.echo(f"{len(changes)} objects would change" if changes else "nothing would change", err=True)
    if changes:
        raise SystemExit(REFUSED)


def _resource_changes(body: Manifest, live: Manifest) -> list[dict[str, Any]]:
    name = f"{labels.KIND}/{body['metadata']['name']}"
    if not live:
        return [{"action": "create", "object": name, "fields": []}]
    fields = drift.changed({"spec": body.get("spec", {})}, live)
    return [{"action": "change", "object": name, "fields": fields}] if fields else []


def _described(step: Step) -> dict[str, Any]:
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
