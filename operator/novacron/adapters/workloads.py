"""Asks pods what they know: GET of their readiness path, and nothing else.

Addresses come from the API server, where whoever may write a pod's or a Service's status can put any: only those that a
pod or a Service can have are connected to. No redirect is followed, no proxy of the environment is used, no cookie is
kept, nothing is decompressed, and no more than a fixed size is read.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from typing import Protocol

import aiohttp
from yarl import URL

from novacron.core import readiness
from novacron.core.errors import NovaCronError
from novacron.core.readiness import Dependency

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_SECONDS = 2.0
_CONNECT_SECONDS = 1.0
_CONNECTIONS = 64


class NoAnswer(NovaCronError):
    """Nothing came back that a workload of ours would say."""


class Workloads(Protocol):
    """Whoever can be asked for the dependencies of a workload."""

    async def ask(self, address: str, port: int, path: str) -> tuple[Dependency, ...]:
        """Raises ``NoAnswer``."""


def of_a_cluster(address: Address) -> bool:
    """Whether a pod or a Service can have it: never this machine, its neighbours on the link, or a group."""
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    if mapped is not None:
        return of_a_cluster(mapped)
    return not (address.is_loopback or address.is_link_local or address.is_multicast or address.is_unspecified)


class HttpWorkloads:
    """Use as an async context manager.

    Args:
        allowed: which addresses may be connected to.
    """

    def __init__(self, allowed: Callable[[Address], bool] = of_a_cluster) -> None:
        self._allowed = allowed
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> HttpWorkloads:
        # a connection of its own for each question: behind a Service it reaches another pod each time
        connector = aiohttp.TCPConnector(limit=_CONNECTIONS, force_close=True)
        self._session = aiohttp.ClientSession(
            connector=connector,
            timeout=aiohttp.ClientTimeout(total=_SECONDS, sock_connect=_CONNECT_SECONDS),
            headers={"User-Agent": "novacron", "Accept-Encoding": "identity"},
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            trust_env=False,
        )
        return self

    async def __aexit__(self, *_exc: object) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def ask(self, address: str, port: int, path: str) -> tuple[Dependency, ...]:
        """The dependencies that the workload names at once.

        Raises:
            NoAnswer: the address may not be asked, nothing came in time, or something else than the documented form.
        """
        url = self._url(address, port, path)
        if self._session is None:
            raise RuntimeError("HttpWorkloads is used outside its context")
        try:
            async with self._session.get(url, allow_redirects=False) as response:
                body = await _read(response.content)
                found = readiness.parsed(response.status, response.content_type, body)
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            raise NoAnswer(f"{address}: {type(error).__name__}") from error
        if found is None:
            raise NoAnswer(f"{address}: answers something else than a workload of NovaCron")
        return found

    def _url(self, address: str, port: int, path: str) -> URL:
        """Without a name to resolve, and with the path as it is given."""
        try:
            parsed = ipaddress.ip_address(address)
        except ValueError as error:
            raise NoAnswer("no IP address") from error
        if not self._allowed(parsed) or getattr(parsed, "scope_id", None):
            raise NoAnswer(f"{address}: no address of a pod or Service")
        host = f"[{parsed}]" if parsed.version == 6 else str(parsed)
        return URL(f"http://{host}:{port}{path}", encoded=True)


async def _read(content: aiohttp.StreamReader) -> bytes:
    """At most one byte more than an answer may have, which makes it none."""
    body = b""
    while len(body) <= readiness.MOST_BYTES:
        chunk = await content.read(readiness.MOST_BYTES + 1 - len(body))
        if not chunk:
            break
        body += chunk
    return body
