"""The outermost layer of every listener: request ids, access log, metrics, and an answer whatever breaks. Pure ASGI.

No line holds a query string, a header or an exception's text: they may hold a secret.
"""

from __future__ import annotations

import asyncio
import logging
import traceback
from collections.abc import Callable
from typing import Any

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from novacron.adapters import clock
from novacron.workload.service import problem, request_id
from novacron.workload.service.telemetry import UNMATCHED, Telemetry

_log = structlog.get_logger("novacron.access")
_QUIET = ("/health", "/ready", "/metrics")
"""Routes that are asked for all day long by machines."""
_CLIENT_CLOSED = 499
"""What nginx calls a request whose client did not wait for the answer."""
_FRAMES = 8


class Exchange:
    """Wraps an application.

    Args:
        ending: whether clients are to take their next requests elsewhere.
    """

    def __init__(self, app: ASGIApp, telemetry: Telemetry, ending: Callable[[], bool]) -> None:
        self._app = app
        self._telemetry = telemetry
        self._ending = ending

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        one = _One(scope, send, self._ending)
        started = clock.monotonic()
        self._telemetry.in_flight.inc()
        try:
            with structlog.contextvars.bound_contextvars(request_id=one.id):
                await self._answer(one, receive)
        finally:
            self._telemetry.in_flight.dec()
            self._tell(one, clock.monotonic() - started)

    async def _answer(self, one: _One, receive: Receive) -> None:
        try:
            await self._app(one.scope, receive, one.send)
        except asyncio.CancelledError:  # by the server, when the time to end has run out
            _log.warning("request cut off by the end of the process")
            if one.status:
                raise
            answer = problem.response(503, "The server ends; try another one.", request_id=one.id)
            await answer(one.scope, receive, one.send)
        except Exception as error:  # noqa: BLE001 - whatever it is, it must neither end the process nor reach the client
            _log.error("request failed by a defect", kind=type(error).__name__, at=_frames(error))
            if not one.status:
                await problem.response(500, request_id=one.id)(one.scope, receive, one.send)

    def _tell(self, one: _One, seconds: float) -> None:
        route = getattr(one.scope.get("route"), "path", UNMATCHED)
        method, status = one.scope["method"], one.status or _CLIENT_CLOSED
        self._telemetry.answered(route, method, status, seconds)
        _log.log(
            logging.DEBUG if route in _QUIET else logging.INFO,
            "request",
            method=method if method.isalpha() else "",
            route=route,
            status=status,
            duration_ms=round(seconds * 1000, 1),
            bytes=one.bytes,
            request_id=one.id,
        )


class _One:
    """One request, as far as its answer has come."""

    def __init__(self, scope: Scope, send: Send, ending: Callable[[], bool]) -> None:
        self.scope = scope
        self.id = request_id.chosen(scope["headers"])
        self.status = 0
        self.bytes = 0
        self._send = send
        self._ending = ending
        scope["state"]["request_id"] = self.id

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers = [*message.get("headers", ()), (request_id.HEADER, self.id.encode("ascii"))]
            if self._ending():
                headers.append((b"connection", b"close"))
            message = {**message, "headers": headers}
        elif message["type"] == "http.response.body" and self.scope["method"] != "HEAD":
            self.bytes += len(message.get("body", b""))
        await self._send(message)


def _frames(error: Exception) -> list[str]:
    """Where it happened, without the text of the error."""
    found: list[Any] = traceback.extract_tb(error.__traceback__)
    return [f"{frame.filename.rpartition('/')[2]}:{frame.lineno} {frame.name}" for frame in found[-_FRAMES:]]
