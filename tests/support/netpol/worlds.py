"""Small worlds of policies, pods and namespaces for property tests: few values, so that they meet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

from tests.support.netpol.box import NODE, WORLD
from tests.support.netpol.semantics import End, end_of
from tests.support.netpol.traffic import Attempt

Manifest = dict[str, Any]

ADDRESSES = tuple(f"10.0.0.{number}" for number in range(2, 7))
NETWORK = "10.0.0.0/24"
PORTS = (80, 81, 90)
PROTOCOLS = ("TCP", "UDP", "SCTP")
_NAMESPACES = ("x", "y")
_KEYS, _VALUES = ("app", "tier"), ("1", "2")
_NAMES = ("http", "metrics")


@dataclass(frozen=True, slots=True)
class Drawn:
    """The objects of a world, as the API would give them."""

    policies: Sequence[Manifest]
    pods: Sequence[Manifest]
    namespaces: Sequence[Manifest]

    def ends(self) -> list[End]:
        """All pods, two addresses of the world, and the node."""
        outside = [End(address) for address in WORLD]
        return [*map(end_of, self.pods), *outside, End(NODE, node=True)]

    def attempts(self) -> list[tuple[Attempt, End, End]]:
        return [
            (Attempt(source.address, destination.address, protocol, port), source, destination)
            for source in self.ends()
            for destination in self.ends()
            for protocol in PROTOCOLS
            for port in PORTS
        ]


def pod(namespace: str, name: str, address: str, labels: Manifest, *ports: Manifest) -> Manifest:
    return {
        "kind": "Pod",
        "metadata": {"namespace": namespace, "name": name, "labels": labels},
        "spec": {"containers": [{"name": "main", "ports": list(ports)}]},
        "status": {"phase": "Running", "podIP": address, "podIPs": [{"ip": address}]},
    }


def namespace(name: str, labels: Manifest) -> Manifest:
    return {"kind": "Namespace", "metadata": {"name": name, "labels": labels}}


def policy(namespace: str, name: str = "policy", **spec: Any) -> Manifest:
    return {"kind": "NetworkPolicy", "metadata": {"namespace": namespace, "name": name}, "spec": spec}


_labels = st.dictionaries(st.sampled_from(_KEYS), st.sampled_from(_VALUES))
_protocols = st.sampled_from(PROTOCOLS)
_expressions = st.one_of(
    st.fixed_dictionaries(
        {
            "key": st.sampled_from(_KEYS),
            "operator": st.sampled_from(("In", "NotIn")),
            "values": st.lists(st.sampled_from(_VALUES), min_size=1, unique=True),
        }
    ),
    st.fixed_dictionaries({"key": st.sampled_from(_KEYS), "operator": st.sampled_from(("Exists", "DoesNotExist"))}),
)
_selectors = st.fixed_dictionaries(
    {}, optional={"matchLabels": _labels, "matchExpressions": st.lists(_expressions, max_size=2)}
)
_blocks = st.sampled_from(
    (
        {"cidr": "0.0.0.0/0"},
        {"cidr": "0.0.0.0/0", "except": ["10.0.0.0/24"]},
        {"cidr": "10.0.0.0/24", "except": ["10.0.0.4/31", "10.0.0.2/32"]},
        {"cidr": "10.0.0.2/31"},
        {"cidr": "198.51.100.0/24", "except": ["198.51.100.64/26"]},
        {"cidr": "203.0.113.1/32"},
        {"cidr": "fd00::/8"},
    )
)
_peers = st.one_of(
    st.fixed_dictionaries({"ipBlock": _blocks}),
    st.fixed_dictionaries({"podSelector": _selectors}, optional={"namespaceSelector": _selectors}),
    st.fixed_dictionaries({"namespaceSelector": _selectors}),
)
_ports = st.one_of(
    st.fixed_dictionaries({}, optional={"protocol": _protocols}),
    st.fixed_dictionaries({"port": st.sampled_from((*PORTS, *_NAMES))}, optional={"protocol": _protocols}),
    st.fixed_dictionaries(
        {"port": st.just(80), "endPort": st.sampled_from((80, 81, 90))}, optional={"protocol": _protocols}
    ),
)


def _rules(side: str) -> st.SearchStrategy[list[Manifest]]:
    return st.lists(
        st.fixed_dictionaries({}, optional={side: st.lists(_peers, max_size=2), "ports": st.lists(_ports, max_size=3)}),
        max_size=2,
    )


_specs = st.fixed_dictionaries(
    {"podSelector": _selectors},
    optional={
        "policyTypes": st.sampled_from((["Ingress"], ["Egress"], ["Ingress", "Egress"])),
        "ingress": _rules("from"),
        "egress": _rules("to"),
    },
)
_declared = st.lists(
    st.fixed_dictionaries(
        {"name": st.sampled_from(_NAMES), "containerPort": st.sampled_from(PORTS)}, optional={"protocol": _protocols}
    ),
    max_size=2,
    unique_by=lambda port: port["name"],
)


@st.composite
def worlds(draw: st.DrawFn) -> Drawn:
    """Two namespaces, five pods at the same addresses always, up to four policies."""
    names = st.sampled_from(_NAMESPACES)
    pods = [
        pod(draw(names), f"pod-{number}", address, draw(_labels), *draw(_declared))
        for number, address in enumerate(ADDRESSES)
    ]
    specs = draw(st.lists(st.tuples(names, _specs), max_size=4))
    policies = [policy(where, f"policy-{number}", **spec) for number, (where, spec) in enumerate(specs)]
    return Drawn(policies, pods, [namespace(name, draw(_labels)) for name in _NAMESPACES])
