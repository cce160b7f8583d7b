"""The operator: watches, queue, workers, lease, probes and metrics, put together. Decides nothing about resources."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import signal
import socket
import uuid
from collections.abc import Awaitable
from dataclasses import dataclass

import structlog

from novacron.adapters import clock, discovery
from novacron.adapters.credentials import Credentials
from novacron.adapters.kube import ApiError, Kube, NotLeading
from novacron.adapters.lease import DURATION, Leadership
from novacron.adapters.recorder import Recorder
from novacron.adapters.telemetry import Telemetry
from novacron.adapters.workloads import HttpWorkloads
from novacron.auth.controller import PROPAGATION, KeyKeeper
from novacron.core import kinds, labels
from novacron.core.manifest import Manifest
from novacron.roles.probes import Probes
from novacron.roles.resource_watch import ResourceWatch
from novacron.roles.watches import COMPARE_SECONDS, Watches
from novacron.stack.controller import Controller
from novacron.stack.pulse import Pulse
from novacron.stack.queue import Key, Priority, WorkQueue

_log = structlog.get_logger(__name__)

_STOP_SECONDS = 4.0
"""How long workers may take to stop after the lease was lost; longer, and the process exits (docs/decisions/0007)."""
_STUCK_SECONDS = 300.0
"""A key that is overdue for so long means that the workers are stuck."""
_CONTESTED_SECONDS = 30.0
"""Between two repairs of what somebody sets again at once."""
_HANGS_SECONDS = 600.0
"""A pass that takes longer hangs: each of its requests ends within half a minute."""
_RECOVERY_SECONDS = 60.0
_BLIND_SECONDS = 180.0
"""For so long the watch of NovaCrons may be away while the API server answers."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Args:
    namespace: the only one to serve; empty: all.
    operator_namespace: where the operator, and so its lease, lives.
    ask_workloads: whether pods and Services are within reach, and so asked what they miss.
    propagation: seconds until a changed Secret or ConfigMap has reached every pod that mounts it.
    """

    namespace: str = ""
    operator_namespace: str = labels.OPERATOR_NAMESPACE
    health_port: int = 8080
    metrics_port: int = 9090
    address: str = ""
    workers: int = 16
    ask_workloads: bool = False
    propagation: int = PROPAGATION


class Operator:
    """One operator process."""

    def __init__(self, settings: Settings, credentials: Credentials) -> None:
        self._settings = settings
        self._credentials = credentials
        self._telemetry = Telemetry()
        self._queue = WorkQueue(clock.monotonic)
        self._watches = Watches(self._queue, settings.namespace, settings.operator_namespace)
        self._started: dict[Key, float] = {}
        self._finished = clock.monotonic()
        self._stopping = asyncio.Event()
        self._pulse: Pulse | None = None
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
                HttpWorkloads() as workloads,
            ):
                if self._settings.ask_workloads:
                    self._pulse = Pulse(workloads, lambda key: self._queue.add(key, Priority.CHILD))
                await self._serve(kube, watch_kube, leadership, loop)

    async def _serve(
        self, kube: Kube, watch_kube: Kube, leadership: Leadership, loop: asyncio.AbstractEventLoop
    ) -> None:
        def seen(event: str | None, body: Manifest) -> None:
            loop.call_soon_threadsafe(self._watches.seen, event, body)

        watch = ResourceWatch(
            self._credentials,
            self._settings.namespace,
            seen,
        )
        watches = self._watches
        controller = Controller(
            kube,
            Recorder(kube, self._identity),
            lambda: watches.capabilities,
            watches.may_have,
            watches.wrote,
            KeyKeeper(kube, self._settings.propagation),
            self._pulse,
        )
        probes = Probes(
            self._settings.address,
            self._settings.health_port,
            self._settings.metrics_port,
            lambda: self._alive(leadership, watch),
            lambda: self._synced(leadership, watch),
            lambda: self._exposition(leadership, watch),
        )
        await probes.start()
        try:
            if not await self._until_stopping(self._installed(watch_kube)):
                return
            watch.start()
            background: list[asyncio.Task[None]] = [
                asyncio.create_task(watches.discover(watch_kube), name="discovery"),
                asyncio.create_task(watches.compare(watch_kube), name="comparison"),
                asyncio.create_task(self._campaign(leadership, controller), name="leadership"),
            ]
            await self._until_stopping(asyncio.gather(*background))
            await leadership.release()
        finally:
            watch.stop()
            watches.stop()
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

    # Leading

    async def _campaign(self, leadership: Leadership, controller: Controller) -> None:
        while True:
            await self._watches.discovered.wait()
            await leadership.acquired()
            _log.info("leading", identity=self._identity)
            controller.reset()
            self._queue.clear()  # what a standby gathered is old, and all of it is looked at now
            for key in self._watches.known:
                self._queue.add(key, Priority.RESYNC)
            workers = [asyncio.create_task(self._work(controller)) for _ in range(self._settings.workers)]
            if self._pulse is not None:
                workers.append(asyncio.create_task(self._pulse.run()))
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
            self._started[key] = clock.monotonic()
            self._watches.begin(key)
            try:
                await self._pass(controller, key)
            finally:
                self._watches.end(key)
                self._queue.done(key)
                del self._started[key]
                self._finished = clock.monotonic()

    async def _pass(self, controller: Controller, key: Key) -> None:
        """One pass; every error ends in another one."""
        started = clock.monotonic()
        outcome = "error"
        try:
            result = await controller.reconcile(key)
        except (ApiError, NotLeading) as error:
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
                self._watches.known.pop(key, None)
                self._telemetry.hide(*key)
                self._queue.forget(key)
            else:
                self._telemetry.show(*key, result.conditions)
                if result.signs_since is not None:
                    self._telemetry.signing_key.labels(*key).set(result.signs_since)
                if result.failed:
                    self._queue.retry(key)
                if result.contested:
                    self._queue.hold(key, _CONTESTED_SECONDS)
                self._queue.add(key, Priority.RESYNC, min(result.again * random.uniform(0.8, 1.2), result.due))
        finally:
            self._telemetry.reconciles.labels(outcome).inc()
            self._telemetry.duration.observe(clock.monotonic() - started)

    # Health

    async def _alive(self, leadership: Leadership, watch: ResourceWatch) -> list[str]:
        """Why this process should be restarted; empty while it should not. Never for an API server that is away."""
        problems = []
        # after an outage every watch may still sit in its backoff: that is no blindness yet
        if leadership.answering() > _RECOVERY_SECONDS:
            problems = [f"watch of {name} is blind" for name in self._watches.blind()]
            if clock.monotonic() - self._watches.compared > 3 * COMPARE_SECONDS:
                problems.append("novacrons cannot be listed")
            if watch.dead_seconds() > _BLIND_SECONDS:
                problems.append("the watch of novacrons does not come back")
        if leadership.overdue() > 3 * DURATION:
            problems.append("the lease is stale but this process believes to lead")
        now = clock.monotonic()
        if leadership.leading and min(self._queue.oldest(), now - self._finished) > _STUCK_SECONDS:
            problems.append("the queue does not move")
        if any(now - started > _HANGS_SECONDS for started in self._started.values()):
            problems.append("a pass hangs")
        return problems

    async def _synced(self, leadership: Leadership, watch: ResourceWatch) -> list[str]:
        """Why this process is not ready to lead."""
        health = self._watches.health()
        waiting = [name for name, healthy in health.items() if not healthy]
        if not health:
            waiting.append("discovery")
        if not watch.watching():
            waiting.append(kinds.NOVACRON.resource)
        found = [f"waiting for {name}" for name in waiting]
        return [*found, leadership.problem] if leadership.problem else found

    async def _exposition(self, leadership: Leadership, watch: ResourceWatch) -> bytes:
        self._telemetry.leader.set(leadership.leading)
        self._telemetry.queue_depth.set(self._queue.depth())
        self._telemetry.queue_oldest.set(self._queue.oldest() if leadership.leading else 0)
        self._telemetry.watch_healthy.clear()  # kinds come and go
        for name, healthy in self._watches.health().items():
            self._telemetry.watch_healthy.labels(name).set(healthy)
        self._telemetry.watch_healthy.labels(kinds.NOVACRON.resource).set(watch.watching())
        return await asyncio.to_thread(self._telemetry.exposition)


async def run(settings: Settings, credentials: Credentials) -> None:
    """Until the process is told to stop."""
    await Operator(settings, credentials).run()
