"""Kubernetes' own types that the resource passes on: affinity, tolerations, network peers.

Their meaning is Kubernetes' (``kubectl explain pod.spec.affinity``), so fields below the top carry no descriptions.
Absent fields are None and stay absent.
"""

from __future__ import annotations

import ipaddress
import re
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from novacron.api.v1alpha1.base import Model
from novacron.api.v1alpha1.rules import Extensions, Rule
from novacron.api.v1alpha1.scalars import Cidr, DnsName, Int

Text = Annotated[str, Field(max_length=253)]
LabelValue = Annotated[str, Field(max_length=63)]
LabelKey = Annotated[str, Field(max_length=317)]
LabelValues = Annotated[tuple[LabelValue, ...], Field(max_length=64)]
Labels = Annotated[dict[str, LabelValue], Field(max_length=64)]


class LocalObjectReference(Model):
    """An object of the same namespace, by name."""

    extensions: ClassVar[dict[str, object]] = {"x-kubernetes-map-type": "atomic"}

    name: Annotated[DnsName, Field(description="Name of the Secret, in the namespace of the resource.")]


class LabelSelectorRequirement(Model):
    key: LabelKey
    operator: Literal["In", "NotIn", "Exists", "DoesNotExist"]
    values: LabelValues | None = None


class LabelSelector(Model):
    extensions: ClassVar[dict[str, object]] = {"x-kubernetes-map-type": "atomic"}

    match_labels: Labels | None = None
    match_expressions: Annotated[tuple[LabelSelectorRequirement, ...], Field(max_length=16)] | None = None


class NodeSelectorRequirement(Model):
    key: LabelKey
    operator: Literal["In", "NotIn", "Exists", "DoesNotExist", "Gt", "Lt"]
    values: LabelValues | None = None


class NodeSelectorTerm(Model):
    extensions: ClassVar[dict[str, object]] = {"x-kubernetes-map-type": "atomic"}

    match_expressions: Annotated[tuple[NodeSelectorRequirement, ...], Field(max_length=16)] | None = None
    match_fields: Annotated[tuple[NodeSelectorRequirement, ...], Field(max_length=16)] | None = None


class NodeSelector(Model):
    extensions: ClassVar[dict[str, object]] = {"x-kubernetes-map-type": "atomic"}

    node_selector_terms: Annotated[tuple[NodeSelectorTerm, ...], Field(min_length=1, max_length=16)]


class PreferredSchedulingTerm(Model):
    weight: Annotated[Int, Field(ge=1, le=100)]
    preference: NodeSelectorTerm


class NodeAffinity(Model):
    required_during_scheduling_ignored_during_execution: NodeSelector | None = None
    preferred_during_scheduling_ignored_during_execution: (
        Annotated[tuple[PreferredSchedulingTerm, ...], Field(max_length=16)] | None
    ) = None


class PodAffinityTerm(Model):
    topology_key: Annotated[str, Field(min_length=1, max_length=317)]
    label_selector: LabelSelector | None = None
    namespaces: Annotated[tuple[LabelValue, ...], Field(max_length=16)] | None = None
    namespace_selector: LabelSelector | None = None
    match_label_keys: Annotated[tuple[LabelKey, ...], Field(max_length=16)] | None = None
    mismatch_label_keys: Annotated[tuple[LabelKey, ...], Field(max_length=16)] | None = None


class WeightedPodAffinityTerm(Model):
    weight: Annotated[Int, Field(ge=1, le=100)]
    pod_affinity_term: PodAffinityTerm


class PodAffinity(Model):
    required_during_scheduling_ignored_during_execution: (
        Annotated[tuple[PodAffinityTerm, ...], Field(max_length=16)] | None
    ) = None
    preferred_during_scheduling_ignored_during_execution: (
        Annotated[tuple[WeightedPodAffinityTerm, ...], Field(max_length=16)] | None
    ) = None


class Affinity(Model):
    node_affinity: NodeAffinity | None = None
    pod_affinity: PodAffinity | None = None
    pod_anti_affinity: PodAffinity | None = None


class Toleration(Model):
    rules: ClassVar[tuple[Rule[Toleration], ...]] = (
        Rule(
            cel="has(self.key) && self.key != '' || has(self.operator) && self.operator == 'Exists'",
            message="needs a key, or operator Exists to tolerate every taint",
            holds=lambda own: bool(own.key) or own.operator == "Exists",
            path=".key",
        ),
        Rule(
            cel="!has(self.value) || self.value == '' || !has(self.operator) || self.operator != 'Exists'",
            message="must be empty with operator Exists",
            holds=lambda own: not own.value or own.operator != "Exists",
            path=".value",
        ),
    )

    key: LabelKey | None = None
    operator: Literal["Exists", "Equal", "Lt", "Gt"] | None = None
    value: LabelValue | None = None
    effect: Literal["NoSchedule", "PreferNoSchedule", "NoExecute"] | None = None
    toleration_seconds: Int | None = None


def _network(text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    try:
        return ipaddress.ip_network(text) if "/" in text else None
    except ValueError:
        return None


def _excluded_lies_inside(block: IPBlock) -> bool:
    outer = _network(block.cidr)
    inner = [network for network in map(_network, block.except_ or ()) if network is not None]
    return outer is None or all(
        network.version == outer.version
        and network.prefixlen > outer.prefixlen
        and network.supernet(new_prefix=outer.prefixlen) == outer
        for network in inner
    )


class IPBlock(Model):
    rules: ClassVar[tuple[Rule[IPBlock], ...]] = (
        Rule(
            cel=(
                "!has(self.except) || !isCIDR(self.cidr) || self.except.all(inner, !isCIDR(inner)"
                " || (cidr(self.cidr).containsCIDR(inner)"
                " && cidr(inner).prefixLength() > cidr(self.cidr).prefixLength()))"
            ),
            message="must hold networks inside cidr, smaller than it",
            holds=_excluded_lies_inside,
            path=".except",
        ),
    )

    cidr: Cidr
    # `except` is a Python keyword.
    except_: Annotated[Annotated[tuple[Cidr, ...], Field(max_length=16)] | None, Field(alias="except")] = None


class NetworkPolicyPeer(Model):
    rules: ClassVar[tuple[Rule[NetworkPolicyPeer], ...]] = (
        Rule(
            cel="has(self.ipBlock) != (has(self.podSelector) || has(self.namespaceSelector))",
            message="must give either ipBlock, or podSelector and/or namespaceSelector",
            holds=lambda peer: (
                (peer.ip_block is not None) != (peer.pod_selector is not None or peer.namespace_selector is not None)
            ),
        ),
    )

    pod_selector: LabelSelector | None = None
    namespace_selector: LabelSelector | None = None
    ip_block: IPBlock | None = None


def _is_port_or_name(port: int | str) -> bool:
    if isinstance(port, int):
        return 1 <= port <= 65535
    return (
        re.fullmatch(r"[a-z0-9]([-a-z0-9]{0,13}[a-z0-9])?", port) is not None and re.search("[a-z]", port) is not None
    )


NetworkPolicyPeers = Annotated[tuple[NetworkPolicyPeer, ...], Field(max_length=16)]


PortOrName = Annotated[
    int | str,
    Extensions((("x-kubernetes-int-or-string", True), ("maxLength", 15))),
    Rule[int | str](
        cel=(
            "type(self) == int ? self >= 1 && self <= 65535"
            " : string(self).matches('^[a-z0-9]([-a-z0-9]{0,13}[a-z0-9])?$') && string(self).matches('[a-z]')"
        ),
        message="must be a port from 1 to 65535 or the name of a port such as http",
        holds=_is_port_or_name,
    ),
]


def _range_is_ordered(ports: NetworkPolicyPort) -> bool:
    return ports.end_port is None or (isinstance(ports.port, int) and ports.port <= ports.end_port)


class NetworkPolicyPort(Model):
    rules: ClassVar[tuple[Rule[NetworkPolicyPort], ...]] = (
        Rule(
            cel="!has(self.endPort) || (has(self.port) && type(self.port) == int && self.port <= self.endPort)",
            message="needs a numeric port that is not above it",
            holds=_range_is_ordered,
            path=".endPort",
        ),
    )

    protocol: Literal["TCP", "UDP", "SCTP"] | None = None
    port: PortOrName | None = None
    end_port: Annotated[Int, Field(ge=1, le=65535)] | None = None


class NetworkPolicyEgressRule(Model):
    rules: ClassVar[tuple[Rule[NetworkPolicyEgressRule], ...]] = (
        Rule(
            cel="has(self.to) && size(self.to) > 0",
            message="must name its peers: without any it would open every destination",
            holds=lambda egress: bool(egress.to),
            path=".to",
        ),
    )

    ports: Annotated[tuple[NetworkPolicyPort, ...], Field(max_length=16)] | None = None
    to: NetworkPolicyPeers | None = None
