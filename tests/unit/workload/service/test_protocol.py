"""What comes on one connection before an application has answered: bounded in time of the process and in memory."""

from __future__ import annotations

import asyncio
import socket
import time
from typing import Self

import pytest
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from novacron.workload.service.listeners import Listener
from novacron.workload.service.settings import Limits

CHUNKED = (
    b"POST / HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: 192.0.2.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n"
)


class Port:
    """One, with what its application saw."""

    def __init__(self, limits: Limits) -> None:
        self.seen: list[tuple[bytes, bytes]] = []
        self.refused: list[int] = []
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._listener = Listener(self, self._socket, limits, self.refused.append)

    async def __aenter__(self) -> Self:
        self._listener.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._listener.end(1)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        await request.body()
        self.seen = list(scope["headers"])
        await Response(b"read")(scope, receive, send)

    async def said_behind(self, head: bytes, answer: bytes, more: bytes) -> bytes:
        """All that comes to a client that sends more once so much of the answer is there, and then waits."""
        reader, writer = await asyncio.open_connection(*self._socket.getsockname())
        writer.write(head)
        await reader.readuntil(answer)
        writer.write(more)
        async with asyncio.timeout(10):
            found = await reader.read()
        writer.close()
        return found

    async def said(self, *pieces: bytes) -> bytes:
        """All that is answered before the connection ends."""
        reader, writer = await asyncio.open_connection(*self._socket.getsockname())
        try:
            for piece in pieces:
                writer.write(piece)
                await writer.drain()
            writer.write_eof()
            return await reader.read()
        except ConnectionError:
            return b""
        finally:
            writer.close()


class HalfWay(Port):
    """Its answers stop in the middle, until the client has left."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"8")]})
        await send({"type": "http.response.body", "body": b"half", "more_body": True})
        while (await receive())["type"] != "http.disconnect":
            pass


class Hasty(Port):
    """Answers before it has read anything."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await Response(b"read")(scope, receive, send)


def test_many_small_headers_take_no_longer_than_a_few_large_ones() -> None:
    async def asked() -> bytes:
        async with Port(Limits()) as port:
            return await port.said(b"GET / HTTP/1.1\r\nHost: x\r\n" + b"a:\r\n" * 30_000 + b"\r\n")

    before = time.process_time()
    said = asyncio.run(asked())
    assert said.startswith(b"HTTP/1.1 431 ")
    assert time.process_time() - before < 3  # a look at all headers for each of them took 14 s


def test_what_comes_behind_a_body_is_no_header() -> None:
    """RFC 9110, 6.5.1: a proxy that set its own X-Forwarded-For would be made to say what the client likes."""

    async def asked() -> tuple[bytes, list[tuple[bytes, bytes]]]:
        async with Port(Limits()) as port:
            trailers = b"X-Forwarded-For: 198.51.100.1\r\nAuthorization: Bearer x\r\n\r\n"
            return await port.said(CHUNKED + trailers), port.seen

    said, seen = asyncio.run(asked())
    assert said.startswith(b"HTTP/1.1 200 ")
    assert [name for name, _value in seen] == [b"host", b"x-forwarded-for", b"transfer-encoding"]


@pytest.mark.parametrize("trailer", [b"X: " + b"x" * (64 << 10), b"a:\r\n" * (16 << 10)], ids=["one", "many"])
def test_nor_may_it_grow_without_end(trailer: bytes) -> None:
    async def asked() -> list[int]:
        async with Port(Limits(head_bytes=4096)) as port:
            await port.said(CHUNKED, *[trailer] * 8)
            return port.refused

    assert asyncio.run(asked()) == [431]


def test_a_large_body_in_small_chunks_is_no_trailer() -> None:
    async def asked() -> bytes:
        async with Port(Limits(head_bytes=1024)) as port:
            head, _, _ = CHUNKED.partition(b"1\r\nx\r\n")
            return await port.said(head, *[b"4\r\nxxxx\r\n" * 500] * 8, b"0\r\n\r\n")

    assert asyncio.run(asked()).startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize(
    ("head", "more"),
    [
        (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"rubbish\r\n\r\n"),
        (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"GET / HTT"),
        (CHUNKED.removesuffix(b"0\r\n"), b"rubbish\r\n"),
    ],
    ids=["no request behind it", "a request that stays half", "a body that is broken"],
)
def test_half_an_answer_does_not_go_on_with_another_one(head: bytes, more: bytes) -> None:
    async def asked() -> tuple[bytes, list[int]]:
        async with HalfWay(Limits(head_seconds=0.2)) as port:
            return await port.said_behind(head, b"half", more), port.refused

    assert asyncio.run(asked()) == (b"", [])


@pytest.mark.parametrize("more", [b"x", b"x" * 10, b"x" * 10 + b"\r\n"], ids=["some of it", "all of it", "and more"])
def test_whose_body_comes_behind_the_answer_does_not_keep_the_connection(more: bytes) -> None:
    async def asked() -> bytes:
        async with Hasty(Limits(head_seconds=0.2, idle_seconds=1)) as port:
            return await port.said_behind(b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n", b"read", more)

    assert asyncio.run(asked()) == b""
