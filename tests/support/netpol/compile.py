"""A world as one nftables ruleset that replaces the one before in one transaction. Pure.

An ``accept`` ends only the base chain it stands in and a ``drop`` ends everything, so each direction has base chains of
its own and traffic passes when both let it. Pods that the same policies select share a chain. Peers and named ports are
sets: the number of rules does not grow with the number of pods.

- ``forward`` comes after DNAT: a Service is judged by the pod that was chosen.
- ``input`` is traffic to the node's own addresses (the API server's too): a pod's egress.
- ``output`` has no chain: the node's own traffic (kubelet, probes, pods on the node's network) is let in, as the API
  wants it.
- Connections that exist are never cut: what a changed policy forbids is forbidden to new ones.
- IPv4 only. On a node with IPv6 pod addresses nothing of theirs is judged.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Network, collapse_addresses

from tests.support.netpol.model import BlockPeer, Peer, Pod, PodPeer, Policy, Port, Protocol, Rule, World

TABLE = "novacron_netpol"
_PRIORITY = "filter + 10"
"""After the filter of kube-proxy: what that one drops never comes here."""
_ESTABLISHED = "ct state established,related accept"


@dataclass(frozen=True, slots=True)
class _Direction:
    """Args:
    own: the field that holds the address of the pod that a policy selects; ``other`` is the peer's.
    hooks: where such traffic passes.
    """

    name: str
    own: str
    other: str
    hooks: tuple[str, ...]

    def rules(self, policy: Policy) -> tuple[Rule, ...] | None:
        return policy.ingress if self.name == "ingress" else policy.egress


_DIRECTIONS = (
    _Direction("egress", "saddr", "daddr", ("forward", "input")),
    _Direction("ingress", "daddr", "saddr", ("forward",)),
)


def compiled(world: World) -> str:
    """The text for ``nft -f -``. The same world gives the same text."""
    return _Compilation(world).text()


@dataclass(slots=True)
class _Compilation:
    world: World
    _sets: dict[str, str] = field(default_factory=dict)
    _chains: list[str] = field(default_factory=list)
    _bases: list[str] = field(default_factory=list)

    def text(self) -> str:
        if self.world.policies and self.world.pod_network is not None:
            self._cut_off_unknown(self.world.pod_network)
        for direction in _DIRECTIONS:
            self._direct(direction)
        sets = [f"set {name} {{ {content} }}" for content, name in self._sets.items()]
        body = "\n".join((*sets, *self._chains, *self._bases))
        # the first line makes the second one valid where there was no table yet
        return f"table ip {TABLE} {{}}\ndelete table ip {TABLE}\ntable ip {TABLE} {{\n{body}\n}}\n"

    def _cut_off_unknown(self, network: IPv4Network) -> None:
        known = self._addresses("pods", (IPv4Network(pod.address) for pod in self.world.pods))
        for hook, sides in (("forward", ("saddr", "daddr")), ("input", ("saddr",))):
            drops = [f"ip {side} {network}{_unless(side, known)} counter drop" for side in sides]
            self._base(f"unknown_{hook}", hook, [_ESTABLISHED, *drops])

    def _direct(self, direction: _Direction) -> None:
        """One direction: a chain a policy, a chain a group of equally selected pods, and the hooks."""
        groups: dict[tuple[int, ...], list[Pod]] = {}
        for pod in self.world.pods:
            key = tuple(
                number
                for number, policy in enumerate(self.world.policies)
                if direction.rules(policy) is not None and _selects(policy, pod)
            )
            if key:
                groups.setdefault(key, []).append(pod)
        for number in sorted({number for key in groups for number in key}):
            self._policy(direction, number)
        verdicts: list[str] = []
        for position, (key, pods) in enumerate(groups.items()):
            chain = f"{direction.name}_pods_{position}"
            jumps = [f"jump {direction.name}_policy_{number}" for number in key]
            self._chains.append(_chain(chain, [*jumps, "counter drop"]))
            verdicts += [f"{pod.address} : goto {chain}" for pod in pods]
        rules = (
            self._dispatch(direction, verdicts, [pod for pods in groups.values() for pod in pods]) if verdicts else []
        )
        for hook in direction.hooks:
            # also where nobody is isolated: the kernel tracks connections only from the first rule on that asks for it,
            # and one that it does not know would be cut by the first policy
            self._base(f"{direction.name}_{hook}", hook, [_ESTABLISHED, *rules])

    def _dispatch(self, direction: _Direction, verdicts: Sequence[str], isolated: Sequence[Pod]) -> list[str]:
        """Sends what concerns isolated pods to their chains, but for what a pod sends to itself through a Service."""
        self._chains.append(_map(f"{direction.name}_pods", verdicts))
        loops = ", ".join(f"{pod.address} . {pod.address}" for pod in isolated)
        itself = self._set("itself", f"type ipv4_addr . ipv4_addr; elements = {{ {loops} }}")
        return [f"ip saddr . ip daddr @{itself} accept", f"ip {direction.own} vmap @{direction.name}_pods"]

    def _policy(self, direction: _Direction, number: int) -> None:
        policy = self.world.policies[number]
        lines = [f"# {policy.namespace}/{policy.name}"]
        for rule in direction.rules(policy) or ():
            peers = self._peers(direction, policy, rule)
            if peers is not None:
                lines += [" ".join(filter(None, (peers, ports, "accept"))) for ports in self._ports(rule.ports)]
        self._chains.append(_chain(f"{direction.name}_policy_{number}", lines))

    def _peers(self, direction: _Direction, policy: Policy, rule: Rule) -> str | None:
        """The condition on the other side; empty for everyone, None for nobody."""
        if rule.peers is None:
            return ""
        networks = [network for peer in rule.peers for network in self._networks(policy, peer)]
        return f"ip {direction.other} @{self._addresses('peers', networks)}" if networks else None

    def _networks(self, policy: Policy, peer: Peer) -> Iterable[IPv4Network]:
        match peer:
            case BlockPeer():
                return _without(peer.network, peer.excluded)
            case PodPeer():
                return [IPv4Network(pod.address) for pod in self.world.pods if self._is_peer(policy, peer, pod)]

    def _is_peer(self, policy: Policy, peer: PodPeer, pod: Pod) -> bool:
        if peer.namespaces is None:
            near = pod.namespace == policy.namespace
        else:
            near = peer.namespaces.matches(self.world.namespaces.get(pod.namespace, {}))
        return near and peer.pods.matches(pod.labels)

    def _ports(self, ports: Sequence[Port]) -> list[str]:
        """The conditions on the destination port; any of them allows."""
        if not ports:
            return [""]
        found: list[str] = []
        for protocol in Protocol:
            of_it = [port for port in ports if port.protocol is protocol]
            if any(port.port is None for port in of_it):
                found.append(f"meta l4proto {protocol.lower()}")
                continue
            ranges = [(port.port, port.end or port.port) for port in of_it if isinstance(port.port, int)]
            if ranges:
                found.append(f"{protocol.lower()} dport {{ {', '.join(_merged(ranges))} }}")
            names = sorted({port.port for port in of_it if isinstance(port.port, str)})
            found += filter(None, (self._named(protocol, name) for name in names))
        return found

    def _named(self, protocol: Protocol, name: str) -> str:
        """A name means what the pod at the destination calls so, whichever it is; a pod without it has no such port."""
        elements = sorted(
            (pod.address, number)
            for pod in self.world.pods
            for its_protocol, its_name, number in pod.ports
            if (its_protocol, its_name) == (protocol, name)
        )
        if not elements:
            return ""
        text = ", ".join(f"{address} . {number}" for address, number in elements)
        known = self._set("port", f"type ipv4_addr . inet_service; elements = {{ {text} }}")
        return f"ip daddr . {protocol.lower()} dport @{known}"

    def _addresses(self, purpose: str, networks: Iterable[IPv4Network]) -> str:
        """The name of a set of addresses; empty where there are none."""
        merged = [str(network) for network in collapse_addresses(networks)]
        if not merged:
            return ""
        return self._set(purpose, f"type ipv4_addr; flags interval; elements = {{ {', '.join(merged)} }}")

    def _set(self, purpose: str, content: str) -> str:
        """The name of a set with that content; equal ones are one."""
        return self._sets.setdefault(content, f"{purpose}_{len(self._sets)}")

    def _base(self, name: str, hook: str, rules: Sequence[str]) -> None:
        self._bases.append(_chain(name, [f"type filter hook {hook} priority {_PRIORITY}; policy accept;", *rules]))


def _selects(policy: Policy, pod: Pod) -> bool:
    return policy.namespace == pod.namespace and policy.pods.matches(pod.labels)


def _unless(side: str, known: str) -> str:
    return f" ip {side} != @{known}" if known else ""


def _chain(name: str, lines: Sequence[str]) -> str:
    return "\n".join((f"chain {name} {{", *(f"  {line}" for line in lines), "}"))


def _map(name: str, elements: Sequence[str]) -> str:
    return f"map {name} {{ type ipv4_addr : verdict; elements = {{ {', '.join(elements)} }} }}"


def _without(network: IPv4Network, excluded: Sequence[IPv4Network]) -> list[IPv4Network]:
    left = [network]
    for hole in excluded:
        left = [part for whole in left for part in _minus(whole, hole)]
    return left


def _minus(network: IPv4Network, hole: IPv4Network) -> Iterable[IPv4Network]:
    if network.subnet_of(hole):
        return ()
    return network.address_exclude(hole) if hole.subnet_of(network) else (network,)


def _merged(ranges: Sequence[tuple[int, int]]) -> list[str]:
    """Ranges that neither overlap nor touch: nft refuses a set whose elements overlap."""
    found: list[tuple[int, int]] = []
    for first, last in sorted(ranges):
        if found and first <= found[-1][1] + 1:
            found[-1] = (found[-1][0], max(found[-1][1], last))
        else:
            found.append((first, last))
    return [str(first) if first == last else f"{first}-{last}" for first, last in found]
