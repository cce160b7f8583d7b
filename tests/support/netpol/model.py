"""What a policy engine knows: policies, pods and namespaces, without the API's spellings. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from ipaddress import IPv4Address, IPv4Network

Labels = Mapping[str, str]


class Operator(StrEnum):
    """Of a label selector's expression."""

    IN = "In"
    NOT_IN = "NotIn"
    EXISTS = "Exists"
    DOES_NOT_EXIST = "DoesNotExist"


class Protocol(StrEnum):
    """As the API spells them."""

    TCP = "TCP"
    UDP = "UDP"
    SCTP = "SCTP"


@dataclass(frozen=True, slots=True)
class Requirement:
    """One condition on one label."""

    key: str
    operator: Operator
    values: frozenset[str] = frozenset()

    def met_by(self, labels: Labels) -> bool:
        match self.operator:
            case Operator.IN:
                return labels.get(self.key) in self.values
            case Operator.NOT_IN:
                return labels.get(self.key) not in self.values  # a label that is absent is in no list
            case Operator.EXISTS:
                return self.key in labels
            case Operator.DOES_NOT_EXIST:
                return self.key not in labels


@dataclass(frozen=True, slots=True)
class Selector:
    """All requirements must be met; none at all selects everything."""

    requirements: tuple[Requirement, ...] = ()

    def matches(self, labels: Labels) -> bool:
        return all(requirement.met_by(labels) for requirement in self.requirements)


@dataclass(frozen=True, slots=True)
class PodPeer:
    """Pods by their labels and their namespace's.

    Args:
        namespaces: None means the policy's own namespace, an empty selector means every one.
    """

    pods: Selector = Selector()
    namespaces: Selector | None = None


@dataclass(frozen=True, slots=True)
class BlockPeer:
    """Addresses, whoever has them: pods, the node, the world."""

    network: IPv4Network
    excluded: tuple[IPv4Network, ...] = ()


Peer = PodPeer | BlockPeer


@dataclass(frozen=True, slots=True)
class Port:
    """Destination ports of one protocol.

    Args:
        port: None means every port; a name means what the destination pod calls so.
        end: last port of a range that begins at ``port``.
    """

    protocol: Protocol = Protocol.TCP
    port: int | str | None = None
    end: int | None = None


@dataclass(frozen=True, slots=True)
class Rule:
    """Traffic that is allowed: with one of the peers, to one of the ports.

    Args:
        peers: None means everyone; an empty tuple means nobody that is known here (all of another address family).
        ports: empty means every port of every protocol, ICMP included.
    """

    peers: tuple[Peer, ...] | None = None
    ports: tuple[Port, ...] = ()


@dataclass(frozen=True, slots=True)
class Policy:
    """Args:
    ingress: None where the policy says nothing of this direction; an empty tuple isolates and allows nothing.
    egress: likewise.
    """

    namespace: str
    name: str
    pods: Selector = Selector()
    ingress: tuple[Rule, ...] | None = None
    egress: tuple[Rule, ...] | None = None


@dataclass(frozen=True, slots=True)
class Pod:
    """A pod with an address of its own in the pod network.

    Args:
        ports: what its containers call their ports; two containers may use one name.
    """

    namespace: str
    name: str
    address: IPv4Address
    labels: Labels = field(default_factory=dict)
    ports: frozenset[tuple[Protocol, str, int]] = frozenset()


@dataclass(frozen=True, slots=True)
class World:
    """Everything that decides whether traffic is allowed.

    Args:
        namespaces: name -> labels.
        pod_network: addresses that belong to pods alone; while any policy exists, one that no known pod has is cut off.
            None: addresses of no known pod are let pass.
    """

    policies: tuple[Policy, ...] = ()
    pods: tuple[Pod, ...] = ()
    namespaces: Mapping[str, Labels] = field(default_factory=dict)
    pod_network: IPv4Network | None = None
