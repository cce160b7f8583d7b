"""A node and its pods without a cluster: network namespaces that only open files of this process hold.

Nothing has a name outside: when the process ends, however that is, the kernel takes all of it away. Needs root.
"""

from __future__ import annotations

import ctypes
import os
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path
from types import TracebackType
from typing import Literal

_CLONE_NEWNET = 0x40000000
_HERE = "/proc/thread-self/ns/net"
WORLD = ("198.51.100.9", "198.51.100.77")
"""Addresses of somebody outside of the cluster."""
NODE = "203.0.113.1"
"""The node's own address, where an API server would be."""
_OUTER_GATEWAY = "198.51.100.1"
_libc = ctypes.CDLL(None, use_errno=True)


class Namespace:
    """A network namespace of its own; gone when closed and no socket is left in it."""

    def __init__(self) -> None:
        before = os.open(_HERE, os.O_RDONLY | os.O_CLOEXEC)
        try:
            _check(_libc.unshare(_CLONE_NEWNET))
            self._file = os.open(_HERE, os.O_RDONLY | os.O_CLOEXEC)
            _check(_libc.setns(before, _CLONE_NEWNET))
        finally:
            os.close(before)

    @property
    def path(self) -> str:
        """Where other processes find it."""
        return f"/proc/{os.getpid()}/fd/{self._file}"

    @contextmanager
    def entered(self) -> Iterator[None]:
        """This thread, the sockets it makes and the commands it runs are in the namespace during the block."""
        before = os.open(_HERE, os.O_RDONLY | os.O_CLOEXEC)
        try:
            _check(_libc.setns(self._file, _CLONE_NEWNET))
            yield
        finally:
            _check(_libc.setns(before, _CLONE_NEWNET))
            os.close(before)

    def ip(self, lines: Iterable[str]) -> None:
        """Lines for ``ip -batch``, each of which must succeed."""
        with self.entered():
            subprocess.run(["ip", "-batch", "-"], input="\n".join(lines), text=True, check=True)

    def close(self) -> None:
        os.close(self._file)


def _check(answer: int) -> None:
    if answer:
        number = ctypes.get_errno()
        raise OSError(number, f"network namespaces need root: {os.strerror(number)}")


@dataclass(slots=True)
class Box:
    """A node, a pod network as the CNI plugin of that name makes it, and somebody outside.

    Args:
        addresses: of the pods.
        network: that they are of; its last address is the node's in it.
    """

    addresses: tuple[IPv4Address, ...]
    network: IPv4Network
    plugin: Literal["ptp", "bridge"] = "ptp"
    node: Namespace = field(default_factory=Namespace)
    world: Namespace = field(default_factory=Namespace)
    pods: dict[str, Namespace] = field(default_factory=dict)

    def __enter__(self) -> Box:
        with self.node.entered():
            Path("/proc/sys/net/ipv4/ip_forward").write_text("1")
        self.node.ip(("link set lo up", f"addr add {NODE}/32 dev lo", *self._bridge()))
        self._outside()
        for number, address in enumerate(self.addresses):
            self.add(str(address), number)
        return self

    @property
    def gateway(self) -> str:
        return str(self.network[-2])

    def _bridge(self) -> tuple[str, ...]:
        if self.plugin == "ptp":
            return ()
        with self.node.entered():
            Path("/proc/sys/net/bridge/bridge-nf-call-iptables").write_text("1")
        address = f"addr add {self.gateway}/{self.network.prefixlen} dev cni0"
        return ("link add cni0 type bridge", address, "link set cni0 up")

    def add(self, address: str, number: int) -> None:
        """A pod with its link to the node."""
        pod = self.pods[address] = Namespace()
        end = f"pod{number}"
        create = f"link add {end} type veth peer name eth0 netns {pod.path}"
        if self.plugin == "ptp":
            joined: tuple[str, ...] = (
                f"addr add {self.gateway}/32 dev {end}",
                f"link set {end} up",
                f"route add {address} dev {end}",
            )
            own, onlink = f"{address}/32", " onlink"
        else:
            joined = (f"link set {end} master cni0 up", f"link set {end} type bridge_slave hairpin on")
            own, onlink = f"{address}/{self.network.prefixlen}", ""
        self.node.ip((create, *joined))
        default = f"route add default via {self.gateway} dev eth0{onlink}"
        pod.ip(("link set lo up", f"addr add {own} dev eth0", "link set eth0 up", default))

    def _outside(self) -> None:
        routes = [f"route add {address} dev out" for address in WORLD]
        create = f"link add out type veth peer name eth0 netns {self.world.path}"
        self.node.ip((create, f"addr add {_OUTER_GATEWAY}/32 dev out", "link set out up", *routes))
        own = [f"addr add {address}/32 dev eth0" for address in WORLD]
        default = f"route add default via {_OUTER_GATEWAY} dev eth0 onlink"
        self.world.ip(("link set lo up", *own, "link set eth0 up", default))

    def namespaces(self) -> Mapping[str, Namespace]:
        """By address: all pods, the world and the node."""
        return {**self.pods, **dict.fromkeys(WORLD, self.world), NODE: self.node}

    def __exit__(self, _kind: type[BaseException] | None, _error: object, _trace: TracebackType | None) -> None:
        for namespace in (*self.pods.values(), self.world, self.node):
            namespace.close()
