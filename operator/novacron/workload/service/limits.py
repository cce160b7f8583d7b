"""What one request may take: bytes of its body, time, and a place among those being answered. Pure ASGI."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from novacron.workload.service import problem
from novacron.workload.service.settings import Limits

_RETRY_SECONDS = "1"
PROBES = frozenset(("/health", "/ready"))
"""A busy process is neither dead nor unready: its probes must not wait in the queue that they judge."""


class Limited:
    """Wraps an application.

    Args:
        routes: paths with limits of their own. Those that have ``piece_seconds`` take streams.
    """

    def __init__(self, app: ASGIApp, limits: Limits, routes: Mapping[str, Limits]) -> None:
        self._app = app
        self._limits = limits.model_copy(update={"piece_seconds": None})
        self._routes = routes
        self._running = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] in PROBES:
            await self._app(scope, receive, send)
            return
        limits = self._routes.get(scope["path"], self._limits)
        one = _Bounded(scope, receive, send, limits)
        if self._running >= self._limits.requests_at_once:
            await one.refuse(503, "Too many requests at once; try again later.")
        elif one.declared > limits.body_bytes:
            await one.refuse(413)
        else:
            self._running += 1
            try:
                await one.run(self._app)
            finally:
                self._running -= 1


class _Bounded:
    """One request within its limits."""

    def __init__(self, scope: Scope, receive: Receive, send: Send, limits: Limits) -> None:
        self._scope, self._receive, self._send = scope, receive, send
        self._limits = limits
        self._waits_for_client = False
        self._more = True
        self._taken = 0
        self._answering = False
        self._timeout = asyncio.timeout(limits.request_seconds)
        self.declared = _content_length(scope)

    async def run(self, app: ASGIApp) -> None:
        try:
            async with self._timeout:
                await app(self._scope, self._receive_some, self._send_some)
        except TimeoutError:
            if not self._timeout.expired() or self._answering:
                raise  # an answer that stops half-way is seen by the client as one: the connection breaks
            await (self.refuse(408) if self._waits_for_client else self.refuse(503, "The answer took too long."))

    async def refuse(self, status: int, detail: str = "") -> None:
        """Closes the connection too: what the client still sends would be read as its next request."""
        headers = {"Connection": "close"} | ({"Retry-After": _RETRY_SECONDS} if status == 503 else {})
        answer = problem.response(status, detail, headers=headers, request_id=self._scope["state"]["request_id"])
        await answer(self._scope, self._receive, self._send)

    async def _receive_some(self) -> Message:
        if not self._more:  # what comes now is that the client has left, and nobody owes us that
            return await self._receive()
        self._waits_for_client = True
        self._allow_for_piece(self._limits.piece_seconds)
        message = await self._receive()
        self._allow_for_piece(self._limits.request_seconds)
        self._waits_for_client = False
        self._more = message.get("more_body", False)
        self._taken += len(message.get("body", b""))
        if self._taken > self._limits.body_bytes:
            raise HTTPException(413, headers={"Connection": "close"})
        return message

    def _allow_for_piece(self, seconds: float | None) -> None:
        """So long from now on, where the route takes a stream."""
        if seconds is not None and self._limits.piece_seconds is not None:
            self._timeout.reschedule(asyncio.get_running_loop().time() + seconds)

    async def _send_some(self, message: Message) -> None:
        self._answering = True
        await self._send(message)


def _content_length(scope: Scope) -> int:
    """What the client says; llhttp has refused one that is no number, and bodies without one are counted."""
    return next((int(value) for name, value in scope["headers"] if name == b"content-length"), 0)
