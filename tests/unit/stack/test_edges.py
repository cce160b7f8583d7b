"""The policies are read as the network would read them: an edge is open when both sides allow it."""

from __future__ import annotations

import ipaddress
import itertools
import json
from dataclasses import dataclass
from typing import Any

import pytest

from novacron.api.v1alpha1 import NovaCron, validate
from novacron.core.capabilities import Capabilities
from novacron.stack import edges
from novacron.stack.settings import settings
from tests.support import resources

_OURS = "novacron"
_PORTS = (53, 5353, 5432, 6379, 8080, 8081, 8089, 9090, 443)


@dataclass(frozen=True)
class End:
    """A pod, or an address outside."""

    name: str
    namespace: str = ""
    labels: tuple[tuple[str, str], ...] = ()
    address: str = "203.0.113.9"


def _workload(role: str) -> End:
    labels = {"app.kubernetes.io/instance": _OURS, "app.kubernetes.io/component": role}
    return End(role, _OURS, tuple(labels.items()))


_WORLD = (
    *(_workload(role) for role in ("api", "auth", "query", "ml", "migrate")),
    End("operator", "novacron-system", (("app.kubernetes.io/name", "novacron-operator"),)),
    End("impostor", "default", (("app.kubernetes.io/name", "novacron-operator"),)),
    End("prometheus", "monitoring", (("app", "prometheus"),)),
    End("gateway", "gw", (("app", "envoy"),)),
    End("forward-gateway", "elsewhere", (("app", "envoy"),)),
    End("dns", "kube-system", (("k8s-app", "kube-dns"),)),
    End("neighbour", _OURS, (("app", "other"),)),
    End("database", address="10.1.0.5"),
    End("redis", address="10.2.0.5"),
    End("metadata", address="169.254.169.254"),
    End("internet", address="198.51.100.1"),
)

_ALLOWED = {
    ("api", "auth", 8080),
    ("api", "auth", 8081),
    ("api", "query", 8080),
    ("api", "ml", 8080),
    ("query", "auth", 8081),
    ("ml", "auth", 8081),
    ("api", "redis", 6379),
    ("auth", "redis", 6379),
    ("query", "redis", 6379),
    ("auth", "database", 5432),
    ("query", "database", 5432),
    ("migrate", "database", 5432),
    ("gateway", "api", 8080),
    ("forward-gateway", "auth", 8080),
    *(("operator", role, 8080) for role in ("api", "auth", "query", "ml")),
    *(("prometheus", role, 9090) for role in ("api", "auth", "query", "ml")),
    *((role, "dns", 53) for role in ("api", "auth", "query", "ml", "migrate")),
}


def _resource(**changes: Any) -> NovaCron:
    gateway = {"type": "Gateway", "hosts": ["a.example.com"], "gateway": {"name": "g", "namespace": "gw"}}
    common = {
        "spec.database.cidrs": ["10.1.0.0/16"],
        "spec.redis.cidrs": ["10.2.0.0/16"],
        "spec.exposure": gateway,
        "spec.auth.forwardAuthNamespaces": ["elsewhere"],
    }
    body = resources.changed(resources.minimal(), common | {f"spec.{key}": value for key, value in changes.items()})
    body["metadata"] |= {"name": _OURS, "namespace": _OURS, "uid": "u"}
    return validate(body)


def _selects(selector: dict[str, Any], labels: dict[str, str]) -> bool:
    assert not selector.get("matchExpressions")
    return all(labels.get(key) == value for key, value in selector.get("matchLabels", {}).items())


def _peer(peer: dict[str, Any], end: End) -> bool:
    if "ipBlock" in peer:
        inside = ipaddress.ip_address(end.address) in ipaddress.ip_network(peer["ipBlock"]["cidr"])
        return not end.namespace and inside
    namespace = {"kubernetes.io/metadata.name": end.namespace}
    in_namespace = (
        _selects(peer["namespaceSelector"], namespace) if "namespaceSelector" in peer else end.namespace == _OURS
    )
    return bool(end.namespace) and in_namespace and _selects(peer.get("podSelector", {}), dict(end.labels))


def _side(policies: list[dict[str, Any]], subject: End, other: End, port: int, direction: str) -> bool:
    """Whether one side lets a TCP connection pass."""
    mine = [
        policy["spec"]
        for policy in policies
        if subject.namespace == _OURS
        and direction in policy["spec"]["policyTypes"]
        and _selects(policy["spec"]["podSelector"], dict(subject.labels))
    ]
    if not mine:
        return True
    key, peers = ("ingress", "from") if direction == "Ingress" else ("egress", "to")
    return any(
        any(_peer(peer, other) for peer in rule[peers])
        and any(entry["port"] == port and entry["protocol"] == "TCP" for entry in rule["ports"])
        for spec in mine
        for rule in spec.get(key, [])
    )


def _open(resource: NovaCron) -> set[tuple[str, str, int]]:
    policies = edges.policies(resource, Capabilities())
    ours = {"api", "auth", "query", "ml", "migrate"}
    return {
        (source.name, target.name, port)
        for source, target in itertools.permutations(_WORLD, 2)
        for port in _PORTS
        if ours & {source.name, target.name}
        and _side(policies, source, target, port, "Egress")
        and _side(policies, target, source, port, "Ingress")
    }


def test_exactly_the_table_of_edges_is_open() -> None:
    assert _open(_resource()) == _ALLOWED


def test_settings_name_exactly_the_ports_of_others_that_are_open() -> None:
    resource = _resource()
    ports = {"http": 8080, "internal": 8081}
    named = {
        (role, other, ports[port])
        for role in resource.spec.workloads
        for other, addresses in json.loads(settings(resource, role))["peers"].items()
        for port in addresses
    }
    assert named == {edge for edge in _ALLOWED if {edge[0], edge[1]} <= resource.spec.workloads.keys()}


def test_a_workload_that_is_off_has_no_edges() -> None:
    assert _open(_resource(**{"ml.enabled": False})) == {edge for edge in _ALLOWED if "ml" not in edge[:2]}


def test_without_migrations_theirs_are_closed() -> None:
    closed = _open(_resource(**{"database.migrate": False}))
    assert closed == {edge for edge in _ALLOWED if "migrate" not in edge[:2]}


def test_without_addresses_the_datastores_stay_closed() -> None:
    closed = _resource(**{"database.cidrs": [], "redis.cidrs": []})
    assert _open(closed) == {edge for edge in _ALLOWED if edge[1] not in ("database", "redis")}


def test_switched_off_means_none() -> None:
    assert edges.policies(_resource(**{"networkPolicy.enabled": False}), Capabilities()) == []


@pytest.mark.parametrize("role", ["api", "auth", "query", "ml", "migrate"])
def test_dns_is_open_over_both_protocols(role: str) -> None:
    policies = edges.policies(_resource(), Capabilities())
    (policy,) = [item for item in policies if item["metadata"]["name"] == f"novacron-{role}"]
    dns = policy["spec"]["egress"][0]
    assert {(entry["port"], entry["protocol"]) for entry in dns["ports"]} == {(53, "UDP"), (53, "TCP")}


def test_the_solver_is_reached_from_the_gateway_alone() -> None:
    exposure = {
        "type": "Ingress",
        "hosts": ["a.example.com"],
        "ingress": {"className": "x"},
        "tls": {"issuer": "letsencrypt"},
    }
    resource = _resource(exposure=exposure, networkPolicy={"gatewayNamespaces": ["gw"]})
    solver = End("solver", _OURS, (("acme.cert-manager.io/http01-solver", "true"),))
    policies = edges.policies(resource, Capabilities())
    reach = {source.name for source in _WORLD if _side(policies, solver, source, 8089, "Ingress")}
    assert reach == {"gateway"}
