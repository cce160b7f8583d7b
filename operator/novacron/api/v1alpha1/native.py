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
from novacron.api.v1alpha1.labelling import KEY, KEYS, ODD_VALUE, VALUES, is_label_key, is_label_value
from novacron.api.v1alpha1.rules import Extensions, Rule, literal
from novacron.api.v1alpha1.scalars import Cidr, DnsName, Int, NamespaceName

LabelValue = Annotated[
    str,
    Field(max_length=63),
    Rule[str](
        cel=f"!self.matches({literal(ODD_VALUE)})",
        message="must be empty or at most 63 letters, digits, -, _ and ., with a letter or digit at both ends",
        holds=is_label_value,
    ),
]
LabelKey = Annotated[
    str,
    Field(max_length=317),
    Rule[str](
        cel=f"self.matches({literal(KEY)})",
        message="must be a label's key such as team or example.com/team",
        holds=is_label_key,
    ),
]
# Each list is as long as the server's estimate lets it be: it multiplies the cost of a rule by the lengths of all lists
# around it, and refuses a definition with rules above 10 million, or 100 million together.
LabelValues = Annotated[tuple[LabelValue, ...], Field(max_length=16)]
LabelKeys = Annotated[tuple[LabelKey, ...], Field(max_length=4)]
Labels = Annotated[dict[str, Annotated[str, Field(max_length=63)]], Field(max_length=32), KEYS, VALUES]


class LocalObjectReference(Model):
    """An object of the same namespace, by name."""

    extensions: ClassVar[dict[str, object]] = {"x-kubernetes-map-type": "atomic"}

    name: Annotated[DnsName, Field(description="Name of the Secret, in the namespace of the resource.")]


class LabelSelectorRequirement(Model):
    rules: ClassVar[tuple[Rule[LabelSelectorRequirement], ...]] = (
        Rule(
            cel="(self.operator in ['In', 'NotIn']) == (has(self.values) && size(self.values) > 0)",
            message="In and NotIn need values, Exists and DoesNotExist have none",
            holds=lambda own: (own.operator in {"In", "NotIn"}) == bool(own.values),
            path=".values",
        ),
    )

    key: LabelKey
    operator: Literal["In", "NotIn", "Exists", "DoesNotExist"]
    values: LabelValues | None = None


class LabelSelector(Model):
    extensions: ClassVar[dict[str, object]] = {"x-kubernetes-map-type": "atomic"}

    match_labels: Labels | None = None
    match_expressions: Annotated[tuple[LabelSelectorRequirement, ...], Field(max_length=4)] | None = None


def _has_its_values(own: NodeSelectorRequirement) -> bool:
    if own.operator in {"Gt", "Lt"}:
        return (
            own.values is not None and len(own.values) == 1 and re.fullmatch("-?[0-9]{1,18}", own.values[0]) is not None
        )
    return (own.operator in {"In", "NotIn"}) == bool(own.values)


class NodeSelectorRequirement(Model):
    rules: ClassVar[tuple[Rule[NodeSelectorRequirement], ...]] = (
        Rule(
            cel=(
                "self.operator in ['Gt', 'Lt']"
                " ? has(self.values) && size(self.values) == 1 && self.values[0].matches('^-?[0-9]{1,18}$')"
                " : (self.operator in ['In', 'NotIn']) == (has(self.values) && size(self.values) > 0)"
            ),
            message="In and NotIn need values, Gt and Lt one whole number, Exists and DoesNotExist have none",
            holds=_has_its_values,
            path=".values",
        ),
    )

    key: LabelKey
    operator: Literal["In", "NotIn", "Exists", "DoesNotExist", "Gt", "Lt"]
    values: Annotated[tuple[LabelValue, ...], Field(max_length=64)] | None = None


class NodeFieldRequirement(Model):
    key: Literal["metadata.name"]
    operator: Literal["In", "NotIn"]
    values: Annotated[tuple[DnsName, ...], Field(min_length=1, max_length=1)]


class NodeSelectorTerm(Model):
    extensions: ClassVar[dict[str, object]] = {"x-kubernetes-map-type": "atomic"}

    match_expressions: Annotated[tuple[NodeSelectorRequirement, ...], Field(max_length=8)] | None = None
    match_fields: Annotated[tuple[NodeFieldRequirement, ...], Field(max_length=8)] | None = None


class NodeSelector(Model):
    extensions: ClassVar[dict[str, object]] = {"x-kubernetes-map-type": "atomic"}

    node_selector_terms: Annotated[tuple[NodeSelectorTerm, ...], Field(min_length=1, max_length=8)]


class PreferredSchedulingTerm(Model):
    weight: Annotated[Int, Field(ge=1, le=100)]
    preference: NodeSelectorTerm


class NodeAffinity(Model):
    required_during_scheduling_ignored_during_execution: NodeSelector | None = None
    preferred_during_scheduling_ignored_during_execution: (
        Annotated[tuple[PreferredSchedulingTerm, ...], Field(max_length=8)] | None
    ) = None


class PodAffinityTerm(Model):
    rules: ClassVar[tuple[Rule[PodAffinityTerm], ...]] = (
        Rule(
            cel=(
                "has(self.labelSelector) || ((!has(self.matchLabelKeys) || size(self.matchLabelKeys) == 0)"
                " && (!has(self.mismatchLabelKeys) || size(self.mismatchLabelKeys) == 0))"
            ),
            message="is needed with matchLabelKeys and mismatchLabelKeys, which add to it",
            holds=lambda own: own.label_selector is not None or not (own.match_label_keys or own.mismatch_label_keys),
            path=".labelSelector",
        ),
    )

    topology_key: LabelKey
    label_selector: LabelSelector | None = None
    namespaces: Annotated[tuple[NamespaceName, ...], Field(max_length=16)] | None = None
    namespace_selector: LabelSelector | None = None
    match_label_keys: LabelKeys | None = None
    mismatch_label_keys: LabelKeys | None = None


class WeightedPodAffinityTerm(Model):
    weight: Annotated[Int, Field(ge=1, le=100)]
    pod_affinity_term: PodAffinityTerm


class PodAffinity(Model):
    required_during_scheduling_ignored_during_execution: (
        Annotated[tuple[PodAffinityTerm, ...], Field(max_length=8)] | None
    ) = None
    preferred_during_scheduling_ignored_during_execution: (
        Annotated[tuple[WeightedPodAffinityTerm, ...], Field(max_length=8)] | None
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
        Rule(
            cel="!has(self.tolerationSeconds) || (has(self.effect) && self.effect == 'NoExecute')",
            message="is for effect NoExecute alone: the others evict nobody",
            holds=lambda own: own.toleration_seconds is None or own.effect == "NoExecute",
            path=".tolerationSeconds",
        ),
    )

    key: LabelKey | None = None
    operator: Literal["Exists", "Equal"] | None = None
    value: LabelValue | None = None
    effect: Literal["NoSchedule", "PreferNoSchedule", "NoExecute"] | None = None
    toleration_seconds: Int | None = None


def _network(text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    """The network, or None where the API server's isCIDR sees none; bits behind the prefix are judged elsewhere."""
    if re.fullmatch("[^/%]*/(0|[1-9][0-9]{0,2})", text) is None:
        return None
    try:
        network = ipaddress.ip_network(text, strict=False)
    except ValueError:
        return None
    return None if getattr(ipaddress.ip_address(text.partition("/")[0]), "ipv4_mapped", None) else network


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
        re.fullmatch(r"[a-z0-9]([-a-z0-9]{0,13}[a-z0-9])?", port) is not None
        and re.search("[a-z]", port) is not None
        and "--" not in port
    )


NetworkPolicyPeers = Annotated[tuple[NetworkPolicyPeer, ...], Field(max_length=16)]


PortOrName = Annotated[
    Int | str,
    Extensions((("x-kubernetes-int-or-string", True), ("maxLength", 15))),
    Rule[int | str](
        cel=(
            "type(self) == int ? self >= 1 && self <= 65535"
            " : string(self).matches('^[a-z0-9]([-a-z0-9]{0,13}[a-z0-9])?$') && string(self).matches('[a-z]')"
            " && !string(self).contains('--')"
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
    to: Annotated[tuple[NetworkPolicyPeer, ...], Field(max_length=8)] | None = None
