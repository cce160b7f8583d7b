"""One HTTP/1.1 request on one connection, for what our workloads ask each other every few seconds.

No pool, no redirects, no TLS: the pods' network is closed by policies, and a new connection each time reaches another
pod of the Service when one has gone. An HTTP library would cost every workload 9 MB (docs/decisions/0012).
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol
from urllib.parse import urlsplit

import httptools

from novacron.core.dependencies import Unusable

_SECONDS = 2.0
"""For all of it: resolving, connecting, asking, reading."""
_MOST_BYTES = 4 << 20
_CHUNK = 64 << 10


@dataclass(frozen=True, slots=True)
class Answer:
    """Of any status."""

    status: int
    body: bytes


@dataclass(frozen=True, slots=True)
class Request:
    """Args:
    url: ``http://host:port``, of the settings.
    target: path with its query.
    headers: beyond Host, Content-Length and Connection; a value may be a secret.
    """

    method: str
    url: str
    target: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes = field(default=b"", repr=False)

    def encoded(self) -> bytes:
        """As it goes over the line. Raises ``ValueError`` where a part of it would begin a line of its own."""
        where = urlsplit(self.url)
        lines = {"Host": where.netloc, **self.headers, "Connection": "close"}
        if self.body:
            lines["Content-Length"] = str(len(self.body))
        head = [f"{self.method} {self.target} HTTP/1.1", *(f"{name}: {value}" for name, value in lines.items())]
        if any(char in line for line in head for char in "\r\n\0"):
            raise ValueError("a request's line or header must not hold an end of line")
        return "\r\n".join([*head, "", ""]).encode("ascii") + self.body


class Asks(Protocol):
    """Sends a request."""

    async def __call__(self, request: Request) -> Answer:
        """Raises ``Unusable`` where no whole answer comes."""


async def ask(request: Request) -> Answer:
    where = urlsplit(request.url)
    try:
        async with asyncio.timeout(_SECONDS):
            return await _exchanged(where.hostname or "", where.port or 80, request.encoded())
    except socket.gaierror:
        raise Unusable("NameNotResolved") from None
    except TimeoutError:
        raise Unusable("TimedOut") from None
    except OSError:
        raise Unusable("Unreachable") from None
    except httptools.HttpParserError:
        raise Unusable("Refused", "what answers does not speak HTTP") from None


async def _exchanged(host: str, port: int, sent: bytes) -> Answer:
    reader, writer = await asyncio.open_connection(host, port)
    try:
        writer.write(sent)
        await writer.drain()
        return await _read(reader)
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


async def _read(reader: asyncio.StreamReader) -> Answer:
    coming = _Coming()
    while not coming.whole:
        chunk = await reader.read(_CHUNK)
        if not chunk:
            raise Unusable("Refused", "the answer broke off")
        coming.feed(chunk)
    return Answer(coming.status, b"".join(coming.parts))


class _Coming:
    """An answer as far as it has come; the callbacks are those of httptools."""

    def __init__(self) -> None:
        self.parts: list[bytes] = []
        self.whole = False
        self.status = 0
        self._bytes = 0
        self._parser = httptools.HttpResponseParser(self)

    def feed(self, chunk: bytes) -> None:
        self._bytes += len(chunk)
        if self._bytes > _MOST_BYTES:
            raise Unusable("Refused", f"the answer is larger than {_MOST_BYTES} bytes")
        self._parser.feed_data(chunk)

    def on_headers_complete(self) -> None:
        self.status = self._parser.get_status_code()

    def on_body(self, body: bytes) -> None:
        self.parts.append(body)

    def on_message_complete(self) -> None:
        self.whole = True
