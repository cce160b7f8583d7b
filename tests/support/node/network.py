"""The network inside the box: who reaches whom from a pod's own namespace, hosts that play the outside, cuts."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from tests.support.node import binaries
from tests.support.node.box import Box

METADATA = "169.254.169.254"
"""Where clouds tell their machines' credentials; played by a host of the box."""
OUTSIDE = "203.0.113.10"
"""A host of the wide world (RFC 5737: an address that nobody has); played likewise."""
HOST_PORT = 80
_SECONDS = 1.0
_PROBE = """
import json, socket, sys
from concurrent.futures import ThreadPoolExecutor
def reached(target):
    host, port, protocol = target
    if protocol == "UDP":
        return answered(host, port)
    try:
        socket.create_connection((host, port), {seconds}).close()
    except ConnectionRefusedError:
        return True
    except OSError:
        return False
    return True
def answered(host, port):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.settimeout({seconds})
        try:
            probe.connect((host, port))
            # DNS: who serves the root zone? Whatever the answer is, the way there and back is open
            probe.send(bytes.fromhex("000101000001000000000000" "00" "0002" "0001"))
            probe.recv(512)
        except ConnectionRefusedError:
            return True
        except OSError:
            return False
        return True
targets = json.load(sys.stdin)
with ThreadPoolExecutor(64) as pool:
    json.dump(list(pool.map(reached, targets)), sys.stdout)
"""
_LISTENER = """
import socketserver, sys
class Greeting(socketserver.BaseRequestHandler):
    def handle(self): self.request.sendall(b"here")
socketserver.ThreadingTCPServer.allow_reuse_address = True
socketserver.ThreadingTCPServer((sys.argv[1], int(sys.argv[2])), Greeting).serve_forever()
"""


@dataclass(frozen=True, slots=True)
class Target:
    """Where a probe goes. A refused connection counts as reached: something answered."""

    address: str
    port: int
    protocol: str = "TCP"


class Network:
    """What tests do with the network of a box."""

    def __init__(self, box: Box) -> None:
        self._box = box

    def reached(self, source: str, targets: Sequence[Target]) -> Mapping[Target, bool]:
        """Which targets are reached from the network namespace of the pod with this address."""
        question = json.dumps([(target.address, target.port, target.protocol) for target in targets])
        probe = _PROBE.replace("{seconds}", str(_SECONDS))
        inside = ("ip", "netns", "exec", self._namespace(source))
        answer = self._box.run(*inside, sys.executable, "-I", "-S", "-c", probe, input=question)
        return dict(zip(targets, json.loads(answer), strict=True))

    def _namespace(self, address: str) -> str:
        """Name of the network namespace that CNI made for a pod."""
        for line in self._box.run("ip", "netns", "list").splitlines():
            name = line.split()[0]
            found = json.loads(self._box.run("ip", "-n", name, "-json", "-4", "addr") or "[]")
            if any(info["local"] == address for link in found for info in link.get("addr_info", ())):
                return name
        raise AssertionError(f"no pod of this node has the address {address}")

    @contextmanager
    def hosts(self) -> Iterator[None]:
        """A metadata service and a host of the outside, each in a namespace of its own that the box routes to."""
        for number, address in enumerate((METADATA, OUTSIDE)):
            name = f"host{number}"
            self._box.run("ip", "netns", "add", name)
            self._box.run("ip", "link", "add", name, "type", "veth", "peer", "name", "eth0", "netns", name)
            self._box.run("ip", "link", "set", name, "up")
            self._box.run("ip", "route", "add", f"{address}/32", "dev", name)
            gateway = self._box.addresses.gateway(number)
            self._box.run("ip", "addr", "add", f"{gateway}/32", "dev", name)
            for command in (
                f"addr add {address}/32 dev eth0",
                "link set lo up",
                "link set eth0 up",
                f"route add {gateway}/32 dev eth0",
                f"route add default via {gateway} dev eth0",
            ):
                self._box.run("ip", "-n", name, *command.split())
            self._box.spawn("ip", "netns", "exec", name, sys.executable, "-I", "-S", "-c", _LISTENER,
                            address, str(HOST_PORT), log=f"{name}.log")  # fmt: skip
        try:
            yield
        finally:
            for name in ("host0", "host1"):
                self._box.run("kill", *self._box.run("ip", "netns", "pids", name).split())
                self._box.run("ip", "netns", "delete", name)

    @contextmanager
    def cut_off(self, address: str, ports: Sequence[int]) -> Iterator[None]:
        """Drops what a pod sends to these ports of the node, and what is answered, open connections included."""
        listed = ", ".join(map(str, ports))
        rules = f"""
        table inet cut {{
          chain input {{
            type filter hook input priority -200; policy accept;
            ip saddr {address} tcp dport {{ {listed} }} drop
          }}
          chain output {{
            type filter hook output priority -200; policy accept;
            ip daddr {address} tcp sport {{ {listed} }} drop
          }}
        }}
        """
        self._nft("-f", "-", input=rules)
        try:
            yield
        finally:
            self._nft("delete", "table", "inet", "cut")

    def _nft(self, *arguments: str, input: str | None = None) -> None:  # noqa: A002 - subprocess' own word
        self._box.run("env", *binaries.directory().environment, "nft", *arguments, input=input)
