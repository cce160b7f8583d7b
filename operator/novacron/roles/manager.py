"""The operator: watches, queue, workers, lease, probes and metrics, put together. Decides nothing about resources."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import signal
import socket
import uuid
from collections.abc import Awaitable, Iterator
from dataclasses import dataclass, field

import structlog

from novacron.adapters import clock, discovery
from novacron.adapters.credentials import Credentials
from novacron.adapters.kube import ApiError, Conflict, Kube, NotLeading, Unreachable
from novacron.adapters.lease import DURATION, Leadership
from novacron.adapters.recorder import Recorder
from novacron.adapters.reflector import Reflector
from novacron.adapters.telemetry import Telemetry
from novacron.core import kinds, labels
from novacron.core.capabilities import Capabilities
from novacron.core.manifest import Kind, Manifest
from novacron.roles.probes import Probes
from novacron.roles.resource_watch import ResourceWatch
from novacron.stack.controller import Controller
from novacron.stack.queue import Key, Priority, WorkQueue

_log = structlog.get_logger(__name__)

DISCOVERY_SECONDS = 30.0
_COMPARE_SECONDS = 300.0
_DEBOUNCE = 0.2
"""Seconds for which child events of one resource are gathered into one pass."""
_STOP_SECONDS = 4.0
"""How long workers may take to stop after the lease was lost; longer, and the process exits (decisions.md 7)."""
_STUCK_SECONDS = 300.0
"""A key that is overdue for so long means that the workers are stuck."""
_RECOVERY_SECONDS = 60.0
_BLIND_SECONDS = 180.0
"""A watch without an answer for so long, while the API server answers, means that this process is blind."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Args:
    namespace: the only one to serve; empty: all.
    operator_namespace: where the operator, and so its lease, lives.
    """

    namespace: str = ""
    operator_namespace: str = labels.OPERATOR_NAMESPACE
    health_port: int = 8080
    metrics_port: int = 9090
    address: str = ""
    workers: int = 16


@dataclass(slots=True)
class Pass:
    """What happens around a pass that is under way: an event may overtake the answer to the write that caused it.

    Args:
        own: resource versions that our writes made.
        seen: what the watches told meanwhile.
    """

    own: set[str] = field(default_factory=set)
    seen: list[tuple[Priority, str]] = field(default_factory=list)

    def news(self) -> Iterator[Priority]:
        return (priority for priority, version in self.seen if version not in self.own)


class Manager:
    """One operator process."""

    def __init__(self, settings: Settings, credentials: Credentials) -> None:
        self._settings = settings
        self._credentials = credentials
        self._telemetry = Telemetry()
        self._queue = WorkQueue(clock.monotonic)
        self._reflectors: dict[Kind, tuple[Reflector, asyncio.Task[None]]] = {}
        self._known: dict[Key, str] = {}
        self._passes: dict[Key, Pass] = {}
        self._capabilities = Capabilities(operator_namespace=settings.operator_namespace)
        self._stopping = asyncio.Event()
        self._compared = clock.monotonic()
        self._discovered = asyncio.Event()
        self._identity = f"{socket.gethostname()}_{uuid.uuid4()}"

    async def run(self) -> None:
        """Returns after SIGTERM or SIGINT, when all is put down in order."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stopping.set)
        observe = self._telemetry.observe_request
        async with Kube(self._credentials, observe=observe, connections=4) as lease_kube:
            leadership = Leadership(lease_kube, self._settings.operator_namespace, self._identity)
            async with (
                Kube(self._credentials, permit=leadership.permit, observe=observe, connections=32) as kube,
                Kube(self._credentials, observe=observe, connections=64) as watch_kube,
            ):
                await self._serve(kube, watch_kube, leadership, loop)

    async def _serve(
        self, kube: Kube, watch_kube: Kube, leadership: Leadership, loop: asyncio.AbstractEventLoop
    ) -> None:
        def seen(event: str | None, body: Manifest) -> None:
            loop.call_soon_threadsafe(self._seen, event, body)

        watch = ResourceWatch(
            self._credentials,
            self._settings.namespace,
            seen,
        )
        controller = Controller(
            kube, Recorder(kube, self._identity), lambda: self._capabilities, self._may_have, self._wrote
        )
        probes = Probes(
            self._settings.address,
            self._settings.health_port,
            self._settings.metrics_port,
            lambda: self._alive(leadership, watch),
            lambda: self._synced(leadership, watch),
            lambda: asyncio.to_thread(self._exposition, leadership, watch),
        )
        await probes.start()
        try:
            if not await self._until_stopping(self._installed(watch_kube)):
                return
            watch.start()
            background: list[asyncio.Task[None]] = [
                asyncio.create_task(self._discover(watch_kube), name="discovery"),
                asyncio.create_task(self._compare(watch_kube), name="comparison"),
                asyncio.create_task(self._campaign(leadership, controller), name="leadership"),
            ]
            await self._until_stopping(asyncio.gather(*background))
            await leadership.release()
        finally:
            watch.stop()
            for _reflector, task in self._reflectors.values():
                task.cancel()
            await probes.stop()
            await asyncio.to_thread(watch.joined, 5.0)

    async def _until_stopping(self, waited_for: Awaitable[object]) -> bool:
        """Waits for something or for the end of the process; False at the end, with what was waited for put down."""
        future = asyncio.ensure_future(waited_for)
        stopped = asyncio.create_task(self._stopping.wait())
        await asyncio.wait([future, stopped], return_when=asyncio.FIRST_COMPLETED)
        stopped.cancel()
        finished = future.done()
        if not finished:
            future.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await future
        return finished

    async def _installed(self, kube: Kube) -> None:
        """Returns once the API server serves NovaCrons."""
        told = ""
        while True:
            try:
                if await discovery.serves(kube, kinds.NOVACRON):
                    return
                problem = "the NovaCron resource is not installed: apply crds/novacron.yaml"
            except ApiError as error:
                problem = str(error)
            if problem != told:
                _log.warning("waiting for the API server", reason=problem)
                told = problem
            await asyncio.sleep(2)

    # What is seen

    def _seen(self, event: str | None, body: Manifest) -> None:
        """A NovaCron came, changed or went; on kopf's word only the key is taken, never the body."""
        key = (body["metadata"]["namespace"], body["metadata"]["name"])
        if event == "DELETED":
            self._known.pop(key, None)
            self._queue.add(key, Priority.USER)
            for other in self._known:
                if other[0] == key[0]:
                    self._queue.add(other, Priority.USER)
            return
        version = body["metadata"]["resourceVersion"]
        own = self._known.get(key) == version
        self._known[key] = version
        if not own:
            self._tell(key, Priority.USER, version, 0)

    async def _compare(self, kube: Kube) -> None:
        """Lists NovaCrons now and then: whatever the watch may have missed is found, and so is a right that is gone."""
        while True:
            await asyncio.sleep(_COMPARE_SECONDS * random.uniform(0.8, 1.2))
            try:
                page = await kube.list(kinds.NOVACRON, self._settings.namespace, metadata_only=True)
            except ApiError as error:
                _log.warning("comparison failed", error=str(error))
                continue
            self._compared = clock.monotonic()
            present = {(item["metadata"]["namespace"], item["metadata"]["name"]): item for item in page.items}
            for key, item in present.items():
                if key not in self._known:
                    self._seen(None, item)
            for key in self._known.keys() - present.keys():
                self._queue.add(key, Priority.USER)

    def _child_changed(self, namespace: str, instance: str, version: str) -> None:
        if (namespace, instance) in self._known:
            self._tell((namespace, instance), Priority.CHILD, version, _DEBOUNCE)

    def _tell(self, key: Key, priority: Priority, version: str, delay: float) -> None:
        """Asks for a pass, unless one is under way whose own write this may be: its end decides."""
        running = self._passes.get(key)
        if running is None:
            self._queue.add(key, priority, delay)
        else:
            running.seen.append((priority, version))

    def _wrote(self, manifest: Manifest) -> None:
        meta = manifest["metadata"]
        if manifest["kind"] == labels.KIND:
            key = (meta["namespace"], meta["name"])
            self._known[key] = meta["resourceVersion"]
        else:
            key = (meta["namespace"], meta["labels"][labels.INSTANCE])
            entry = self._reflectors.get(kinds.BY_KIND[manifest["kind"]])
            if entry is not None:
                entry[0].wrote(manifest)
        if key in self._passes:
            self._passes[key].own.add(meta["resourceVersion"])

    def _may_have(self, kind: Kind, namespace: str, name: str) -> bool:
        entry = self._reflectors.get(kind)
        return entry is None or entry[0].any_of(namespace, name)

    # Leading

    async def _campaign(self, leadership: Leadership, controller: Controller) -> None:
        while True:
            await self._discovered.wait()
            await leadership.acquired()
            _log.info("leading", identity=self._identity)
            controller.reset()
            for key in self._known:
                self._queue.add(key, Priority.RESYNC)
            workers = [asyncio.create_task(self._work(controller)) for _ in range(self._settings.workers)]
            try:
                await leadership.lost()
            finally:
                await self._stop_workers(workers)
                self._telemetry.hide_all()
            _log.warning("lease lost; standing by", identity=self._identity)

    async def _stop_workers(self, workers: list[asyncio.Task[None]]) -> None:
        for worker in workers:
            worker.cancel()
        _done, pending = await asyncio.wait(workers, timeout=_STOP_SECONDS)
        if pending:
            _log.error("workers did not stop in time; exiting so that no write outlives the lease")
            os._exit(1)

    async def _work(self, controller: Controller) -> None:
        while True:
            key, _priority = await self._queue.get()
            running = self._passes[key] = Pass()
            try:
                await self._pass(controller, key)
            finally:
                del self._passes[key]
                for priority in running.news():
                    self._queue.add(key, priority, _DEBOUNCE)
                self._queue.done(key)

    async def _pass(self, controller: Controller, key: Key) -> None:
        """One pass; every error ends in another one."""
        started = clock.monotonic()
        outcome = "error"
        try:
            result = await controller.reconcile(key)
        except (Unreachable, Conflict, NotLeading) as error:
            outcome = "retry"
            delay = self._queue.retry(key, getattr(error, "retry_after", 0.0))
            _log.info("pass to be repeated", namespace=key[0], name=key[1], error=str(error), seconds=round(delay, 1))
        except Exception as error:  # noqa: BLE001 - a defect in one resource must not stop the others; it is logged and counted
            delay = self._queue.retry(key)
            _log.exception("pass failed", namespace=key[0], name=key[1], kind=type(error).__name__)
        else:
            outcome = "written" if result.writes else "unchanged"
            if not result.failed:
                self._queue.succeeded(key)
            for child in result.repaired:
                self._telemetry.repairs.labels(child.kind).inc()
            if result.again is None:
                self._known.pop(key, None)
                self._telemetry.hide(*key)
                self._queue.forget(key)
            else:
                self._telemetry.show(*key, result.conditions)
                if result.failed:
                    self._queue.retry(key)
                self._queue.add(key, Priority.RESYNC, result.again * random.uniform(0.8, 1.2))
        finally:
            self._telemetry.reconciles.labels(outcome).inc()
            self._telemetry.duration.observe(clock.monotonic() - started)

    # Neighbours that come and go

    async def _discover(self, kube: Kube) -> None:
        """Asks again and again which optional APIs are served, and watches the kinds that are."""
        while True:
            try:
                found = await discovery.capabilities(kube, self._settings.operator_namespace)
            except ApiError as error:
                _log.warning("discovery failed", error=str(error))
                await asyncio.sleep(5)
                continue
            changed = found != self._capabilities
            self._capabilities = found
            self._watch_children(kube)
            if changed and self._discovered.is_set():
                _log.info("the cluster's APIs changed", missing=found.missing(), custom_metrics=found.custom_metrics)
                for key in self._known:
                    self._queue.add(key, Priority.CHILD)
            self._discovered.set()
            await asyncio.sleep(DISCOVERY_SECONDS)

    def _watch_children(self, kube: Kube) -> None:
        for kind in kinds.CHILDREN:
            served = self._capabilities.serves(kind)
            if served and kind not in self._reflectors:
                reflector = Reflector(kube, kind, self._settings.namespace, self._child_changed)
                self._reflectors[kind] = reflector, asyncio.create_task(reflector.run(), name=f"watch {kind.resource}")
            elif not served and kind in self._reflectors:
                self._reflectors.pop(kind)[1].cancel()

    # Health

    def _blind(self) -> list[str]:
        """Kinds of which nothing was seen for too long."""
        now = clock.monotonic()
        return [
            kind.resource
            for kind, (reflector, task) in self._reflectors.items()
            if task.done() or (not reflector.synced and now - reflector.last_contact > _BLIND_SECONDS)
        ]

    async def _alive(self, leadership: Leadership, watch: ResourceWatch) -> list[str]:
        """Why this process should be restarted; empty while it should not. Never for an API server that is away."""
        problems = []
        # after an outage every watch may still sit in its backoff: that is no blindness yet
        if leadership.answering() > _RECOVERY_SECONDS:
            problems = [f"watch of {name} is blind" for name in self._blind()]
            if clock.monotonic() - self._compared > 3 * _COMPARE_SECONDS:
                problems.append("novacrons cannot be listed")
            if watch.dead_seconds() > _BLIND_SECONDS:
                problems.append("the watch of novacrons does not come back")
        if leadership.overdue() > 3 * DURATION:
            problems.append("the lease is stale but this process believes to lead")
        if leadership.leading and self._queue.oldest() > _STUCK_SECONDS:
            problems.append("the queue does not move")
        return problems

    async def _synced(self, leadership: Leadership, watch: ResourceWatch) -> list[str]:
        """Why this process is not ready to lead."""
        waiting = [kind.resource for kind, (reflector, _) in self._reflectors.items() if not reflector.synced]
        if not self._reflectors:
            waiting.append("discovery")
        if not watch.watching():
            waiting.append(kinds.NOVACRON.resource)
        found = [f"waiting for {name}" for name in waiting]
        return [*found, leadership.problem] if leadership.problem else found

    def _exposition(self, leadership: Leadership, watch: ResourceWatch) -> bytes:
        self._telemetry.leader.set(leadership.leading)
        self._telemetry.queue_depth.set(self._queue.depth())
        self._telemetry.queue_oldest.set(self._queue.oldest())
        for kind, (reflector, task) in self._reflectors.items():
            self._telemetry.watch_healthy.labels(kind.resource).set(reflector.synced and not task.done())
        self._telemetry.watch_healthy.labels(kinds.NOVACRON.resource).set(watch.watching())
        return self._telemetry.exposition()


async def run(settings: Settings, credentials: Credentials) -> None:
    """Until the process is told to stop."""
    await Manager(settings, credentials).run()
