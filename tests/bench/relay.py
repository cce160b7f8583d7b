"""A pipe on loopback that counts bytes: what a client received, TLS and all, whatever the client is."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

_CHUNK = 256 * 1024


@dataclass(slots=True)
class Relay:
    """Forwards to a port of this machine.

    Args:
        port: where it listens.
        received: bytes that went to clients.
    """

    target: int
    port: int = 0
    received: int = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, until both sides are done."""
        there, back = await asyncio.open_connection("127.0.0.1", self.target, limit=_CHUNK)
        await asyncio.gather(self._pump(reader, back, False), self._pump(there, writer, True))

    async def _pump(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, counts: bool) -> None:
        # a client that is killed resets its connection, which is how each measurement ends
        with suppress(ConnectionError):
            while chunk := await source.read(_CHUNK):
                if counts:
                    self.received += len(chunk)
                sink.write(chunk)
                await sink.drain()
        sink.close()


@asynccontextmanager
async def relay(target: int) -> AsyncIterator[Relay]:
    found = Relay(target)
    server = await asyncio.start_server(found.serve, "127.0.0.1", 0, limit=_CHUNK)
    found.port = server.sockets[0].getsockname()[1]
    try:
        yield found
    finally:
        server.close()
