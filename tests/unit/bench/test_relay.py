from __future__ import annotations

import asyncio

from tests.bench.relay import relay

SENT = 700_000


async def _echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    request = await reader.readexactly(5)
    writer.write(request + b"x" * SENT)
    await writer.drain()
    writer.close()


async def test_counts_what_comes_back_and_changes_nothing() -> None:
    server = await asyncio.start_server(_echo, "127.0.0.1", 0)
    async with server, relay(server.sockets[0].getsockname()[1]) as counter:
        reader, writer = await asyncio.open_connection("127.0.0.1", counter.port)
        writer.write(b"hello")
        got = await reader.read(-1)
        writer.close()
        assert got == b"hello" + b"x" * SENT
        assert counter.received == len(got)


async def test_survives_a_client_that_is_gone() -> None:
    server = await asyncio.start_server(_echo, "127.0.0.1", 0)
    async with server, relay(server.sockets[0].getsockname()[1]) as counter:
        _reader, writer = await asyncio.open_connection("127.0.0.1", counter.port)
        writer.write(b"hello")
        await writer.drain()
        writer.transport.abort()
        reader, writer = await asyncio.open_connection("127.0.0.1", counter.port)
        writer.write(b"again")
        assert (await reader.read(-1)).startswith(b"again")
        writer.close()
