"""kopf as plumbing: it watches NovaCrons and calls back; it writes nothing, keeps no finalizer, decides nothing.

kopf runs in a thread and loop of its own, because it cancels every task of its loop when it ends. When it gives up (an
``ERROR`` in a stream), it is started again here, after a backoff: the process does not die for it.
"""

from __future__ import annotations

import asyncio
import random
import threading
from collections.abc import Callable, Iterator
from typing import Any

import aiohttp
import structlog

from novacron.adapters import clock
from novacron.adapters.credentials import Credentials
from novacron.core import labels
from novacron.roles.plumbing import kopf

_log = structlog.get_logger(__name__)
_LAST_BACKOFF = 30.0
_HEARTBEAT = 1.0
_STEADY = 60.0
_WATCH_EVERY = 1.0


class _Backoffs:
    """1 s doubling to 30 s, jittered, for ever: a finite series lets the watch die.

    kopf takes one value before each attempt of a request and drops the iterator when an attempt succeeds; so taking a
    second value means that the request fails, which is the only word that kopf gives of it.
    """

    def __init__(self) -> None:
        self.failing = 0

    def __iter__(self) -> Iterator[float]:
        delay, failed = 1.0, False
        try:
            while True:
                yield delay * random.uniform(0.5, 1.0)
                delay = min(delay * 2, _LAST_BACKOFF)
                self.failing += not failed
                failed = True
        finally:
            self.failing -= failed


class ResourceWatch:
    """Watches NovaCrons in one namespace, or in all.

    Args:
        seen: called from kopf's thread with the event type (None for what was there at the start) and the body.
    """

    def __init__(self, credentials: Credentials, namespace: str, seen: Callable[[str | None, Any], None]) -> None:
        self._credentials = credentials
        self._namespace = namespace
        self._seen = seen
        self._stop = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._flag: asyncio.Event | None = None
        self._next_watch = 0.0
        self._backoffs = _Backoffs()
        self._alive_at = clock.monotonic()
        self._thread = threading.Thread(target=self._forever, name="kopf", daemon=True)
        self.restarts = 0

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        self._end_round()

    def _end_round(self) -> None:
        """Asks the kopf that runs now to end."""
        loop, flag = self._loop, self._flag
        if loop is not None and flag is not None and not loop.is_closed():
            loop.call_soon_threadsafe(flag.set)

    def joined(self, seconds: float) -> bool:
        if self._thread.ident is not None:
            self._thread.join(seconds)
        return not self._thread.is_alive()

    def watching(self) -> bool:
        """Whether the API server answered the watcher; False as well while kopf is being started again."""
        return self.dead_seconds() < 3 * _HEARTBEAT

    def dead_seconds(self) -> float:
        """Seconds since the watcher's task was last seen alive and its requests did not fail."""
        return clock.monotonic() - self._alive_at

    async def _heartbeat(self) -> None:
        """Runs beside kopf in its loop, so that a stuck loop shows as well; ends a kopf whose watcher has died."""
        lived = False
        while True:
            watcher = any(task.get_name().startswith("watcher for") and not task.done() for task in asyncio.all_tasks())
            if watcher and not self._backoffs.failing:
                self._alive_at = clock.monotonic()
            if lived and not watcher:
                _log.warning("kopf's watcher has died; starting kopf again")
                self._end_round()
                return
            lived = lived or watcher
            await asyncio.sleep(_HEARTBEAT)

    def _forever(self) -> None:
        delay = 1.0
        while not self._stop.is_set():
            started = clock.monotonic()
            try:
                asyncio.run(self._run())
            except Exception as error:  # noqa: BLE001 - whatever ended kopf, the answer is to start it again
                _log.warning("resource watch ended", error=repr(error))
            if clock.monotonic() - started > _STEADY:
                delay = 1.0
            if self._stop.wait(delay * random.uniform(0.5, 1.0)):
                return
            delay = min(delay * 2, _LAST_BACKOFF)
            self.restarts += 1

    async def _run(self) -> None:
        # a flag of this loop: kopf would wait for a thread's in an executor, and never return
        self._loop, self._flag = asyncio.get_running_loop(), asyncio.Event()
        if self._stop.is_set():
            return
        heartbeat = asyncio.create_task(self._heartbeat(), name="heartbeat")
        try:
            await kopf.operator(
                registry=self._registry(),
                settings=_settings(self._backoffs),
                standalone=True,
                clusterwide=not self._namespace,
                namespaces=[self._namespace] if self._namespace else (),
                stop_flag=self._flag,
            )
        finally:
            heartbeat.cancel()

    def _registry(self) -> kopf.OperatorRegistry:
        registry = kopf.OperatorRegistry()

        @kopf.on.login(registry=registry)
        async def login(**_: Any) -> kopf.AiohttpSession:
            return kopf.AiohttpSession(server=self._credentials.server, aiohttp_session=self._session())

        @kopf.on.event(labels.GROUP, labels.VERSION, labels.PLURAL, registry=registry)
        async def event(event: Any, **_: Any) -> None:
            self._seen(event["type"], dict(event["object"]))

        return registry

    def _session(self) -> aiohttp.ClientSession:
        """Of ours, for two things that kopf leaves out: a token that rotates, and a pause between watches.

        kopf opens a watch that ended in peace again at once; a proxy that ends them all would be asked thousands of
        times a second.
        """
        trace = aiohttp.TraceConfig()
        trace.on_request_start.append(self._prepare)
        connector = aiohttp.TCPConnector(limit=0, ssl=self._credentials.tls())
        return aiohttp.ClientSession(connector=connector, trace_configs=[trace])

    async def _prepare(
        self, _session: aiohttp.ClientSession, _context: Any, request: aiohttp.TraceRequestStartParams
    ) -> None:
        request.headers.update(self._credentials.headers())
        if "watch" in request.url.query:
            self._next_watch = max(self._next_watch, clock.monotonic())
            pause = self._next_watch - clock.monotonic()
            self._next_watch += _WATCH_EVERY
            await asyncio.sleep(pause)


def _settings(backoffs: _Backoffs) -> kopf.OperatorSettings:
    settings = kopf.OperatorSettings()
    settings.networking.error_backoffs = backoffs
    settings.networking.request_timeout = 30
    settings.networking.connect_timeout = 5
    settings.watching.server_timeout = 600
    settings.watching.client_timeout = 660
    settings.watching.reconnect_backoff = 1.0
    settings.watching.chunk_size = 500
    settings.posting.enabled = False
    settings.peering.standalone = True
    settings.scanning.disabled = True
    return settings
