"""One request over a plain stream: whole answers in every form of HTTP/1.1, and a name for everything else."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from novacron.adapters import plain_http
from novacron.adapters.plain_http import Answer, Request, ask
from novacron.core.dependencies import Unusable

_BIG = b"x" * (plain_http._MOST_BYTES + 1)


@asynccontextmanager
async def server(*chunks: bytes, silent: bool = False) -> AsyncIterator[tuple[str, list[bytes]]]:
    """Reads a request, says the chunks, and closes; its address, and what it was asked."""
    asked: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = next((int(line[15:]) for line in head.split(b"\r\n") if line.startswith(b"Content-Length:")), 0)
        asked.append(head + await reader.readexactly(length))
        for chunk in chunks:
            writer.write(chunk)
            await writer.drain()
        if silent:
            await reader.read()
        writer.close()

    running = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{running.sockets[0].getsockname()[1]}", asked
    finally:
        running.close()


WHOLE: dict[str, tuple[tuple[bytes, ...], Answer]] = {
    "with a length": ((b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi",), Answer(200, b"hi")),
    "in pieces": ((b"HTTP/1.1 401 No\r", b"\nContent-Length: 2\r\n\r\nh", b"i"), Answer(401, b"hi")),
    "chunked": (
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n", b"1\r\n!\r\n0\r\n\r\n"),
        Answer(200, b"hi!"),
    ),
    "nothing": ((b"HTTP/1.1 204 No Content\r\n\r\n",), Answer(204, b"")),
}


@pytest.mark.parametrize(("chunks", "answer"), WHOLE.values(), ids=WHOLE)
async def test_an_answer(chunks: tuple[bytes, ...], answer: Answer) -> None:
    async with server(*chunks) as (url, _):
        assert await ask(Request("GET", url, "/")) == answer


async def test_what_is_asked() -> None:
    async with server(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n") as (url, asked):
        await ask(Request("POST", url, "/path?a=b", {"Authorization": "Bearer k"}, b"body"))
    host = url.removeprefix("http://").encode()
    assert asked == [
        b"POST /path?a=b HTTP/1.1\r\nHost: "
        + host
        + b"\r\nAuthorization: Bearer k\r\nConnection: close\r\nContent-Length: 4\r\n\r\nbody"
    ]


BROKEN: dict[str, tuple[tuple[bytes, ...], str]] = {
    "nothing at all": ((), "Refused"),
    "half a head": ((b"HTTP/1.1 200 OK\r\nContent-",), "Refused"),
    "half a body": ((b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhi",), "Refused"),
    "half a chunk": ((b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhi",), "Refused"),
    "neither length nor end": ((b"HTTP/1.1 200 OK\r\n\r\nhi",), "Refused"),
    "something else": ((b"SSH-2.0-OpenSSH_9.2\r\n",), "Refused"),
    "two lengths": ((b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nhi!",), "Refused"),
    "too much": ((b"HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n", _BIG), "Refused"),
    "an endless head": ((b"HTTP/1.1 200 OK\r\nA: ", _BIG), "Refused"),
}


@pytest.mark.parametrize(("chunks", "reason"), BROKEN.values(), ids=BROKEN)
async def test_what_is_no_whole_answer(chunks: tuple[bytes, ...], reason: str) -> None:
    async with server(*chunks) as (url, _):
        with pytest.raises(Unusable) as told:
            await ask(Request("GET", url, "/"))
    assert told.value.reason == reason


async def test_a_server_that_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plain_http, "_SECONDS", 0.05)
    async with server(silent=True) as (url, _):
        with pytest.raises(Unusable, match="TimedOut"):
            await ask(Request("GET", url, "/"))


async def test_nobody_there() -> None:
    async with server() as (url, _):
        pass
    with pytest.raises(Unusable, match="Unreachable"):
        await ask(Request("GET", url, "/"))


async def test_a_name_without_an_address() -> None:
    with pytest.raises(Unusable, match="NameNotResolved"):
        await ask(Request("GET", "http://nowhere.invalid:1", "/"))


@pytest.mark.parametrize(
    "request_", [Request("GET", "http://a:1", "/\r\nX: y"), Request("GET", "http://a:1", "/", {"A": "b\nc"})]
)
def test_nothing_that_is_given_begins_a_line_of_its_own(request_: Request) -> None:
    with pytest.raises(ValueError, match="end of line"):
        request_.encoded()


def test_a_key_is_not_in_what_a_request_shows_of_itself() -> None:
    assert "canary" not in repr(Request("POST", "http://a:1", "/", {"Authorization": "canary"}, b"canary"))
