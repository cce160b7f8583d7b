"""Time for a body: of the whole request, or for each piece of a stream."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest
from starlette.responses import PlainTextResponse
from starlette.types import Message, Receive, Scope, Send

from novacron.workload.service.limits import Limited
from novacron.workload.service.settings import Limits

STREAM = Limits(request_seconds=0.4, piece_seconds=0.2)
WHOLE = Limits(request_seconds=0.4)


async def _asked(limits: Limits, pauses: Sequence[float], work: float = 0.0) -> tuple[int, bytes]:
    """Status and body, for a client that pauses before each piece, and an application that works when it has all."""
    waiting = list(pauses)
    told: list[Message] = []

    async def receive() -> Message:
        if not waiting:
            await asyncio.Event().wait()
        await asyncio.sleep(waiting.pop(0))
        return {"type": "http.request", "body": b"x", "more_body": bool(waiting)}

    async def send(message: Message) -> None:
        told.append(message)

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        while (await receive())["more_body"]:
            pass
        watching = asyncio.ensure_future(receive())  # for a client that leaves
        await asyncio.sleep(work)
        watching.cancel()
        await PlainTextResponse("done")(scope, receive, send)

    scope: dict[str, Any] = {"type": "http", "method": "POST", "path": "/", "headers": [], "state": {"request_id": "r"}}
    await Limited(app, WHOLE, {"/": limits})(scope, receive, send)
    return told[0]["status"], told[1]["body"]


async def test_a_stream_may_take_as_long_as_it_comes() -> None:
    assert await _asked(STREAM, [0.1] * 8) == (200, b"done")
    assert (await _asked(WHOLE, [0.1] * 8))[0] == 408


async def test_a_piece_of_a_stream_may_not() -> None:
    assert (await _asked(STREAM, [0.0, 0.1, 5.0]))[0] == 408


@pytest.mark.parametrize("limits", [STREAM, WHOLE], ids=["stream", "whole"])
async def test_nor_may_the_answer_and_that_is_not_the_clients_fault(limits: Limits) -> None:
    status, body = await _asked(limits, [0.0], work=5.0)
    assert status == 503
    assert b"The answer took too long" in body


async def test_time_for_the_answer_counts_from_the_last_piece() -> None:
    assert (await _asked(STREAM, [0.15] * 4, work=0.3))[0] == 200


async def test_what_the_settings_say_of_streams_makes_none_of_other_routes() -> None:
    told: list[Message] = []

    async def receive() -> Message:
        await asyncio.sleep(0.15)
        return {"type": "http.request", "body": b"x", "more_body": True}

    async def send(message: Message) -> None:
        told.append(message)

    async def app(_scope: Scope, receive: Receive, _send: Send) -> None:
        while True:
            await receive()

    scope: dict[str, Any] = {"type": "http", "method": "POST", "path": "/", "headers": [], "state": {"request_id": "r"}}
    await asyncio.wait_for(Limited(app, STREAM, {})(scope, receive, send), 5)
    assert told[0]["status"] == 408
