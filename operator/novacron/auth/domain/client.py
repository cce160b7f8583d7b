"""Where a request comes from: the client's address behind proxies that are known, and the network that limits count.

X-Forwarded-For is whatever its sender writes. Each proxy adds, at the right, who spoke to it; so the list is read from
the right for as long as the one who added an entry is trusted.
"""

from __future__ import annotations

import functools
import ipaddress
from collections.abc import Callable, Iterable
from typing import NamedTuple

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

UNKNOWN = "unknown"
"""Network of a client without an address, as on a Unix socket."""
_REMEMBERED = 8192
"""Addresses that were read last: what a client writes before them is neither read nor kept."""
_LONGEST = 64
"""Bytes of an entry; an IPv6 address with its port has 47."""
_PREFIX = 64
"""Of IPv6, a subscriber has at least this network for his own: addresses in it are free."""


class Hop(NamedTuple):
    """One address, as peer or as entry of X-Forwarded-For.

    Args:
        trusted: it is a proxy of ours, so what it wrote is believed.
    """

    address: Address
    network: str
    trusted: bool


class Clients:
    """Says for each request which network it comes from.

    Args:
        trusted: CIDRs of proxies; raises ``ValueError`` where one is none.
    """

    def __init__(self, trusted: Iterable[str]) -> None:
        self._trusted = tuple(ipaddress.ip_network(cidr, strict=False) for cidr in trusted)
        self._hop: Callable[[str], Hop | None] = functools.lru_cache(_REMEMBERED)(self._looked)

    def network(self, peer: str, forwarded: bytes) -> str:
        """Of the client.

        Args:
            peer: address that speaks to us.
            forwarded: its X-Forwarded-For, lines joined by commas.
        """
        found = self.client(peer, forwarded)
        return found.network if found is not None else UNKNOWN

    def client(self, peer: str, forwarded: bytes) -> Hop | None:
        """The first from the right that no proxy of ours vouches for; where an entry is no address, who sent it."""
        found, rest = self._hop(peer), forwarded
        while rest and found is not None and found.trusted:
            rest, _, entry = rest.rpartition(b",")
            before = self._hop(entry.decode("latin-1").strip()) if len(entry) <= _LONGEST else None
            if before is None:
                break
            found = before
        return found

    def _looked(self, text: str) -> Hop | None:
        address = parsed(text)
        if address is None:
            return None
        trusted = any(address.version == proxies.version and address in proxies for proxies in self._trusted)
        return Hop(address, network(address), trusted)


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
