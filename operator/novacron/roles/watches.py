"""What the operator sees: NovaCrons through kopf, children through reflectors, neighbours through discovery.

Everything that is seen becomes a key in the queue; nothing is decided here.
"""

from __future__ import annotations

import asyncio
import dataclasses
import random
from collections.abc import Iterator
from dataclasses import dataclass, field

import structlog

from novacron.adapters import clock, discovery
from novacron.adapters.kube import ApiError, Kube
from novacron.adapters.reflector import Reflector
from novacron.core import kinds, labels
from novacron.core.capabilities import Capabilities
from novacron.core.manifest import Kind, Manifest, at
from novacron.stack.queue import Key, Priority, WorkQueue

_log = structlog.get_logger(__name__)

DISCOVERY_SECONDS = 30.0
COMPARE_SECONDS = 300.0
MEASURED_SECONDS = 300.0
"""How late a pass may learn that an autoscaler's metrics came or went."""
_PATIENCE = 600.0
"""Seconds for which an API server's older version, or a metrics adapter that is away, still counts."""
DEBOUNCE = 0.2
"""Seconds for which child events of one resource are gathered into one pass."""
_BLIND_SECONDS = 180.0
"""A watch without an answer for so long, while the API server answers, means that this process is blind."""


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


class Watches:
    """Belongs to one event loop.

    Args:
        namespace: the only one to look at; empty: all.
        operator_namespace: where the operator runs; part of what the cluster can do.
    """

    def __init__(self, queue: WorkQueue, namespace: str, operator_namespace: str) -> None:
        self._queue = queue
        self._namespace = namespace
        self._operator_namespace = operator_namespace
        self._reflectors: dict[Kind, tuple[Reflector, asyncio.Task[None]]] = {}
        self._passes: dict[Key, Pass] = {}
        self.known: dict[Key, str] = {}
        self.capabilities = Capabilities(operator_namespace=operator_namespace)
        self.discovered = asyncio.Event()
        self.compared = clock.monotonic()
        self._versions: dict[tuple[int, int], float] = {}
        self._metrics_seen = float("-inf")

    def seen(self, event: str | None, body: Manifest) -> None:
        """A NovaCron came, changed or went; on kopf's word only the key is taken, never the body."""
        key = (body["metadata"]["namespace"], body["metadata"]["name"])
        if event == "DELETED":
            self.known.pop(key, None)
            self._queue.add(key, Priority.USER)
            for other in self.known:
                if other[0] == key[0]:
                    self._queue.add(other, Priority.USER)
            return
        version = body["metadata"]["resourceVersion"]
        own = self.known.get(key) == version
        self.known[key] = version
        if not own:
            self._tell(key, Priority.USER, version, 0)

    async def compare(self, kube: Kube) -> None:
        """Lists NovaCrons now and then: whatever the watch may have missed is found, and so is a right that is gone."""
        while True:
            await asyncio.sleep(COMPARE_SECONDS * random.uniform(0.8, 1.2))
            before = set(self.known)  # what comes while the list is read is not missing from it
            try:
                page = await kube.list(kinds.NOVACRON, self._namespace, metadata_only=True)
            except ApiError as error:
                _log.warning("comparison failed", error=str(error))
                continue
            self.compared = clock.monotonic()
            present = {(item["metadata"]["namespace"], item["metadata"]["name"]): item for item in page.items}
            for item in present.values():
                self.seen(None, item)
            for namespace, name in before - present.keys():
                self.seen("DELETED", {"metadata": {"namespace": namespace, "name": name}})

    def _child_measured(self, namespace: str, instance: str) -> None:
        if (namespace, instance) in self.known:
            self._queue.add((namespace, instance), Priority.RESYNC, MEASURED_SECONDS)

    def _child_changed(self, namespace: str, instance: str, version: str) -> None:
        if (namespace, instance) in self.known:
            self._tell((namespace, instance), Priority.CHILD, version, DEBOUNCE)

    def _tell(self, key: Key, priority: Priority, version: str, delay: float) -> None:
        """Asks for a pass, unless one is under way whose own write this may be: its end decides."""
        running = self._passes.get(key)
        if running is None:
            self._queue.add(key, priority, delay)
        else:
            running.seen.append((priority, version))

    def wrote(self, manifest: Manifest) -> None:
        meta = manifest["metadata"]
        if manifest["kind"] == labels.KIND:
            key = (meta["namespace"], meta["name"])
            self.known[key] = meta["resourceVersion"]
        else:
            key = (meta["namespace"], at(meta, "labels", labels.INSTANCE, default=""))
            entry = self._reflectors.get(kinds.BY_KIND[manifest["kind"]])
            if entry is not None:
                entry[0].wrote(manifest)
        if key in self._passes:
            self._passes[key].own.add(meta["resourceVersion"])

    def may_have(self, kind: Kind, namespace: str, name: str) -> bool:
        entry = self._reflectors.get(kind)
        return entry is None or entry[0].any_of(namespace, name)

    def begin(self, key: Key) -> None:
        """A pass over a key starts: what is seen meanwhile may be its own doing."""
        self._passes[key] = Pass()

    def end(self, key: Key) -> None:
        """The pass is over: what was seen and was not its own doing asks for another one."""
        for priority in self._passes.pop(key).news():
            self._queue.add(key, priority, DEBOUNCE)

    async def discover(self, kube: Kube) -> None:
        """Asks again and again which optional APIs are served, and watches the kinds that are."""
        while True:
            try:
                metrics = self._kept(await discovery.custom_metrics(kube))
                found = self._steady(await discovery.capabilities(kube, self._operator_namespace, metrics))
            except ApiError as error:
                _log.warning("discovery failed", error=str(error))
                await asyncio.sleep(5)
                continue
            changed = found != self.capabilities
            self.capabilities = found
            self._watch_children(kube)
            if changed and self.discovered.is_set():
                _log.info("the cluster's APIs changed", missing=found.missing(), custom_metrics=found.custom_metrics)
                for key in self.known:
                    self._queue.add(key, Priority.CHILD)
            self.discovered.set()
            await asyncio.sleep(DISCOVERY_SECONDS)

    def _kept(self, metrics: bool | None) -> bool:
        """An adapter that restarts must not rewrite every autoscaler."""
        if metrics:
            self._metrics_seen = clock.monotonic()
        return metrics if metrics is not None else clock.monotonic() - self._metrics_seen < _PATIENCE

    def _steady(self, found: Capabilities) -> Capabilities:
        """With the lowest version of the last minutes: a control plane in mid-upgrade answers now so, now so."""
        now = clock.monotonic()
        self._versions[found.server] = now
        self._versions = {version: at for version, at in self._versions.items() if now - at < _PATIENCE}
        return dataclasses.replace(found, server=min(self._versions))

    def _watch_children(self, kube: Kube) -> None:
        for kind in kinds.CHILDREN:
            served = self.capabilities.serves(kind)
            if served and kind not in self._reflectors:
                reflector = Reflector(kube, kind, self._namespace, self._child_changed, self._child_measured)
                self._reflectors[kind] = reflector, asyncio.create_task(reflector.run(), name=f"watch {kind.resource}")
            elif not served and kind in self._reflectors:
                self._reflectors.pop(kind)[1].cancel()

    def stop(self) -> None:
        for _reflector, task in self._reflectors.values():
            task.cancel()

    def blind(self) -> list[str]:
        """Kinds of which nothing was seen for too long."""
        now = clock.monotonic()
        return [
            kind.resource
            for kind, (reflector, task) in self._reflectors.items()
            if task.done() or (not reflector.synced and now - reflector.last_contact > _BLIND_SECONDS)
        ]

    def health(self) -> dict[str, bool]:
        """Kind -> whether its watch follows the API server."""
        return {
            kind.resource: reflector.synced and not task.done() for kind, (reflector, task) in self._reflectors.items()
        }
