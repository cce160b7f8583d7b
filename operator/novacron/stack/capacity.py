"""Capacity arithmetic: what a resource can need at most, and whether a namespace leaves room for it. Pure and exact.

Terminating pods count in a quota, so a fast rollout of everything needs twice the most replicas.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal

from novacron.api.v1alpha1 import NovaCron, crossing
from novacron.core import labels, names, quantity
from novacron.core.manifest import Manifest, at
from novacron.stack.observed import Finding

Around = Mapping[str, Iterable[Manifest]]
"""Kind -> its objects in the namespace, everybody's."""
RESOURCES = ("cpu", "memory", "ephemeral-storage")
_ATTRIBUTES = {"cpu": "cpu", "memory": "memory", "ephemeral-storage": "ephemeral_storage"}
_MAX = {"cpu": "2", "memory": "8Gi", "ephemeral-storage": "10Gi"}
_HARD = {
    "requests.cpu": "20",
    "requests.memory": "40Gi",
    "requests.ephemeral-storage": "100Gi",
    "limits.cpu": "50",
    "limits.memory": "100Gi",
    "limits.ephemeral-storage": "200Gi",
    "pods": "50",
    "services": "10",
    "persistentvolumeclaims": "20",
}
_GPUS = "requests.nvidia.com/gpu"
_ALIASES = {"cpu": "requests.cpu", "memory": "requests.memory", "ephemeral-storage": "requests.ephemeral-storage"}
"""A quota's short names for requests."""
_OTHERS_SCOPES = frozenset({"Terminating", "BestEffort", "CrossNamespacePodAffinity"})
"""Scopes of a quota that our pods never fall into."""
_JOBS = 2
"""Migration and upkeep, of query's size."""
_OTHER_PODS = 5
"""Somebody else's small pods (a solver, a debug pod), at the LimitRange's defaults."""


@dataclass(frozen=True, slots=True)
class Size:
    """What one pod asks for, by resource name in base units."""

    requests: Mapping[str, Decimal]
    limits: Mapping[str, Decimal]


def given(resource: NovaCron, role: str) -> Size:
    """One pod of a workload as the resource gives it; scratch counts as ephemeral storage."""
    asked = resource.spec.workloads[role].resources
    found = Size(_amounts(asked.requests), _amounts(asked.limits))
    if role != "ml":
        return found
    scratch = quantity.parse(resource.spec.ml.scratch.size)
    return Size(_with_scratch(found.requests, scratch), _with_scratch(found.limits, scratch))


def _with_scratch(amounts: Mapping[str, Decimal], scratch: Decimal) -> dict[str, Decimal]:
    return {**amounts, "ephemeral-storage": amounts["ephemeral-storage"] + scratch}


def size(resource: NovaCron, role: str) -> Size:
    """The same at its largest: right-sizing counts as memory that may come."""
    found, growth = given(resource, role), resource.spec.ml.memory.right_sizing
    if role != "ml" or not growth.enabled:
        return found
    return Size(
        found.requests, {**found.limits, "memory": max(found.limits["memory"], quantity.parse(growth.max_memory))}
    )


def _amounts(amounts: object) -> dict[str, Decimal]:
    return {name: quantity.parse(getattr(amounts, _ATTRIBUTES[name])) for name in RESOURCES}


def _enabled(resource: NovaCron) -> list[str]:
    return [role for role, workload in resource.spec.workloads.items() if workload.enabled]


def connection_share(resource: NovaCron) -> int:
    """Connections that each pod of auth and query may hold."""
    return crossing.connection_share(resource.spec)


def need(resource: NovaCron) -> dict[str, Decimal]:
    """The most that the resource can need, by the names of a ResourceQuota."""
    spec = resource.spec
    pods = [(2 * spec.workloads[role].max_replicas, size(resource, role)) for role in _enabled(resource)]
    if spec.migrates:
        pods.append((_JOBS, size(resource, "query")))
    bounds = spec.governance.limit_range
    pods.append((_OTHER_PODS, Size(_amounts(bounds.default_request), _amounts(bounds.default))))
    found = {"pods": Decimal(sum(count for count, _ in pods)), "services": Decimal(_services(resource))}
    for name in RESOURCES:
        found[f"requests.{name}"] = sum((count * each.requests[name] for count, each in pods), Decimal(0))
        found[f"limits.{name}"] = sum((count * each.limits[name] for count, each in pods), Decimal(0))
    if spec.ml.enabled and spec.ml.gpus:
        found[_GPUS] = Decimal(2 * spec.ml.max_replicas * spec.ml.gpus)
    return found


def _running(resource: NovaCron) -> dict[str, str]:
    """What runs -> whose size its pods have. The Jobs of auth and query have query's, also where query is off."""
    found = {role: role for role in _enabled(resource)}
    if resource.spec.migrates and "query" not in found:
        found["migration"] = "query"
    return found


def _services(resource: NovaCron) -> int:
    workloads = [resource.spec.workloads[role] for role in _enabled(resource)]
    return sum(2 if workload.service.type == "LoadBalancer" else 1 for workload in workloads)


def hard(resource: NovaCron) -> dict[str, str]:
    """``spec.hard`` of the ResourceQuota: given figures as they are, the others raised alone to what is needed."""
    needed = need(resource)
    found = {
        name: _written(name, max(quantity.parse(text), needed.get(name, Decimal(0)))) for name, text in _HARD.items()
    }
    asked = resource.spec.governance.resource_quota.hard
    return found | {name: _written(name, quantity.parse(text)) for name, text in asked.items()}


def _written(name: str, amount: Decimal) -> str:
    return quantity.memory(amount) if name.endswith(("memory", "storage")) else quantity.cpu(amount)


def most(resource: NovaCron) -> dict[str, str]:
    """``max`` of the LimitRange: given figures as they are, the others raised to the largest limit."""
    bounds = resource.spec.governance.limit_range
    sizes = [size(resource, role) for role in _running(resource).values()]
    found = {}
    for name in RESOURCES:
        largest = max((each.limits[name] for each in sizes), default=Decimal(0))
        default = max(quantity.parse(_MAX[name]), largest, _amounts(bounds.default)[name])
        found[name] = _written(name, quantity.parse(getattr(bounds.max, _ATTRIBUTES[name]) or str(default)))
    return found


def written(amounts: object) -> dict[str, str]:
    """Figures of a LimitRange as the API server writes them."""
    return {name: _written(name, amount) for name, amount in _amounts(amounts).items()}


def least(resource: NovaCron) -> dict[str, str]:
    """``min`` of the LimitRange."""
    return {name: _written(name, quantity.parse(text)) for name, text in crossing.effective_min(resource.spec).items()}


def sums(resource: NovaCron) -> str:
    """What was added up, for the condition's message."""
    needed = need(resource)
    listed = ", ".join(f"{name} {_written(name, needed[name])}" for name in ("pods", *_figures()))
    return f"At most needed, in a full rollout at the most replicas: {listed}"


def _figures() -> Iterator[str]:
    for side in ("requests", "limits"):
        for name in RESOURCES:
            yield f"{side}.{name}"


def check(resource: NovaCron, around: Around) -> tuple[Finding, ...]:
    """What does not fit, over everybody's LimitRanges, quotas, autoscalers and budgets of the namespace."""
    return (
        *_limit_ranges(resource, around.get("LimitRange", ())),
        *_solver(resource),
        *_quotas(resource, around.get("ResourceQuota", ())),
        *_autoscalers(resource, around.get("HorizontalPodAutoscaler", ())),
        *_budgets(resource, around.get("PodDisruptionBudget", ())),
    )


def _limit_ranges(resource: NovaCron, limit_ranges: Iterable[Manifest]) -> Iterator[Finding]:
    own = names.component(resource.metadata.name, "limits")
    for found in ordered(limit_ranges):
        name = found["metadata"]["name"]
        for bound in found.get("spec", {}).get("limits", ()):
            # a pod has one container, so a bound for pods is one for containers
            if bound.get("type") in ("Container", "Pod") and name != own:
                yield from _bounded(resource, name, bound)


def _bounded(resource: NovaCron, limit_range: str, bound: Manifest) -> Iterator[Finding]:
    for role, like in _running(resource).items():
        asked = given(resource, like)  # right-sizing stops at such a bound: nothing above it is ever asked for
        for name in RESOURCES:
            top, bottom, ratio = (at(bound, side, name) for side in ("max", "min", "maxLimitRequestRatio"))
            if top and asked.limits[name] > quantity.parse(top):
                limit = f"{role} limits {name} {_written(name, asked.limits[name])}"
                text = f"{limit} is above max {top} of LimitRange {limit_range}"
                yield Finding(
                    "LimitRangeConflict", f"{text}: every pod is refused; lower the limit or change that LimitRange"
                )
            if bottom and asked.requests[name] < quantity.parse(bottom):
                request = f"{role} requests {name} {_written(name, asked.requests[name])}"
                text = f"{request} is below min {bottom} of LimitRange {limit_range}"
                yield Finding(
                    "LimitRangeConflict", f"{text}: every pod is refused; raise the request or change that LimitRange"
                )
            if ratio and asked.limits[name] > quantity.parse(str(ratio)) * asked.requests[name]:
                text = f"{role} limits more than {ratio} times the {name} that it requests, LimitRange {limit_range}"
                yield Finding(
                    "LimitRangeConflict", f"{text}: every pod is refused; raise the request or change that LimitRange"
                )


def _solver(resource: NovaCron) -> Iterator[Finding]:
    """A given min that cert-manager's solver pod (10m, 64Mi) does not meet."""
    if not crossing.solver_needed(resource.spec) or not resource.spec.governance.limit_range.enabled:
        return
    bottom = crossing.effective_min(resource.spec)
    for name, asked in (("cpu", "10m"), ("memory", "64Mi")):
        if quantity.parse(bottom[name]) > quantity.parse(asked):
            bound = f"governance.limitRange.min.{name} {bottom[name]}"
            text = f"{bound} refuses cert-manager's HTTP-01 solver, which asks for {asked}"
            yield Finding("LimitRangeConflict", f"{text}: no certificate is issued; lower it")


def counting(quotas: Iterable[Manifest]) -> list[Manifest]:
    """Those that count our pods, by name."""
    return [
        found
        for found in ordered(quotas)
        if not _OTHERS_SCOPES.intersection(at(found, "spec", "scopes", default=()))
        and not at(found, "spec", "scopeSelector")
    ]


def unabbreviated(name: str) -> str:
    """What a quota's name of a resource stands for."""
    return _ALIASES.get(name, name)


def _quotas(resource: NovaCron, quotas: Iterable[Manifest]) -> Iterator[Finding]:
    needed = need(resource)
    for found in counting(quotas):
        short = [
            f"{name} {_written(name, amount)} needed of {limit}"
            for name, limit in sorted(at(found, "spec", "hard", default={}).items())
            if (amount := needed.get(unabbreviated(name), Decimal(0))) > quantity.parse(str(limit))
        ]
        if short:
            quota = f"ResourceQuota {found['metadata']['name']}"
            text = f"{quota} is too small for a rollout at the most replicas: {', '.join(short)}"
            yield Finding("QuotaExceeded", f"{text}; raise it, or lower maxReplicas or limits")


def _autoscalers(resource: NovaCron, autoscalers: Iterable[Manifest]) -> Iterator[Finding]:
    targets: dict[str, list[str]] = {}
    for found in ordered(autoscalers):
        target = at(found, "spec", "scaleTargetRef", default={})
        if target.get("kind") == "Deployment":
            targets.setdefault(target.get("name", ""), []).append(found["metadata"]["name"])
    for role in _enabled(resource):
        deployment = names.component(resource.metadata.name, role)
        found_names = targets.get(deployment, [])
        foreign = [name for name in found_names if name != deployment]
        if foreign:
            text = f"HorizontalPodAutoscaler {', '.join(foreign)} also scales Deployment {deployment}"
            yield Finding("DuplicateAutoscaler", f"{text}: delete it, or switch {role}.autoscaling off")


def _budgets(resource: NovaCron, budgets: Iterable[Manifest]) -> Iterator[Finding]:
    for found in ordered(budgets):
        for role in _enabled(resource):
            pods = labels.pod(resource.metadata.name, role) | resource.spec.workloads[role].pod_labels
            floor = resource.spec.workloads[role].min_replicas
            if _selects(found, pods) and _deadlocked(found, floor):
                wanted = at(found, "spec", "minAvailable", default=at(found, "spec", "maxUnavailable"))
                field = "minAvailable" if "minAvailable" in found["spec"] else "maxUnavailable"
                budget = f"PodDisruptionBudget {found['metadata']['name']} ({field} {wanted})"
                text = f"{budget} allows no eviction of {role} at {floor} pods"
                yield Finding(
                    "DisruptionBudgetDeadlock", f"{text}: a node drain would hang; loosen it or raise the replicas"
                )


def _selects(budget: Manifest, pods: Mapping[str, str]) -> bool:
    selector = at(budget, "spec", "selector")
    if selector is None:
        return False
    wanted: Mapping[str, str] = selector.get("matchLabels") or {}
    if any(pods.get(key) != value for key, value in wanted.items()):
        return False
    return all(_expression(rule, pods) for rule in selector.get("matchExpressions") or ())


def _expression(rule: Manifest, pods: Mapping[str, str]) -> bool:
    value, operator = pods.get(rule["key"]), rule["operator"]
    matches = {
        "In": value in rule.get("values", ()),
        "NotIn": value not in rule.get("values", ()),
        "Exists": value is not None,
        "DoesNotExist": value is None,
    }
    return matches[operator]


def _deadlocked(budget: Manifest, floor: int) -> bool:
    """Whether no pod may be evicted when as few as ``floor`` run; percentages round up, as the controller does."""
    spec = budget["spec"]
    if "minAvailable" in spec:
        return _of(spec["minAvailable"], floor) >= floor
    return _of(spec.get("maxUnavailable", 1), floor) < 1


def _of(value: object, total: int) -> int:
    text = str(value)
    return -(-int(text[:-1]) * total // 100) if text.endswith("%") else int(text)


def ordered(items: Iterable[Manifest]) -> list[Manifest]:
    """By name, so that the same objects give the same words."""
    return sorted(items, key=lambda item: str(item["metadata"]["name"]))
