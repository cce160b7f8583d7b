"""Health and metrics of the operator over HTTP, in the main loop: a loop that is stuck fails its liveness probe."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from aiohttp import web

Check = Callable[[], Awaitable[list[str]]]


class Probes:
    """``/healthz`` and ``/readyz`` on one port, ``/metrics`` on another; 503 names the reasons, one a line."""

    def __init__(
        self,
        address: str,
        health_port: int,
        metrics_port: int,
        alive: Check,
        ready: Check,
        exposition: Callable[[], Awaitable[bytes]],
    ) -> None:
        self._address = address or None
        self._ports = (health_port, metrics_port)
        self._alive = alive
        self._ready = ready
        self._exposition = exposition
        self._runners: list[web.AppRunner] = []

    async def start(self) -> None:
        health = web.Application()
        health.router.add_get("/healthz", lambda _request: _answer(self._alive))
        health.router.add_get("/readyz", lambda _request: _answer(self._ready))
        metrics = web.Application()
        metrics.router.add_get("/metrics", self._metrics)
        for app, port in zip((health, metrics), self._ports, strict=True):
            runner = web.AppRunner(app, access_log=None)
            await runner.setup()
            await web.TCPSite(runner, self._address, port).start()
            self._runners.append(runner)

    async def stop(self) -> None:
        for runner in self._runners:
            await runner.cleanup()

    async def _metrics(self, _request: web.Request) -> web.Response:
        return web.Response(
            body=await self._exposition(), headers={"Content-Type": "text/plain; version=0.0.4; charset=utf-8"}
        )


async def _answer(check: Check) -> web.Response:
    problems = await check()
    return web.Response(status=503 if problems else 200, text="\n".join(problems) or "ok")
