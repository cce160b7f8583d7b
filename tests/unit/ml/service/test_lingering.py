"""Answers to clients that still send: at once and whole, and the connection is closed only when the body is over."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest
from starlette.responses import PlainTextResponse
from starlette.types import Message, Receive, Scope, Send

from novacron.ml.service import lingering
from novacron.ml.service.lingering import Lingering

LENGTH = (b"content-length", b"6")


class _Client:
    """Sends these pieces, and keeps what it is told, and how much of its body was read before."""

    def __init__(self, pieces: Sequence[bytes], *, hangs: bool = False, leaves: bool = False) -> None:
        self._left = list(pieces)
        self._hangs, self._leaves = hangs, leaves
        self.told: list[tuple[Message, int]] = []

    async def receive(self) -> Message:
        if self._left:
            piece = self._left.pop(0)
            return {"type": "http.request", "body": piece, "more_body": bool(self._left) or self._hangs or self._leaves}
        if self._hangs:
            await asyncio.Event().wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        self.told.append((message, len(self._left)))


async def _asked(client: _Client, read: int, *headers: tuple[bytes, bytes]) -> None:
    """Of an application that answers when it has read so many pieces."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        for _ in range(read):
            await receive()
        await PlainTextResponse("answer", 400)(scope, receive, send)

    scope: dict[str, Any] = {"type": "http", "method": "POST", "headers": list(headers)}
    await Lingering(app)(scope, client.receive, client.send)


def _body(client: _Client) -> bytes:
    return b"".join(message.get("body", b"") for message, _left in client.told)


def _closes(client: _Client) -> bool:
    return (b"connection", b"close") in client.told[0][0]["headers"]


async def test_the_answer_goes_out_before_the_rest_is_read_and_the_end_after() -> None:
    client = _Client([b"ab", b"cd", b"ef"])
    await _asked(client, 1, LENGTH)
    assert [(message.get("more_body"), left) for message, left in client.told] == [(None, 2), (True, 2), (False, 0)]
    assert (_body(client), _closes(client)) == (b"answer", True)


@pytest.mark.parametrize(
    ("pieces", "read", "headers"),
    [([b"ab"], 1, [LENGTH]), ([], 0, []), ([b"ab"], 0, [LENGTH, (b"expect", b"100-continue")])],
    ids=["all was read", "no body", "it waits for 100 Continue"],
)
async def test_where_nothing_more_comes_nothing_is_waited_for(
    pieces: list[bytes], read: int, headers: list[tuple[bytes, bytes]]
) -> None:
    client = _Client(pieces, hangs=not read)
    await asyncio.wait_for(_asked(client, read, *headers), 5)
    assert len(client.told) == 2
    assert not _closes(client)


async def test_a_client_that_leaves_is_not_waited_for() -> None:
    client = _Client([b"ab"], leaves=True)
    await asyncio.wait_for(_asked(client, 0, LENGTH), 5)
    assert (_body(client), _closes(client)) == (b"answer", True)


async def test_a_client_that_goes_on_for_ever_is_left_after_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lingering, "_SECONDS", 0.05)
    client = _Client([b"ab"], hangs=True)
    await asyncio.wait_for(_asked(client, 0, (b"transfer-encoding", b"chunked")), 5)
    assert [message.get("more_body") for message, _left in client.told] == [None, True, False]
