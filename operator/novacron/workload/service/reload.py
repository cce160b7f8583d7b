"""The settings that are read again when they change. A bad document is told once, and the last good one stays."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import structlog

from novacron.adapters import clock
from novacron.adapters.mounted import Directory
from novacron.workload.paths import RELOADED_FILE
from novacron.workload.service.settings import InvalidSettings, Reloaded, parsed, read
from novacron.workload.service.telemetry import Telemetry

_log = structlog.get_logger(__name__)
_SECONDS = 1.0

Listener = Callable[[Reloaded], Awaitable[None]]


class ReloadedSettings:
    """The current ones, and who wants to know of new ones."""

    def __init__(self, directory: Path, first: Reloaded, telemetry: Telemetry) -> None:
        self.current = first
        self._path = directory / RELOADED_FILE
        self._directory = Directory(directory)
        self._seen = self._directory.stamp()
        self._telemetry = telemetry
        self._listeners: list[Listener] = []
        telemetry.reloaded(RELOADED_FILE, clock.now().timestamp())

    def listen(self, listener: Listener) -> None:
        self._listeners.append(listener)

    async def watch(self) -> None:
        """Until cancelled."""
        while True:
            await asyncio.sleep(_SECONDS)
            stamp = self._directory.stamp()
            if stamp != self._seen:
                self._seen = stamp
                await self._take()

    async def _take(self) -> None:
        try:
            found = parsed(Reloaded, self._path, read(self._directory).get(RELOADED_FILE))
        except InvalidSettings as error:
            self._telemetry.reload_refused(RELOADED_FILE)
            _log.warning("settings not reloaded, the last ones stay in use", problem=str(error))
            return
        if found == self.current:
            return
        for listener in self._listeners:
            await listener(found)
        self.current = found
        self._telemetry.reloaded(RELOADED_FILE, clock.now().timestamp())
        _log.info("settings reloaded", **found.model_dump())
