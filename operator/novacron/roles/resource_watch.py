"""kopf as plumbing: it watches NovaCrons and calls back; it writes nothing, keeps no finalizer, decides nothing.

kopf runs in a thread and loop of its own, because it cancels every task of its loop when it ends. When it gives up (an
``ERROR`` in a stream, see kopf.md), it is started again here, after a backoff: the process does not die for it.
"""

from __future__ import annotations

import asyncio
import random
import threading
from collections.abc import Callable, Iterator
from typing import Any

import kopf
import structlog

from novacron.adapters import clock
from novacron.adapters.credentials import Credentials
from novacron.core import labels

_log = structlog.get_logger(__name__)
_LAST_BACKOFF = 30.0
_HEARTBEAT = 1.0


class _Backoffs:
    """1 s doubling to 30 s, jittered, for ever: a finite series lets the watch die (kopf.md, finding 1).

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
        self._backoffs = _Backoffs()
        self._alive_at = clock.monotonic()
        self._thread = threading.Thread(target=self._forever, name="kopf", daemon=True)
        self.restarts = 0

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()

    def joined(self, seconds: float) -> bool:
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def watching(self) -> bool:
        """Whether the API server answered the watcher; False as well while kopf is being started again."""
        return self.dead_seconds() < 3 * _HEARTBEAT

    def dead_seconds(self) -> float:
        """Seconds since the watcher's task was last seen alive and its requests did not fail."""
        return clock.monotonic() - self._alive_at

    async def _heartbeat(self) -> None:
        """Runs beside kopf in its loop, so that a stuck loop shows as well."""
        while True:
            watcher = any(task.get_name().startswith("watcher for") and not task.done() for task in asyncio.all_tasks())
            if watcher and not self._backoffs.failing:
                self._alive_at = clock.monotonic()
            await asyncio.sleep(_HEARTBEAT)

    def _forever(self) -> None:
        delay = 1.0
        while not self._stop.is_set():
            started = clock.monotonic()
            try:
                asyncio.run(self._run())
            except Exception as error:  # noqa: BLE001 - whatever ended kopf, the answer is to start it again
                _log.warning("resource watch ended", error=repr(error))
            if clock.monotonic() - started > 60:
                delay = 1.0
            if self._stop.wait(delay * random.uniform(0.5, 1.0)):
                return
            delay = min(delay * 2, _LAST_BACKOFF)
            self.restarts += 1

    async def _run(self) -> None:
        heartbeat = asyncio.create_task(self._heartbeat(), name="heartbeat")
        try:
            await self._operator()
        finally:
            heartbeat.cancel()

    async def _operator(self) -> None:
        await kopf.operator(
            registry=self._registry(),
            settings=_settings(self._backoffs),
            standalone=True,
            clusterwide=not self._namespace,
            namespaces=[self._namespace] if self._namespace else (),
            stop_flag=self._stop,
        )

    def _registry(self) -> kopf.OperatorRegistry:
        registry = kopf.OperatorRegistry()

        @kopf.on.login(registry=registry)
        def login(**_: Any) -> kopf.ConnectionInfo:
            return self._connection()

        @kopf.on.event(labels.GROUP, labels.VERSION, labels.PLURAL, registry=registry)
        async def event(event: Any, **_: Any) -> None:
            self._seen(event["type"], dict(event["object"]))

        return registry

    def _connection(self) -> kopf.ConnectionInfo:
        found = self._credentials
        return kopf.ConnectionInfo(
            server=found.server,
            ca_path=found.ca_file or None,
            insecure=found.insecure,
            certificate_path=found.client_certificate or None,
            private_key_path=found.client_key or None,
            scheme="Bearer" if found.token() else None,
            token=found.token() or None,
        )


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
