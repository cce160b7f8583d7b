"""``novacron doctor``: what a cluster has, what the caller may do, and what follows from each absence."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

import click
import orjson
from rich.console import Console

from novacron.adapters import discovery
from novacron.adapters.kube import ApiError, Forbidden, Kube, NotFound
from novacron.core import kinds, labels
from novacron.core.manifest import Kind
from novacron.roles.connection import cluster_options, connected
from novacron.roles.console import REFUSED
from novacron.roles.leftovers import leftovers

_OLDEST = (1, 31)
_METRICS = "/apis/metrics.k8s.io/v1beta1"
_CONSEQUENCES = {
    "external-secrets": (
        (kinds.SECRET_STORE, kinds.EXTERNAL_SECRET),
        "secrets.provider ExternalSecrets cannot work: install External Secrets 0.16 or newer, or use Existing",
    ),
    "gateway-api": (
        (kinds.HTTP_ROUTE,),
        "exposure.type Gateway cannot work: install Gateway API",
    ),
    "prometheus-operator": (
        (kinds.SERVICE_MONITOR, kinds.PROMETHEUS_RULE),
        "no ServiceMonitors, no alerts: install the Prometheus operator, or switch monitoring off",
    ),
}


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at."""

    name: str
    verdict: Literal["ok", "absent", "bad"]
    text: str


@click.command()
@click.option("-n", "--namespace", default="", help="Default: the context's.")
@click.option("-o", "--output", type=click.Choice(["text", "json"]), default="text", show_default=True)
@cluster_options
def doctor(namespace: str, output: str, kubeconfig: str, context: str) -> None:
    """Check neighbours, versions and rights of the cluster, and say what follows from each absence.

    Exit code 1 when something is bad; an optional neighbour that is absent is not.

    Example: novacron doctor -n novacron --context staging
    """
    checks = connected(kubeconfig, context, lambda kube, own: _examine(kube, namespace or own))
    if output == "json":
        click.echo(orjson.dumps([asdict(check) for check in checks], option=orjson.OPT_INDENT_2))
    else:
        console = Console(highlight=False)
        colours = {"ok": "green", "absent": "yellow", "bad": "red"}
        for check in checks:
            console.print(f"[{colours[check.verdict]}]{check.verdict:<7}[/] {check.name}: ", end="")
            console.print(check.text, markup=False)
    if any(check.verdict == "bad" for check in checks):
        raise SystemExit(REFUSED)


async def _examine(kube: Kube, namespace: str) -> list[Check]:
    found = await discovery.capabilities(kube, labels.OPERATOR_NAMESPACE)
    version = ".".join(map(str, found.server))
    checks = [
        Check("kubernetes", "ok", version)
        if found.server >= _OLDEST
        else Check("kubernetes", "bad", f"{version}: supported from {_OLDEST[0]}.{_OLDEST[1]} on")
    ]
    checks.append(await _definition(kube))
    for name, (wanted, consequence) in _CONSEQUENCES.items():
        served = found.kinds.issuperset(wanted)
        checks.append(Check(name, "ok", "served") if served else Check(name, "absent", consequence))
    checks.append(await _metrics(kube))
    absent = "autoscaling.requestsPerSecond is left out until an adapter lists pods/http_requests_per_second"
    checks.append(
        Check("custom metrics", "ok", "listed") if found.custom_metrics else Check("custom metrics", "absent", absent)
    )
    checks += [await _lease(kube), *await _rights(kube, namespace)]
    if checks[1].verdict == "ok":
        checks.append(await _leftovers(kube, namespace))
    return checks


async def _leftovers(kube: Kube, namespace: str) -> Check:
    try:
        living = {item["metadata"]["name"] for item in (await kube.list(kinds.NOVACRON, namespace)).items}
    except Forbidden as error:
        return Check("leftovers", "bad", f"not looked for: {error}")
    left = await leftovers(kube, namespace, living)
    text = f"{', '.join(left)}: held by a finalizer? kubectl get -o yaml shows it" if left else "none"
    return Check("leftovers", "bad" if left else "ok", text)


async def _definition(kube: Kube) -> Check:
    if await discovery.serves(kube, kinds.NOVACRON):
        return Check("novacron.io", "ok", labels.API_VERSION)
    return Check("novacron.io", "bad", "not installed: novacron crd | kubectl apply --server-side -f -")


async def _metrics(kube: Kube) -> Check:
    try:
        await kube.read(_METRICS)
    except ApiError:
        text = "autoscalers cannot read CPU and memory, so they stay at minReplicas: install metrics-server"
        return Check("resource metrics", "absent", text)
    return Check("resource metrics", "ok", "served")


async def _lease(kube: Kube) -> Check:
    try:
        lease = await kube.get(kinds.LEASE, labels.OPERATOR_NAMESPACE, labels.LEASE)
    except NotFound:
        return Check(
            "operator", "bad", f"no lease {labels.OPERATOR_NAMESPACE}/{labels.LEASE}: is the operator installed?"
        )
    except ApiError as error:
        return Check("operator", "bad", f"its lease cannot be read: {error}")
    holder = lease.get("spec", {}).get("holderIdentity", "")
    if not holder:
        return Check("operator", "bad", "nobody holds the lease: check the operator's pods and logs")
    return Check("operator", "ok", f"led by {holder}, renewed {lease['spec'].get('renewTime', 'never')}")


async def _rights(kube: Kube, namespace: str) -> list[Check]:
    """Whether the caller may do what a person does with a NovaCron."""
    checks = []
    for verb in ("get", "create", "patch"):
        allowed = await _allowed(kube, verb, kinds.NOVACRON, namespace)
        text = f"you may {verb} novacrons in {namespace}" if allowed else f"you may not {verb} novacrons in {namespace}"
        checks.append(Check("rights", "ok" if allowed else "absent", text))
    return checks


async def _allowed(kube: Kube, verb: str, kind: Kind, namespace: str) -> bool:
    review: dict[str, Any] = {
        "apiVersion": kinds.ACCESS_REVIEW.api_version,
        "kind": kinds.ACCESS_REVIEW.kind,
        "metadata": {},
        "spec": {
            "resourceAttributes": {"namespace": namespace, "verb": verb, "group": kind.group, "resource": kind.plural}
        },
    }
    answer = await kube.create(kinds.ACCESS_REVIEW, review)
    return bool(answer["status"]["allowed"])
