"""Answers to clients that are still sending. Pure ASGI.

Closing a connection at which bytes wait resets it, and the answer is lost with it (RFC 9112, 9.6). So the answer goes
out at once, and what the client still sends is read and dropped for a while.
"""

from __future__ import annotations

import asyncio
import contextlib

from starlette.types import ASGIApp, Message, Receive, Scope, Send

_SECONDS = 5.0
"""A client that reads while it sends has gone long before; one that does not has had its chance."""


class Lingering:
    """Wraps an application."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        one = _One(scope, receive, send)
        await self._app(scope, one.receive, one.send)


class _One:
    """One request."""

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._receive, self._send = receive, send
        names = {name for name, _value in scope["headers"]}
        # whoever waits for 100 Continue sends nothing once he has been answered otherwise
        self._more = b"expect" not in names and bool(names & {b"content-length", b"transfer-encoding"})
        self._lingers = False

    async def receive(self) -> Message:
        message = await self._receive()
        self._more = message.get("more_body", False)
        return message

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start" and self._more:
            self._lingers = True
            message = {**message, "headers": [*message["headers"], (b"connection", b"close")]}
        elif self._lingers and not message.get("more_body", False):
            await self._send({**message, "more_body": True})
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_SECONDS):
                    await self._drained()
            message = {"type": "http.response.body", "body": b"", "more_body": False}
        await self._send(message)

    async def _drained(self) -> None:
        while self._more:
            await self.receive()
