"""Who reaches whom: as NetworkPolicies, both sides of every edge; the rest is denied."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from novacron.api.v1alpha1 import NovaCron
from novacron.core import kinds, labels, names
from novacron.core.capabilities import Capabilities
from novacron.core.manifest import Manifest
from novacron.workload.component import manifest

CALLS: dict[str, tuple[tuple[str, tuple[str, ...]], ...]] = {
    "api": (("auth", ("http", "internal")), ("query", ("http",)), ("ml", ("http",))),
    "auth": (),
    "query": (("auth", ("internal",)),),
    "ml": (("auth", ("internal",)),),
}
"""Workload -> workloads that it calls, by named port."""
STORES: dict[str, tuple[str, ...]] = {
    "api": ("redis",),
    "auth": ("database", "redis"),
    "query": ("database", "redis"),
    "ml": (),
    names.MIGRATE: ("database",),
}
"""Workload -> datastores that it opens connections to."""

OPERATOR_POD = {labels.NAME: "novacron-operator"}
_NAMESPACE = "kubernetes.io/metadata.name"
_NODE_LOCAL_DNS = "169.254.20.10/32"
_SOLVER = {"acme.cert-manager.io/http01-solver": "true"}
_SOLVER_PORT = 8089


def policies(resource: NovaCron, capabilities: Capabilities) -> list[Manifest]:
    if not resource.spec.network_policy.enabled:
        return []
    enabled = [role for role, workload in resource.spec.workloads.items() if workload.enabled]
    found = [_default_deny(resource)]
    found += [_policy(resource, capabilities, role, enabled) for role in enabled]
    if resource.spec.migrates:
        found.append(_migration(resource))
    if resource.spec.exposure.type == "Ingress" and resource.spec.exposure.tls.issuer:
        found.append(_solver(resource))
    return found


def _default_deny(resource: NovaCron) -> Manifest:
    """Selects our pods, not the namespace's: others in it are not ours to cut off."""
    spec = {
        "podSelector": {"matchLabels": {labels.INSTANCE: resource.metadata.name}},
        "policyTypes": ["Ingress", "Egress"],
    }
    return manifest(resource, kinds.NETWORK_POLICY, names.component(resource.metadata.name, "default-deny"), spec=spec)


def _policy(resource: NovaCron, capabilities: Capabilities, role: str, enabled: Sequence[str]) -> Manifest:
    name = resource.metadata.name
    spec = {
        "podSelector": {"matchLabels": labels.selector(name, role)},
        "policyTypes": ["Ingress", "Egress"],
        "ingress": _ingress(resource, capabilities, role, enabled),
        "egress": _egress(resource, role, enabled),
    }
    return manifest(resource, kinds.NETWORK_POLICY, names.component(name, role), role, spec=spec)


def _migration(resource: NovaCron) -> Manifest:
    """Of the Jobs' pods: they reach the database, and nobody reaches them."""
    name = resource.metadata.name
    spec = {
        "podSelector": {"matchLabels": labels.selector(name, names.MIGRATE)},
        "policyTypes": ["Ingress", "Egress"],
        "egress": [*_dns(), *_stores(resource, names.MIGRATE)],
    }
    return manifest(resource, kinds.NETWORK_POLICY, names.component(name, names.MIGRATE), names.MIGRATE, spec=spec)


def _ingress(resource: NovaCron, capabilities: Capabilities, role: str, enabled: Sequence[str]) -> list[Manifest]:
    spec = resource.spec
    http, metrics = spec.workloads[role].ports.http, spec.workloads[role].ports.metrics
    rules = [
        {"from": [_pods_of(resource, caller)], "ports": _tcp(_port(resource, role, port) for port in ports)}
        for caller in enabled
        for called, ports in CALLS[caller]
        if called == role
    ]
    operator = _in_namespace(capabilities.operator_namespace, OPERATOR_POD)
    rules.append({"from": [operator], "ports": _tcp([http])})
    rules += _from_namespaces(spec.network_policy.monitoring_namespaces, metrics)
    if role == "api":
        rules += _from_namespaces(gateway_namespaces(resource), http)
    if role == "auth":
        rules += _from_namespaces(spec.auth.forward_auth_namespaces, http)
    return rules


def gateway_namespaces(resource: NovaCron) -> Sequence[str]:
    """Given ones, else with a Gateway its own namespace."""
    given, exposure = resource.spec.network_policy.gateway_namespaces, resource.spec.exposure
    return given or ((exposure.gateway.namespace,) if exposure.type == "Gateway" else ())


def _egress(resource: NovaCron, role: str, enabled: Sequence[str]) -> list[Manifest]:
    spec = resource.spec
    rules = _dns()
    for called, ports in CALLS[role]:
        if called in enabled:
            rules.append(
                {"to": [_pods_of(resource, called)], "ports": _tcp(_port(resource, called, port) for port in ports)}
            )
    rules += _stores(resource, role)
    return rules + [_completed(rule.manifest()) for rule in spec.workloads[role].extra_egress]


def _stores(resource: NovaCron, role: str) -> list[Manifest]:
    rules = []
    for store in STORES[role]:
        where: Any = resource.spec.database if store == "database" else resource.spec.redis
        peers = [{"ipBlock": {"cidr": cidr}} for cidr in where.cidrs] + [peer.manifest() for peer in where.peers]
        if peers:
            rules.append({"to": peers, "ports": _tcp([where.port])})
    return rules


def _dns() -> list[Manifest]:
    cluster = _in_namespace("kube-system", {"k8s-app": "kube-dns"})
    openshift = _in_namespace("openshift-dns", {"dns.operator.openshift.io/daemonset-dns": "default"})
    return [
        {"to": [cluster, {"ipBlock": {"cidr": _NODE_LOCAL_DNS}}], "ports": _both(53)},
        {"to": [openshift], "ports": _both(5353)},
    ]


def _solver(resource: NovaCron) -> Manifest:
    """cert-manager's HTTP-01 solver must be reached from the gateway."""
    spec = {
        "podSelector": {"matchLabels": dict(_SOLVER)},
        "policyTypes": ["Ingress"],
        "ingress": _from_namespaces(gateway_namespaces(resource), _SOLVER_PORT),
    }
    return manifest(resource, kinds.NETWORK_POLICY, names.component(resource.metadata.name, "acme-solver"), spec=spec)


def _port(resource: NovaCron, role: str, name: str) -> int:
    return resource.spec.auth.ports.internal if name == "internal" else resource.spec.workloads[role].ports.http


def _pods_of(resource: NovaCron, role: str) -> Manifest:
    return {"podSelector": {"matchLabels": labels.selector(resource.metadata.name, role)}}


def _in_namespace(namespace: str, pods: dict[str, str]) -> Manifest:
    return {
        "namespaceSelector": {"matchLabels": {_NAMESPACE: namespace}},
        "podSelector": {"matchLabels": pods} if pods else {},
    }


def _from_namespaces(namespaces: Sequence[str], port: int) -> list[Manifest]:
    if not namespaces:
        return []
    return [{"from": [_in_namespace(namespace, {}) for namespace in namespaces], "ports": _tcp([port])}]


def _tcp(ports: Iterable[int]) -> list[Manifest]:
    return [{"port": port, "protocol": "TCP"} for port in ports]


def _both(port: int) -> list[Manifest]:
    return [{"port": port, "protocol": protocol} for protocol in ("UDP", "TCP")]


def _completed(rule: Manifest) -> Manifest:
    """With the protocol that the API server would fill in: in an atomic list a default looks like drift."""
    return rule | {"ports": [{"protocol": "TCP"} | port for port in rule["ports"]]} if "ports" in rule else rule
