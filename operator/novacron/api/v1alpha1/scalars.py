"""Types of single values: names, hosts, networks, ports, switches. Each carries its own rules and limits."""

from __future__ import annotations

import ipaddress
import re
from typing import Annotated

from pydantic import Field, Strict

from novacron.api.v1alpha1.rules import ListSet, Rule, between, literal, matching

Bool = Annotated[bool, Strict()]
Int = Annotated[int, Strict()]
Ratio = Annotated[
    float,
    Strict(),
    Rule[float](
        cel="self > 0.0 && self <= 1.0",
        message="must be a share above 0 and at most 1, e.g. 0.8 for 80 %",
        holds=lambda share: 0 < share <= 1,
    ),
]

# --- networks -----------------------------------------------------------------------------------------------------

_LABEL = "[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?"
_ANYCASE = "[A-Za-z0-9](?:[-A-Za-z0-9]{0,61}[A-Za-z0-9])?"
_DNS_NAME = rf"{_LABEL}(?:\.{_LABEL})*"
_HOST_NAME = rf"{_ANYCASE}(?:\.{_ANYCASE})*"


def _is_address(text: str) -> bool:
    """As the API server's isIP: no zone, and no IPv4 address in IPv6 clothes."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return False
    return "%" not in text and getattr(address, "ipv4_mapped", None) is None


def _is_host(text: str) -> bool:
    if re.fullmatch(r"[0-9.]+", text) or ":" in text:
        return _is_address(text)
    return re.fullmatch(_HOST_NAME, text) is not None


def _is_bounded_network(text: str) -> bool:
    if "/" not in text or "%" in text:
        return False
    try:
        network = ipaddress.ip_network(text, strict=True)
    except ValueError:
        return False
    mapped = getattr(network.network_address, "ipv4_mapped", None)
    return network.prefixlen > 0 and mapped is None and str(network) == text


def _names_a_real_host(url: str) -> bool:
    found = re.match(r"https://(?:([0-9.]+)(?:[:/]|\Z)|\[([^]]*))", url)
    return found is None or _is_address(found[1] or found[2])


Cidr = Annotated[
    str,
    Field(max_length=43),
    Rule[str](
        cel="isCIDR(self) && cidr(self).prefixLength() > 0 && string(cidr(self).masked()) == self",
        message=(
            "must be a network such as 10.20.0.0/16, 10.20.30.40/32 or fd00:20::/32 in its shortest form, without bits"
            " behind the prefix; 0.0.0.0/0 and ::/0 would open everything"
        ),
        holds=_is_bounded_network,
    ),
]
Cidrs = Annotated[tuple[Cidr, ...], Field(max_length=64), ListSet()]
Host = Annotated[
    str,
    Field(max_length=253),
    Rule[str](
        cel=(
            f"self.matches('^[0-9.]+$') || self.contains(':') ? isIP(self) : self.matches({literal(f'^{_HOST_NAME}$')})"
        ),
        message="must be a host name or an address such as db.example.com or 10.20.30.40, without scheme, port or path",
        holds=_is_host,
    ),
]
_PORT = "(?:6553[0-5]|655[0-2][0-9]|65[0-4][0-9]{2}|6[0-4][0-9]{3}|[1-5][0-9]{4}|[1-9][0-9]{0,3})"

HttpsUrl = Annotated[
    str,
    Field(max_length=512),
    matching(
        rf"https://(?:{_HOST_NAME}|\[[0-9A-Fa-f:.]+\])(?::{_PORT})?(?:/(?:[-A-Za-z0-9._~/]|%[0-9A-Fa-f]{{2}})*)?",
        "must be an https address such as https://vault.example.com:8200, without user, query or fragment",
    ),
    Rule[str](
        # Not url(self).getHostname(): the server's cost estimate knows no bound for the text that it returns.
        cel=(
            "!self.contains('/..')"
            " && (!self.matches('^https://[0-9.]+([:/]|$)') || isIP(self.find('[0-9.]+')))"
            " && (!self.startsWith('https://[') || isIP(self.find('[[][^]]*').substring(1)))"
        ),
        message="must name a host or an address that exists, and no path with .., e.g. https://10.20.30.40:8200",
        holds=lambda url: "/.." not in url and _names_a_real_host(url),
    ),
]
PublicHost = Annotated[
    str,
    Field(max_length=253),
    matching(
        rf"(?:\*\.)?(?:{_LABEL}\.)*[a-z](?:[-a-z0-9]{{0,61}}[a-z0-9])?",
        "must be a DNS name such as api.example.com or *.example.com, in lower case, without scheme, port or path",
    ),
]
Port = Annotated[Int, between(1, 65535)]
ContainerPort = Annotated[
    Int, between(1024, 65535, "the processes run without the right to listen on a port below 1024")
]
UrlPath = Annotated[
    str,
    Field(max_length=256),
    matching(
        r"/[-A-Za-z0-9._~!$&()*+,;=:@%/]*",
        "must be a path that begins with /, such as /health, of letters, digits and -._~!$&()*+,;=:@%/",
    ),
]
_ODD_STEPS = "//|/[.][.]?(/|$)|%2[fF]"
RoutePath = Annotated[
    str,
    Field(max_length=256),
    matching(
        r"/(?:[-A-Za-z0-9._~!$&()*+,;=:@/]|%[0-9A-Fa-f]{2})*",
        "must be a path that begins with /, such as /nova, of letters, digits, -._~!$&()*+,;=:@/ and %XX",
    ),
    Rule[str](
        cel=f"!self.matches({literal(_ODD_STEPS)})",
        message="must hold no empty, . or .. step and no %2F: gateways and ingress controllers refuse them",
        holds=lambda path: re.search(_ODD_STEPS, path) is None,
    ),
]

# --- names --------------------------------------------------------------------------------------------------------

IMAGE_PATH = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
"""One component of an image's path (distribution/reference)."""

IMAGE_HOST = rf"(?:{_ANYCASE}(?:\.{_ANYCASE})+(?::{_PORT})?|{_ANYCASE}:{_PORT})"
"""What makes the first component of an image a registry: a dot or a port."""

OBJECT_PREFIX = r"[a-z0-9]+((-+|\.)[a-z0-9]+)*/"
"""What stands before the name in a qualified name: a DNS name and a slash."""

DnsName = Annotated[
    str,
    Field(max_length=253),
    matching(_DNS_NAME, "must be the name of an object: lower case letters, digits, - and ., e.g. my-secret"),
]
OptionalDnsName = Annotated[
    str,
    Field(max_length=253),
    matching(
        _DNS_NAME,
        "must be empty or the name of an object: lower case letters, digits, - and ., e.g. my-secret",
        or_empty=True,
    ),
]
NamespaceName = Annotated[
    str,
    Field(max_length=63),
    matching(_LABEL, "must be the name of a namespace: lower case letters, digits and -, e.g. gateways"),
]
OptionalNamespaceName = Annotated[
    str,
    Field(max_length=63),
    matching(
        _LABEL,
        "must be empty or the name of a namespace: lower case letters, digits and -, e.g. gateways",
        or_empty=True,
    ),
]
Namespaces = Annotated[tuple[NamespaceName, ...], Field(max_length=64), ListSet()]
SecretKey = Annotated[
    str,
    Field(max_length=253),
    matching(
        r"(?:[.]?[-_a-zA-Z0-9][-._a-zA-Z0-9]*)?",
        "must be empty or a key of letters, digits, -, _ and ., e.g. ca.crt, not . nor beginning with ..",
    ),
]
