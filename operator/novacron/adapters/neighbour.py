"""Whether another workload answers HTTP. One request on one connection, read as far as its status line.

Not a client for work: an HTTP library costs a process that needs none of it 9 MB (docs/decisions/0012).
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from typing import Protocol
from urllib.parse import urlsplit

from novacron.core.dependencies import Unusable

_SECONDS = 2.0
_STATUS_LINE = b"HTTP/1."


class Reachable(Protocol):
    """Asks whether something answers at an address."""

    async def __call__(self, url: str) -> None:
        """Raises ``Unusable``."""


async def answers(url: str) -> None:
    """Any answer of HTTP will do: which paths the port has is the other's business."""
    where = urlsplit(url)
    try:
        async with asyncio.timeout(_SECONDS):
            await _ask(where.hostname or "", where.port or 80)
    except socket.gaierror:
        raise Unusable("NameNotResolved") from None
    except TimeoutError:
        raise Unusable("TimedOut") from None
    except OSError:
        raise Unusable("Unreachable") from None


async def _ask(host: str, port: int) -> None:
    reader, writer = await asyncio.open_connection(host, port)
    try:
        writer.write(f"GET /health HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
        await writer.drain()
        if not (await reader.read(len(_STATUS_LINE))).startswith(_STATUS_LINE):
            raise Unusable("Refused", "what answers does not speak HTTP")
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()
