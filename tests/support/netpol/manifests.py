"""The API's objects as the engine's model. Pure.

What is read was admitted by an API server: its shape is valid. What this engine cannot judge (IPv6) is left out, so
that it is never allowed by mistake: a rule whose only peers are IPv6 blocks allows nobody.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from ipaddress import IPv4Address, IPv4Network, ip_address, ip_network
from typing import Any

from tests.support.netpol.model import (
    BlockPeer,
    Operator,
    Peer,
    Pod,
    PodPeer,
    Policy,
    Port,
    Protocol,
    Requirement,
    Rule,
    Selector,
    World,
)

Manifest = Mapping[str, Any]

_OVER = ("Succeeded", "Failed")
_INGRESS, _EGRESS = "Ingress", "Egress"


def world(
    policies: Iterable[Manifest],
    pods: Iterable[Manifest],
    namespaces: Iterable[Manifest],
    pod_network: IPv4Network | None = None,
) -> World:
    return World(
        tuple(sorted((policy(item) for item in policies), key=lambda found: (found.namespace, found.name))),
        _one_an_address(pods),
        {item["metadata"]["name"]: item["metadata"].get("labels") or {} for item in namespaces},
        pod_network,
    )


def policy(item: Manifest) -> Policy:
    spec = item["spec"]
    types = spec.get("policyTypes") or _default_types(spec)
    return Policy(
        item["metadata"]["namespace"],
        item["metadata"]["name"],
        selector(spec.get("podSelector") or {}),
        _rules(spec.get("ingress"), "from") if _INGRESS in types else None,
        _rules(spec.get("egress"), "to") if _EGRESS in types else None,
    )


def _default_types(spec: Manifest) -> Sequence[str]:
    """The API server's own default, for objects that did not pass one."""
    return (_INGRESS, _EGRESS) if spec.get("egress") else (_INGRESS,)


def selector(item: Manifest) -> Selector:
    wanted = [
        Requirement(key, Operator.IN, frozenset({value})) for key, value in (item.get("matchLabels") or {}).items()
    ]
    wanted += [
        Requirement(entry["key"], Operator(entry["operator"]), frozenset(entry.get("values") or ()))
        for entry in item.get("matchExpressions") or ()
    ]
    return Selector(tuple(wanted))


def _rules(items: Sequence[Manifest] | None, side: str) -> tuple[Rule, ...]:
    return tuple(Rule(_peers(item.get(side) or ()), tuple(map(_port, item.get("ports") or ()))) for item in items or ())


def _peers(items: Sequence[Manifest]) -> tuple[Peer, ...] | None:
    """An empty list of peers means everyone, as an absent one does."""
    if not items:
        return None
    return tuple(peer for peer in map(_peer, items) if peer is not None)


def _peer(item: Manifest) -> Peer | None:
    block = item.get("ipBlock")
    if block is None:
        namespaces = item.get("namespaceSelector")
        return PodPeer(selector(item.get("podSelector") or {}), None if namespaces is None else selector(namespaces))
    network = _network(block["cidr"])
    if network is None:
        return None
    return BlockPeer(network, tuple(filter(None, map(_network, block.get("except") or ()))))


def _network(text: str) -> IPv4Network | None:
    found = ip_network(text, strict=False)
    return found if isinstance(found, IPv4Network) else None


def _port(item: Manifest) -> Port:
    return Port(Protocol(item.get("protocol") or "TCP"), item.get("port"), item.get("endPort"))


def pod(item: Manifest) -> Pod | None:
    """None for what has no address of its own: not started, ended, or on the node's network."""
    spec, status = item["spec"], item.get("status") or {}
    address = _address(status)
    if spec.get("hostNetwork") or status.get("phase") in _OVER or address is None:
        return None
    return Pod(
        item["metadata"]["namespace"],
        item["metadata"]["name"],
        address,
        item["metadata"].get("labels") or {},
        frozenset(_ports(spec)),
    )


def _address(status: Manifest) -> IPv4Address | None:
    texts = [entry["ip"] for entry in status.get("podIPs") or ()] or [status.get("podIP")]
    found = [ip_address(text) for text in texts if text]
    return next((address for address in found if isinstance(address, IPv4Address)), None)


def _ports(spec: Manifest) -> Iterable[tuple[Protocol, str, int]]:
    """Of containers that serve: a sidecar is an init container that restarts always."""
    sidecars = [item for item in spec.get("initContainers") or () if item.get("restartPolicy") == "Always"]
    for container in (*spec.get("containers", ()), *sidecars):
        for port in container.get("ports") or ():
            if port.get("name"):
                yield Protocol(port.get("protocol") or "TCP"), port["name"], port["containerPort"]


def _one_an_address(items: Iterable[Manifest]) -> tuple[Pod, ...]:
    """An address is free again before the API has forgotten the pod that had it: the pod that stays has it, then the
    newest."""
    found: dict[IPv4Address, Pod] = {}
    for item in sorted(items, key=_claim):
        known = pod(item)
        if known is not None:
            found[known.address] = known
    return tuple(found[address] for address in sorted(found))


def _claim(item: Manifest) -> tuple[bool, str, str]:
    meta = item["metadata"]
    return "deletionTimestamp" not in meta, meta.get("creationTimestamp") or "", meta.get("uid") or ""
