"""What the ports answer: health, readiness and metrics, a role's own routes, and a problem for all else."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import orjson
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from novacron.workload.service import findings, problem
from novacron.workload.service.exchange import Exchange
from novacron.workload.service.limits import PROBES, Limited
from novacron.workload.service.readiness import Board
from novacron.workload.service.settings import Limits
from novacron.workload.service.telemetry import Telemetry

_EXPOSITION = "text/plain; version=0.0.4; charset=utf-8"
_UNCACHED = {"Cache-Control": "no-store"}


class Applications:
    """One for each port of a process."""

    def __init__(self, limits: Limits, board: Board, telemetry: Telemetry) -> None:
        self._limits = limits
        self._board = board
        self._telemetry = telemetry

    def http(
        self, routes: Sequence[BaseRoute], middleware: Sequence[Middleware], limits: Mapping[str, Limits]
    ) -> ASGIApp:
        """Args:
        middleware: around the routes, not around the probes.
        limits: path -> limits of its own.
        """
        probes = _routed([Route("/health", self._health), Route("/ready", self._ready)])
        return self._wrapped(_PastProbes(_routed(routes, middleware), probes), limits)

    def internal(self, routes: Sequence[BaseRoute]) -> ASGIApp:
        return self._wrapped(_routed(routes), {})

    def metrics(self) -> ASGIApp:
        return self._wrapped(_routed([Route("/metrics", self._metrics)]), {})

    def _wrapped(self, app: ASGIApp, limits: Mapping[str, Limits]) -> ASGIApp:
        limited = Limited(app, self._limits, limits)
        return Exchange(limited, self._telemetry, lambda: self._board.draining)

    async def _health(self, _request: Request) -> Response:
        """The process alone: an outage elsewhere is no reason to restart it."""
        return Response(b'{"status":"ok"}', media_type="application/json", headers=_UNCACHED)

    async def _ready(self, request: Request) -> Response:
        found, draining = self._board.findings(), self._board.draining
        members = findings.answer(found, draining=draining)
        if findings.ready(found, draining=draining):
            return Response(orjson.dumps(members), media_type="application/json", headers=_UNCACHED)
        detail = findings.failures(found, draining=draining)
        return problem.response(503, detail, request_id=request.state.request_id, **members)

    async def _metrics(self, _request: Request) -> Response:
        return Response(self._telemetry.exposition(), headers={"Content-Type": _EXPOSITION})


class _PastProbes:
    """Whoever asks for a probe's path gets the probe; everything else is the role's, behind its middleware."""

    def __init__(self, app: ASGIApp, probes: ASGIApp) -> None:
        self._app = app
        self._probes = probes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        app = self._probes if scope["path"] in PROBES else self._app
        await app(scope, receive, send)


def _routed(routes: Sequence[BaseRoute], middleware: Sequence[Middleware] = ()) -> Starlette:
    handlers: dict[type[Exception], Callable[[Request, Exception], object]] = {
        HTTPException: _refusal,
        Exception: _defect,
    }
    app = Starlette(routes=routes, middleware=middleware, exception_handlers=handlers)  # type: ignore[arg-type]
    app.router.redirect_slashes = False
    return app


async def _refusal(request: Request, error: Exception) -> Response:
    """Of a route, or of the router: 404, 405 and the like."""
    if not isinstance(error, HTTPException):
        raise TypeError("only HTTPException is told to this handler")
    phrase = error.detail if error.status_code not in (404, 405, 413) else ""
    return problem.response(error.status_code, phrase, headers=error.headers, request_id=request.state.request_id)


async def _defect(request: Request, _error: Exception) -> Response:
    """Starlette raises the error again afterwards, and ``Exchange`` logs it."""
    return problem.response(500, request_id=request.state.request_id)
