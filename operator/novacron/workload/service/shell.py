"""One process: ports, dependencies and background work, from the first line to an orderly end."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Coroutine, Sequence
from pathlib import Path
from typing import Any

import structlog

from novacron.adapters import clock, neighbour
from novacron.workload.service import lag, listeners, settings
from novacron.workload.service.application import Applications
from novacron.workload.service.context import Context, Role, Service
from novacron.workload.service.peers import Peer
from novacron.workload.service.readiness import Board, Dependency, watch
from novacron.workload.service.reload import ReloadedSettings
from novacron.workload.service.telemetry import UNMATCHED, Telemetry

_log = structlog.get_logger(__name__)

_SETTLE_SECONDS = 1.5
"""Served on after readiness went: for clients that have not heard of it, and so that they hear of it."""
_CLOSE_SECONDS = 2.0
"""Kept of the grace period for closing connections to datastores, and for the interpreter's own end."""
_INTERRUPTED_SECONDS = 1.0
"""What a person at a terminal waits for running requests after Ctrl-C."""
_INTERRUPTED = 130


class Shell:
    """Runs a role. Raises ``InvalidSettings`` or ``PortTaken`` before anything is served."""

    def __init__(self, role: Role, config: Path, address: str) -> None:
        self._settings, first = settings.load(config, role.name)
        telemetry = self._telemetry = Telemetry(role.name)
        self._reloaded = ReloadedSettings(config, first, telemetry)
        context = Context(self._settings, self._reloaded, telemetry, config)
        service = role.build(context)
        self._dependencies = [*context.dependencies, *self._peers()]
        self._own_background = context.background
        self._board = Board(self._dependencies, telemetry, clock.monotonic)
        self._listeners = self._opened(service, address)
        self._stopping = asyncio.Event()
        self._signal = signal.SIGTERM

    def _peers(self) -> list[Dependency]:
        return [Peer(name, urls, neighbour.answers) for name, urls in self._settings.peers.items()]

    def _opened(self, service: Service, address: str) -> dict[str, listeners.Listener]:
        made = Applications(self._settings.limits, self._board, self._telemetry)
        apps = {
            "http": made.http(service.routes, service.middleware, service.limits),
            "internal": made.internal(service.internal),
            "metrics": made.metrics(),
        }
        sockets = listeners.bound(self._settings.ports.numbered(), address)
        return {
            name: listeners.Listener(apps[name], opened, self._settings.limits, self._refused)
            for name, opened in sockets.items()
        }

    def _refused(self, status: int) -> None:
        """A request that no application saw."""
        self._telemetry.answered(UNMATCHED, "", status, 0.0)

    async def run(self) -> int:
        """Until a signal; the exit code."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._told, number)
        for listener in self._listeners.values():
            listener.start()
        background = [asyncio.create_task(work) for work in self._background()]
        ports = self._settings.ports.numbered()
        _log.info("serving", role=self._settings.role, **{f"{name}_port": port for name, port in ports.items()})
        ended = asyncio.create_task(self._stopping.wait())
        done, _ = await asyncio.wait([ended, *background], return_when=asyncio.FIRST_COMPLETED)
        for task in done - {ended}:
            task.result()  # background work never ends by itself, but by a defect
        return await self._drain(background)

    def _background(self) -> list[Coroutine[Any, Any, None]]:
        checks = [watch(dependency, self._board) for dependency in self._dependencies]
        own = [work() for work in self._own_background]
        return [*checks, *own, self._reloaded.watch(), lag.measure(self._telemetry)]

    def _told(self, number: signal.Signals) -> None:
        """The second signal means now."""
        if self._stopping.is_set():
            os._exit(128 + number)
        self._signal = number
        self._board.draining = True
        self._stopping.set()

    async def _drain(self, background: Sequence[asyncio.Task[None]]) -> int:
        """Not ready, still serving; nothing new, what runs finishes; then connections, and metrics last of all."""
        interrupted = self._signal == signal.SIGINT
        grace = self._settings.shutdown_grace_seconds
        settle = 0.0 if interrupted else min(_SETTLE_SECONDS, grace / 10)
        rest = _INTERRUPTED_SECONDS if interrupted else max(0.0, grace - settle - 2 * _CLOSE_SECONDS)
        _log.info("ending", grace_seconds=grace, running=self._running())
        await asyncio.sleep(settle)
        metrics = self._listeners["metrics"]
        await asyncio.gather(*(one.end(rest) for one in self._listeners.values() if one is not metrics))
        for task in background:
            task.cancel()
        await asyncio.gather(*background, return_exceptions=True)
        await self._closed()
        await metrics.end(1.0)
        _log.info("ended")
        return _INTERRUPTED if interrupted else 0

    def _running(self) -> int:
        return sum(listener.running for listener in self._listeners.values())

    async def _closed(self) -> None:
        try:
            async with asyncio.timeout(_CLOSE_SECONDS):
                await asyncio.gather(*(one.close() for one in self._dependencies), return_exceptions=True)
        except TimeoutError:
            _log.warning("connections to datastores did not close in time and were cut")
