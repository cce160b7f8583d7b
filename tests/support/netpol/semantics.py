"""What the API says of NetworkPolicies, read from its objects as plainly as can be: the judge of the compiler.

It shares no line with the engine on purpose, knows nothing of nftables, and cares for nothing but being right.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Manifest = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class End:
    """One end of a connection.

    Args:
        pod: None for whoever is no pod of the pod network: the world, the node, a pod on the node's network.
        node: whether it is the node itself.
    """

    address: str
    pod: Manifest | None = None
    node: bool = False


def end_of(pod: Manifest) -> End:
    """A pod's end; one on the node's network is the node."""
    host = bool(pod["spec"].get("hostNetwork"))
    return End(pod["status"]["podIP"], None if host else pod, host)


def allowed(
    policies: Sequence[Manifest],
    namespaces: Iterable[Manifest],
    source: End,
    destination: End,
    protocol: str,
    port: int,
) -> bool:
    """Whether a new connection is let through."""
    labels = {item["metadata"]["name"]: item["metadata"].get("labels") or {} for item in namespaces}
    if source.address == destination.address:
        return True
    if not _lets(policies, labels, "Egress", source, destination, destination, protocol, port):
        return False
    return source.node or _lets(policies, labels, "Ingress", destination, source, destination, protocol, port)


def _lets(
    policies: Sequence[Manifest],
    namespaces: Mapping[str, Manifest],
    direction: str,
    subject: End,
    peer: End,
    destination: End,
    protocol: str,
    port: int,
) -> bool:
    if subject.pod is None:
        return True
    isolating = [policy for policy in policies if _isolates(policy, direction, subject.pod)]
    if not isolating:
        return True
    for policy in isolating:
        for rule in policy["spec"].get(direction.lower()) or []:
            peers = rule.get("from" if direction == "Ingress" else "to") or []
            ports = rule.get("ports") or []
            peer_fits = not peers or any(_is_peer(item, policy, peer, namespaces) for item in peers)
            port_fits = not ports or any(_is_port(item, destination, protocol, port) for item in ports)
            if peer_fits and port_fits:
                return True
    return False


def _isolates(policy: Manifest, direction: str, pod: Manifest) -> bool:
    spec = policy["spec"]
    types = spec.get("policyTypes")
    if not types:
        types = ["Ingress", "Egress"] if spec.get("egress") else ["Ingress"]
    if direction not in types or policy["metadata"]["namespace"] != pod["metadata"]["namespace"]:
        return False
    return _selected(spec.get("podSelector") or {}, pod["metadata"].get("labels") or {})


def _selected(selector: Manifest, labels: Manifest) -> bool:
    for key, value in (selector.get("matchLabels") or {}).items():
        if key not in labels or labels[key] != value:
            return False
    for expression in selector.get("matchExpressions") or []:
        key, operator, values = expression["key"], expression["operator"], expression.get("values") or []
        if operator == "In" and (key not in labels or labels[key] not in values):
            return False
        if operator == "NotIn" and key in labels and labels[key] in values:
            return False
        if operator == "Exists" and key not in labels:
            return False
        if operator == "DoesNotExist" and key in labels:
            return False
    return True


def _is_peer(item: Manifest, policy: Manifest, peer: End, namespaces: Mapping[str, Manifest]) -> bool:
    if "ipBlock" in item:
        address = ipaddress.ip_address(peer.address)
        block = item["ipBlock"]
        inside = address in ipaddress.ip_network(block["cidr"], strict=False)
        return inside and not any(
            address in ipaddress.ip_network(hole, strict=False) for hole in block.get("except") or []
        )
    if peer.pod is None:
        return False
    namespace = peer.pod["metadata"]["namespace"]
    if item.get("namespaceSelector") is None:
        if namespace != policy["metadata"]["namespace"]:
            return False
    elif not _selected(item["namespaceSelector"], namespaces.get(namespace, {})):
        return False
    return _selected(item.get("podSelector") or {}, peer.pod["metadata"].get("labels") or {})


def _is_port(item: Manifest, destination: End, protocol: str, port: int) -> bool:
    if (item.get("protocol") or "TCP") != protocol:
        return False
    wanted = item.get("port")
    if wanted is None:
        return True
    if isinstance(wanted, int):
        return wanted <= port <= (item.get("endPort") or wanted)
    if destination.pod is None:
        return False
    return any(
        (declared.get("name"), declared["containerPort"], declared.get("protocol") or "TCP") == (wanted, port, protocol)
        for container in destination.pod["spec"]["containers"]
        for declared in container.get("ports") or []
    )
