"""Where a request comes from: the client's address behind proxies that are known, and the network that limits count.

X-Forwarded-For is whatever its sender writes. Each proxy adds, at the right, who spoke to it; so the list is read from
the right for as long as the one who added an entry is trusted (B11).
"""

from __future__ import annotations

import functools
import ipaddress
from collections.abc import Callable, Iterable

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

UNKNOWN = "unknown"
"""Network of a client without an address, as on a Unix socket."""
_REMEMBERED = 8192
_PREFIX = 64
"""Of IPv6, a subscriber has at least this network for his own: addresses in it are free."""


class Clients:
    """Says for each request which network it comes from.

    Args:
        trusted: CIDRs of proxies; raises ``ValueError`` where one is none.
    """

    def __init__(self, trusted: Iterable[str]) -> None:
        self._trusted = tuple(ipaddress.ip_network(cidr, strict=False) for cidr in trusted)
        self.network: Callable[[str, bytes], str] = functools.lru_cache(_REMEMBERED)(self._network)
        """(address of the peer, its X-Forwarded-For, lines joined by commas) -> network of the client."""

    def _network(self, peer: str, forwarded: bytes) -> str:
        address = self.address(peer, forwarded)
        return network(address) if address is not None else UNKNOWN

    def address(self, peer: str, forwarded: bytes) -> Address | None:
        """The first from the right that no proxy of ours vouches for; where an entry is no address, who sent it."""
        found = parsed(peer)
        rest = forwarded
        while rest and found is not None and self._is_trusted(found):
            rest, _, entry = rest.rpartition(b",")
            before = parsed(entry.decode("latin-1").strip())
            if before is None:
                break
            found = before
        return found

    def _is_trusted(self, address: Address) -> bool:
        return any(address.version == proxies.version and address in proxies for proxies in self._trusted)


def parsed(text: str) -> Address | None:
    """An address, with or without a port; an IPv4 address in IPv6's clothes is an IPv4 address (RFC 4291 2.5.5.2)."""
    host = text
    if text.startswith("["):
        host, closed, port = text[1:].partition("]")
        if not closed or (port and not (port.startswith(":") and _is_port(port[1:]))):
            return None
    elif text.count(":") == 1:
        host, _, port = text.partition(":")
        if not _is_port(port):
            return None
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv6Address):
        if address.scope_id is not None:
            return None
        return address.ipv4_mapped or address
    return address


def _is_port(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 5


def network(address: Address) -> str:
    """An IPv4 address itself, of an IPv6 address its /64."""
    if address.version == 4:
        return str(address)
    return str(ipaddress.ip_network((int(address), _PREFIX), strict=False))
