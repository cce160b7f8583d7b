"""``novacron doctor``: what a cluster has, what the caller may do, and what follows from each absence."""

from __future__ import annotations

import asyncio
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

import click
import orjson
from rich.text import Text

from novacron.adapters import clock, discovery
from novacron.adapters.kube import ApiError, Forbidden, Kube, NotFound
from novacron.adapters.lease import DURATION, RETRY
from novacron.core import kinds, labels
from novacron.core.manifest import Kind, Manifest, at
from novacron.roles import console
from novacron.roles.connection import cluster_options, connected
from novacron.roles.console import OLDEST_SERVER, REFUSED
from novacron.roles.leftovers import kept_keys, leftovers
from novacron.roles.terminal import terminal

_RENEWED_WITHIN = 2 * RETRY
"""Seconds within which a leader that lives renews its lease."""
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
_COLOURS = {"ok": "green", "absent": "yellow", "bad": "red"}


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at."""

    name: str
    verdict: Literal["ok", "absent", "bad"]
    text: str


@click.command()
@console.namespace
@console.output
@console.operator_namespace
@cluster_options
def doctor(namespace: str, output: str, operator_namespace: str, kubeconfig: str, context: str) -> None:
    """Check neighbours, versions and rights of the cluster, and say what follows from each absence.

    Exit code 1 when something is bad; an optional neighbour that is absent is not.

    \b
    Example: novacron doctor -n novacron --context staging
    """
    checks = connected(kubeconfig, context, lambda kube, own: _examine(kube, namespace or own, operator_namespace))
    with console.printing():
        _print(checks, output)
    if any(check.verdict == "bad" for check in checks):
        raise SystemExit(REFUSED)


def _print(checks: list[Check], output: str) -> None:
    if output == "json":
        click.echo(orjson.dumps([asdict(check) for check in checks], option=orjson.OPT_INDENT_2))
        return
    screen = terminal()
    for check in checks:
        screen.print(Text.assemble((f"{check.verdict:<7}", _COLOURS[check.verdict]), f" {check.name}: {check.text}"))


async def _examine(kube: Kube, namespace: str, operator_namespace: str) -> list[Check]:
    found = await discovery.capabilities(kube, operator_namespace)
    definition = await _definition(kube)
    checks = [_version(found.server), definition]
    for name, (wanted, consequence) in _CONSEQUENCES.items():
        served = found.kinds.issuperset(wanted)
        checks.append(Check(name, "ok", "served") if served else Check(name, "absent", consequence))
    checks.append(await _metrics(kube))
    absent = "autoscaling.requestsPerSecond is left out until an adapter lists pods/http_requests_per_second"
    checks.append(
        Check("custom metrics", "ok", "listed") if found.custom_metrics else Check("custom metrics", "absent", absent)
    )
    checks += [await _lease(kube, operator_namespace), *await _rights(kube, namespace)]
    if definition.verdict == "ok":
        checks += await _left(kube, namespace)
    return checks


def _version(server: tuple[int, int]) -> Check:
    text, oldest = (".".join(map(str, version)) for version in (server, OLDEST_SERVER))
    if server >= OLDEST_SERVER:
        return Check("kubernetes", "ok", text)
    return Check("kubernetes", "bad", f"{text}: supported from {oldest} on")


async def _left(kube: Kube, namespace: str) -> list[Check]:
    """What a NovaCron that is gone left behind: by mistake, or on purpose."""
    try:
        living = {item["metadata"]["name"] for item in (await kube.list(kinds.NOVACRON, namespace)).items}
    except Forbidden as error:
        return [Check("leftovers", "bad", f"not looked for: {error}")]
    left = await leftovers(kube, namespace, living)
    text = f"{', '.join(left)}: held by a finalizer? kubectl get -o yaml shows it" if left else "none"
    checks = [Check("leftovers", "bad" if left else "ok", text)]
    kept = [] if living else await kept_keys(kube, namespace)
    if kept:
        text = f"{', '.join(kept)}: kept for the next NovaCron of {namespace}; kubectl delete removes them for good"
        checks.append(Check("keys", "ok", text))
    return checks


async def _definition(kube: Kube) -> Check:
    if await discovery.serves(kube, kinds.NOVACRON):
        return Check("novacron.io", "ok", labels.API_VERSION)
    return Check("novacron.io", "bad", "not installed: novacron crd | kubectl apply --server-side -f -")


async def _metrics(kube: Kube) -> Check:
    try:
        await kube.read(_METRICS)
    except ApiError:
        text = (
            "autoscalers cannot read CPU and memory, so they stay at minReplicas, and MemoryAdequate tells of kills"
            " without what was in use: install metrics-server"
        )
        return Check("resource metrics", "absent", text)
    return Check("resource metrics", "ok", "served")


async def _lease(kube: Kube, namespace: str) -> Check:
    try:
        lease = await kube.get(kinds.LEASE, namespace, labels.LEASE)
    except NotFound:
        text = f"no lease {namespace}/{labels.LEASE}: is the operator installed there? else see --operator-namespace"
        return Check("operator", "bad", text)
    except ApiError as error:
        return Check("operator", "bad", f"its lease cannot be read: {error}")
    if _stale(lease):
        # the clocks of two machines may differ: only a lease that does not move has run out
        await asyncio.sleep(_RENEWED_WITHIN)
        later = await kube.get(kinds.LEASE, namespace, labels.LEASE)
        if _renewed(later) == _renewed(lease):
            text = f"{_holder(lease)} led, but last renewed {_renewed(lease)}: check the operator's pods and logs"
            return Check("operator", "bad", text)
        lease = later
    if not _holder(lease):
        return Check("operator", "bad", "nobody holds the lease: check the operator's pods and logs")
    return Check("operator", "ok", f"led by {_holder(lease)}, renewed {_renewed(lease)}")


def _holder(lease: Manifest) -> str:
    return str(at(lease, "spec", "holderIdentity") or "")


def _renewed(lease: Manifest) -> str:
    return str(at(lease, "spec", "renewTime") or "never")


def _stale(lease: Manifest) -> bool:
    """Whether the lease of a holder looks as if it had run out, by this machine's clock."""
    if not _holder(lease):
        return False
    if _renewed(lease) == "never":
        return True
    seconds = at(lease, "spec", "leaseDurationSeconds") or DURATION
    return clock.now() - datetime.fromisoformat(_renewed(lease)) > timedelta(seconds=seconds)


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
