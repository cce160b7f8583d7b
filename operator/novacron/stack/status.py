"""The judge: from one snapshot to conditions. Pure; ordered checks, each saying what is and what to do.

What gates Ready is in docs/decisions/0008. kstatus is kept complete: Ready not True means exactly one of
Reconciling and Stalled is True. An outage reconciles; only what needs a person stalls.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from novacron.auth import status as auth
from novacron.core import conditions as c
from novacron.core import kinds, names
from novacron.core.conditions import Condition
from novacron.core.manifest import Kind, Manifest, Ref, at
from novacron.stack import dependencies, rollout, schema
from novacron.stack.observed import Observed
from novacron.stack.problem import gravity
from novacron.vault.desired import shared_logins

_PART_OF_KIND = {
    "HorizontalPodAutoscaler": c.AUTOSCALING_ACTIVE,
    "NetworkPolicy": c.NETWORK_POLICY_APPLIED,
    "SecretStore": c.SECRETS_SYNCED,
    "ExternalSecret": c.SECRETS_SYNCED,
    "HTTPRoute": c.EXPOSURE_READY,
    "Ingress": c.EXPOSURE_READY,
    "ServiceMonitor": c.MONITORING_APPLIED,
    "PrometheusRule": c.MONITORING_APPLIED,
    "LimitRange": c.CAPACITY_CONSISTENT,
    "ResourceQuota": c.CAPACITY_CONSISTENT,
    "Job": c.SCHEMA_CURRENT,
    "CronJob": c.SCHEMA_CURRENT,
}
"""Which condition tells of a write that failed; everything else is part of the workloads."""

_PERSONS = frozenset({"ProgressDeadlineExceeded", "MigrationFailed"})
"""Reasons of gates behind which nothing moves until a person acts."""
_GATES = (c.SCHEMA_CURRENT, c.WORKLOADS_AVAILABLE, c.SECRETS_SYNCED, c.AUTH_READY, c.EXPOSURE_READY)


def judge(o: Observed) -> tuple[Condition, ...]:
    """All conditions of a resource whose spec is valid and whose namespace is its own."""
    parts = [
        _workloads(o),
        _secrets(o),
        _autoscaling(o),
        _network(o),
        _exposure(o),
        _monitoring(o),
        _capacity(o),
    ]
    parts = [_or_failure(o, part) for part in parts]
    credentials, queries, memory = dependencies.conditions(o.question, o.heard)
    more = (credentials, _or_failure(o, schema.condition(o)), *_keys(o), queries, memory)
    return (*_summary(o, (*parts, *more)), not_paused(), *parts, _drift(o), *more)


def not_paused() -> Condition:
    return Condition(c.PAUSED, "False", "NotPaused", "The operator reconciles this resource")


def _or_failure(o: Observed, part: Condition) -> Condition:
    failed = [
        f"{ref}: {text}"
        for ref, text in sorted(o.failures.items())
        if _PART_OF_KIND.get(ref.kind, c.WORKLOADS_AVAILABLE) == part.type
    ]
    if not failed:
        return part
    return Condition(part.type, "False", "WriteFailed", "; ".join(failed))


def _summary(o: Observed, parts: Iterable[Condition]) -> tuple[Condition, ...]:
    by_type = {part.type: part for part in parts}
    taken = [refusal.ref for refusal in o.refused if not refusal.leaving]
    if taken:
        listed = ", ".join(map(str, taken))
        message = f"{listed} exists and does not belong to this NovaCron; delete or rename it, or rename this NovaCron"
        return not_ready("NameConflict", message, stalled=True)
    if o.refused:
        listed = ", ".join(str(refusal.ref) for refusal in o.refused)
        return not_ready(
            "Progressing", f"{listed} of a deleted NovaCron of this name is still being removed", stalled=False
        )
    for gate in _GATES:
        part = by_type[gate]
        if part.status == "False":
            return not_ready(part.reason, part.message, stalled=part.reason in _PERSONS)
    unknown = [part for part in by_type.values() if part.status == "Unknown"]
    message = by_type[c.WORKLOADS_AVAILABLE].message
    if unknown:
        message += "; not known: " + "; ".join(f"{part.type} ({part.message})" for part in unknown)
    return (
        Condition(c.READY, "True", "AllWorkloadsAvailable", message),
        Condition(c.RECONCILING, "False", "Settled", "Nothing is left to do"),
        Condition(c.STALLED, "False", "Settled", "Nothing waits for a person"),
    )


def not_ready(reason: str, message: str, *, stalled: bool) -> tuple[Condition, ...]:
    """Ready False with exactly one of Reconciling and Stalled True, in kstatus' order."""
    idle = Condition(c.RECONCILING, "False", reason, "Waits for a person: see Stalled")
    busy = Condition(c.STALLED, "False", "Settled", "Nothing waits for a person")
    return (
        Condition(c.READY, "False", reason, message),
        idle if stalled else Condition(c.RECONCILING, "True", reason, message),
        Condition(c.STALLED, "True", reason, message) if stalled else busy,
    )


def _workloads(o: Observed) -> Condition:
    enabled = [name for name, workload in o.resource.spec.workloads.items() if workload.enabled]
    states = [rollout.state(o, name) for name in enabled]
    available = [state for state in states if state.available]
    if len(available) == len(states):
        message = f"{len(available)} of {len(states)} workloads are available"
        return _troubled([state for state in states if state.message], message)
    waiting = [state for state in states if not state.available]
    worst = min(waiting, key=lambda state: (state.reason != "ProgressDeadlineExceeded", gravity(state.reason)))
    message = "; ".join(f"{state.workload}: {state.message}" for state in waiting)
    return Condition(c.WORKLOADS_AVAILABLE, "False", worst.reason, message)


def _keys(o: Observed) -> tuple[Condition, Condition]:
    """SigningKeysCurrent and AuthReady."""
    current = auth.signing_keys(o.keys, o.resource.metadata.name)
    state = rollout.state(o, "auth")
    unavailable = "" if state.available else state.message
    return current, auth.auth_ready(o.keys, current, unavailable, state.reason)


def _troubled(troubled: Iterable[rollout.Rollout], message: str) -> Condition:
    """True: enough pods serve. What keeps others from it, or lately did, is the reason and named all the same."""
    listed = sorted(troubled, key=lambda state: gravity(state.reason))
    reason = listed[0].reason if listed else "AllWorkloadsAvailable"
    message += "".join(f"; not all pods of {state.workload}: {state.message}" for state in listed)
    return Condition(c.WORKLOADS_AVAILABLE, "True", reason, message)


def _missing_neighbour(o: Observed, type_: str, wanted: Iterable[Kind], neighbour: str) -> Condition | None:
    absent = [kind.resource for kind in wanted if not o.capabilities.serves(kind)]
    if not absent:
        return None
    message = f"{neighbour} is not installed: {', '.join(absent)} not served; install it, or switch this off"
    return Condition(type_, "False", "CRDMissing", message)


def _secrets(o: Observed) -> Condition:
    spec = o.resource.spec.secrets
    if spec.provider == "Existing":
        message = f"The Secrets named in the resource are made by somebody else{_shared(o)}"
        return Condition(c.SECRETS_SYNCED, "True", "ManagedElsewhere", message)
    missing = _missing_neighbour(
        o, c.SECRETS_SYNCED, (kinds.SECRET_STORE, kinds.EXTERNAL_SECRET), "External Secrets (0.16 or newer)"
    )
    if missing:
        return missing
    for child in _children(o, "SecretStore"):
        problem = _not_true(child, "Ready")
        if problem:
            return Condition(
                c.SECRETS_SYNCED, "False", "StoreNotReady", f"SecretStore/{child['metadata']['name']}: {problem}"
            )
    waiting = []
    for child in _children(o, "ExternalSecret"):
        problem = _not_true(child, "Ready") or _not_synced(child)
        if problem:
            waiting.append(f"ExternalSecret/{child['metadata']['name']}: {problem}")
    if waiting:
        return Condition(c.SECRETS_SYNCED, "False", "ExternalSecretNotSynced", "; ".join(waiting))
    message = f"The store is valid and every ExternalSecret is synced{_shared(o)}"
    return Condition(c.SECRETS_SYNCED, "True", "SecretsSynced", message)


def _shared(o: Observed) -> str:
    """Who uses the common database login: separate ones limit what a stolen one can do."""
    users = ", ".join(shared_logins(o.resource))
    return f"; {users} use the login of secrets.database (secrets.databaseUsers separates them)" if users else ""


def _not_synced(external_secret: Manifest) -> str:
    """External Secrets writes ``<generation>-<hash>``; another generation means that the new one is not read yet."""
    synced = at(external_secret, "status", "syncedResourceVersion", default="")
    generation = at(external_secret, "metadata", "generation", default=0)
    return "" if not synced or synced.startswith(f"{generation}-") else "the latest change is not synced yet"


def _not_true(child: Manifest, type_: str) -> str:
    """Why a neighbour's condition is not True, in its own words; empty when it is."""
    for condition in at(child, "status", "conditions", default=[]):
        if condition.get("type") == type_:
            return (
                ""
                if condition.get("status") == "True"
                else f"{condition.get('reason', '')}: {condition.get('message', '')}"
            )
    return "its controller has not looked at it yet"


def _children(o: Observed, kind: str) -> list[Manifest]:
    return [child for ref, child in sorted(o.children.items()) if ref.kind == kind and ref in o.wanted]


def _autoscaling(o: Observed) -> Condition:
    autoscalers = _children(o, "HorizontalPodAutoscaler")
    if not autoscalers:
        return Condition(c.AUTOSCALING_ACTIVE, "True", "Disabled", "No workload is autoscaled")
    problems = [
        f"{child['metadata']['name']}: {condition.get('reason')}: {condition.get('message')}"
        for child in autoscalers
        for condition in at(child, "status", "conditions", default=[])
        if condition.get("type") in ("ScalingActive", "AbleToScale") and condition.get("status") == "False"
    ]
    if problems:
        return Condition(c.AUTOSCALING_ACTIVE, "False", "MetricsUnavailable", "; ".join(problems))
    by_requests = [
        name
        for name, workload in o.resource.spec.workloads.items()
        if workload.enabled and workload.autoscaling.enabled and workload.autoscaling.requests_per_second
    ]
    if by_requests and not o.capabilities.custom_metrics:
        message = (
            f"{', '.join(by_requests)}: scaled without requests per second: custom.metrics.k8s.io does not list "
            "pods/http_requests_per_second; install a metrics adapter that does"
        )
        return Condition(c.AUTOSCALING_ACTIVE, "True", "CustomMetricsUnavailable", message)
    unread = [child["metadata"]["name"] for child in autoscalers if not at(child, "status", "conditions")]
    if unread:
        return Condition(
            c.AUTOSCALING_ACTIVE, "Unknown", "Unobserved", f"{', '.join(unread)}: not looked at by the autoscaler yet"
        )
    return Condition(c.AUTOSCALING_ACTIVE, "True", "AutoscalersActive", "Every autoscaler reads its metrics")


def _network(o: Observed) -> Condition:
    spec = o.resource.spec
    if not spec.network_policy.enabled:
        return Condition(
            c.NETWORK_POLICY_APPLIED,
            "True",
            "Disabled",
            "networkPolicy.enabled is false: every pod may reach every other",
        )
    closed = [
        f"{field} ({where.host})"
        for field, where in (("database", spec.database), ("redis", spec.redis))
        if not where.cidrs and not where.peers
    ]
    if closed:
        message = (
            f"The policies keep {' and '.join(closed)} closed: a NetworkPolicy knows addresses, not names; set "
            f"{' and '.join(f'spec.{item.split()[0]}.cidrs or .peers' for item in closed)}"
        )
        return Condition(c.NETWORK_POLICY_APPLIED, "False", "PeersUnknown", message)
    message = "Everything is denied but the documented edges"
    outside = [name for name, one in spec.workloads.items() if one.enabled and one.service.type == "LoadBalancer"]
    if outside:
        message += f"; to let clients of the load balancer of {', '.join(outside)} in, add a NetworkPolicy of your own"
    return Condition(c.NETWORK_POLICY_APPLIED, "True", "Applied", message)


def _exposure(o: Observed) -> Condition:
    kind = o.resource.spec.exposure.type
    if kind == "None":
        return Condition(c.EXPOSURE_READY, "True", "NotExposed", "exposure.type is None")
    if not o.resource.spec.api.enabled:
        message = "api is switched off, so there is nothing to expose; set exposure.type None, or switch api on"
        return Condition(c.EXPOSURE_READY, "True", "Disabled", message)
    if kind == "Ingress":
        return _ingress(o)
    missing = _missing_neighbour(o, c.EXPOSURE_READY, (kinds.HTTP_ROUTE,), "Gateway API")
    if missing:
        return missing
    notes = ""
    for child in _children(o, "HTTPRoute"):
        name, problem = child["metadata"]["name"], _route_problem(child)
        if problem and name == o.resource.metadata.name:
            return Condition(c.EXPOSURE_READY, "False", "RouteNotAccepted", f"HTTPRoute/{name}: {problem}")
        if problem:  # the redirect needs a listener for plain HTTP, which not every gateway has
            notes = f"; HTTPRoute/{name}, which leads plain HTTP to HTTPS, has no effect: {problem}"
    if not o.resource.spec.exposure.gateway.section_name:
        notes += "; exposure.gateway.sectionName names no listener: one for plain HTTP would serve it as well"
    return Condition(c.EXPOSURE_READY, "True", "RouteAccepted", f"The gateway accepted the route{notes}")


def _route_problem(route: Manifest) -> str:
    """What its gateways say against a route; a verdict over an older generation counts for nothing."""
    parents = at(route, "status", "parents", default=[])
    if not parents:
        return "no gateway has looked at it yet"
    generation = at(route, "metadata", "generation", default=0)
    for parent in parents:
        for type_ in ("Accepted", "ResolvedRefs"):
            problem = _not_true({"status": parent}, type_)
            if problem:
                return problem
            found = next(item for item in parent["conditions"] if item["type"] == type_)
            if found.get("observedGeneration", generation) < generation:
                return "the gateway has not looked at the latest change yet"
    return ""


def _ingress(o: Observed) -> Condition:
    retired = "; ingress-nginx was retired in March 2026: move to Gateway API"
    exposure = o.resource.spec.exposure
    warning = retired if exposure.ingress.class_name == "nginx" else ""
    if not exposure.tls.secret_name and not exposure.tls.issuer:
        warning += "; neither exposure.tls.secretName nor issuer is given: clients are served in plain HTTP"
    for child in _children(o, "Ingress"):
        if at(child, "status", "loadBalancer", "ingress"):
            return Condition(c.EXPOSURE_READY, "True", "RouteAccepted", f"The Ingress has an address{warning}")
    message = "The Ingress has no address; some controllers never report one: check that its class has a controller"
    message += warning
    return Condition(c.EXPOSURE_READY, "Unknown", "Unobserved", message)


def _monitoring(o: Observed) -> Condition:
    spec = o.resource.spec.monitoring
    wanted = [
        kind
        for kind, enabled in (
            (kinds.SERVICE_MONITOR, spec.service_monitor.enabled),
            (kinds.PROMETHEUS_RULE, spec.prometheus_rule.enabled),
        )
        if enabled
    ]
    if not wanted and not spec.dashboards.enabled:
        return Condition(c.MONITORING_APPLIED, "True", "Disabled", "Monitoring is switched off")
    missing = _missing_neighbour(o, c.MONITORING_APPLIED, wanted, "The Prometheus operator")
    return missing or Condition(c.MONITORING_APPLIED, "True", "Applied", "Monitors, rules and dashboards stand")


def _capacity(o: Observed) -> Condition:
    if o.capacity:
        message = "; ".join(finding.message for finding in o.capacity)
        return Condition(c.CAPACITY_CONSISTENT, "False", o.capacity[0].reason, message)
    return Condition(c.CAPACITY_CONSISTENT, "True", "Consistent", o.capacity_sums)


def _drift(o: Observed) -> Condition:
    if o.contested:
        message = f"Set again by somebody after each repair, who must stop: {_listed(o.contested)}"
        return Condition(c.DRIFTED, "True", "Contested", message)
    if not o.persistent:
        return Condition(c.DRIFTED, "False", "AsWanted", "Nothing differs from what the operator set")
    listed = _listed(o.persistent)
    message = f"Comes back right after each write, so something changes it on admission (a mutating webhook?): {listed}"
    return Condition(c.DRIFTED, "True", "MutatedOnAdmission", message)


def _listed(fields: Mapping[Ref, tuple[str, ...]]) -> str:
    return "; ".join(f"{ref}: {', '.join(names)}" for ref, names in sorted(fields.items()))


def components(o: Observed) -> list[Manifest]:
    """``status.components``."""
    listed = []
    for name, workload in o.resource.spec.workloads.items():
        if not workload.enabled:
            continue
        deployment = o.children.get(
            Ref("Deployment", o.resource.metadata.namespace, names.component(o.resource.metadata.name, name)), {}
        )
        containers = at(deployment, "spec", "template", "spec", "containers", default=[{}])
        listed.append(
            {
                "name": name,
                "ready": at(deployment, "status", "readyReplicas", default=0),
                "desired": at(deployment, "spec", "replicas", default=0),
                "image": containers[0].get("image", ""),
            }
        )
    return listed
