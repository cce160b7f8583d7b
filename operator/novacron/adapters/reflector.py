"""A server-side selected, metadata-only watch of one kind, for ever: the operator's eyes on what it owns.

Only a few bytes an object are kept, so that tens of thousands of children fit. The stream may end, break, stall, answer
410 or carry an ERROR: each is met with a new list after a capped, jittered backoff, and what was deleted meanwhile is
found by comparison.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import structlog

from novacron.adapters import clock
from novacron.adapters.kube import ApiError, Expired, Kube
from novacron.core import labels
from novacron.core.manifest import Kind, Manifest, at

_log = structlog.get_logger(__name__)

SILENCE = 90.0
"""Seconds without a byte after which a stream is dead; the server sends a bookmark about every 60 s."""
_FIRST_BACKOFF = 1.0
_LAST_BACKOFF = 30.0
_STEADY = 10.0
"""Seconds that a stream must live for the backoff to begin anew."""
_STATUS_IS_NO_NEWS = frozenset({"ResourceQuota", "PodDisruptionBudget", "HorizontalPodAutoscaler"})
"""Kinds whose status follows every pod or every measurement; a change of it alone is no reason to look at once."""
_MEASURED = frozenset({"HorizontalPodAutoscaler"})
"""Of these, the kinds whose status a condition tells of: its first writing is news, later ones can wait."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What is kept of one object: whose it is, and what tells a change."""

    instance: str
    version: str
    content: int


class Reflector:
    """One kind, in all namespaces or in one.

    Args:
        changed: called with namespace, instance and resource version whenever an object came or changed; with an empty
            version when it went.
        measured: called with namespace and instance when a measurement changed, which can wait.
    """

    def __init__(
        self,
        kube: Kube,
        kind: Kind,
        namespace: str,
        changed: Callable[[str, str, str], None],
        measured: Callable[[str, str], None],
    ) -> None:
        self.kind = kind
        self._kube = kube
        self._namespace = namespace
        self._changed = changed
        self._measured = measured
        self._seen: dict[tuple[str, str], Seen] = {}
        self._counts: dict[tuple[str, str], int] = {}
        self.synced = False
        self.last_contact = clock.monotonic()

    def any_of(self, namespace: str, instance: str) -> bool:
        """Whether the resource may have children of this kind; True as long as that is not known."""
        return not self.synced or self._counts.get((namespace, instance), 0) > 0

    def wrote(self, manifest: Manifest) -> None:
        """Takes note of our own write, so that its echo in the stream is no news."""
        if manifest["kind"] == self.kind.kind:
            self._note(manifest)

    def __len__(self) -> int:
        return len(self._seen)

    async def run(self) -> None:
        """Until cancelled. A list that is at once followed by a broken stream counts as a failure as well."""
        failures = 0
        while True:
            started = clock.monotonic()
            try:
                version = await self._list()
                while True:
                    version = await self._follow(version)
            except Expired as error:
                problem: Exception = error
            except ApiError as error:
                problem = error
                self.synced = False
            except Exception as error:  # noqa: BLE001 - an eye that stays shut is worse than any error; it is logged
                problem = error
                self.synced = False
                _log.exception("watch failed", kind=self.kind.resource)
            failures = failures + 1 if clock.monotonic() - started < _STEADY else 1
            delay = min(_FIRST_BACKOFF * 2.0 ** min(failures - 1, 6), _LAST_BACKOFF) * random.uniform(0.5, 1.0)
            _log.warning("watch broke", kind=self.kind.resource, error=str(problem), retry_seconds=round(delay, 1))
            await asyncio.sleep(delay)

    async def _list(self) -> str:
        page = await self._kube.list(
            self.kind, self._namespace, label_selector=labels.OWNED_SELECTOR, metadata_only=True
        )
        present = {(item["metadata"].get("namespace", ""), item["metadata"]["name"]) for item in page.items}
        for key in self._seen.keys() - present:
            self._drop(key)
        for item in page.items:
            self._see(item)
        self.synced = True
        self.last_contact = clock.monotonic()
        return page.resource_version

    async def _follow(self, version: str) -> str:
        """One stream; returns the version to go on from when the server ends it in peace."""
        started = clock.monotonic()
        stream = self._kube.watch(
            self.kind, self._namespace, version, label_selector=labels.OWNED_SELECTOR, silence=SILENCE
        )
        async for event, item in stream:
            self.last_contact = clock.monotonic()
            version = item["metadata"]["resourceVersion"]
            if event == "DELETED":
                self._drop((item["metadata"].get("namespace", ""), item["metadata"]["name"]))
            elif event in ("ADDED", "MODIFIED"):
                self._see(item)
        # a server that ends every stream at once must not be asked in a tight loop
        await asyncio.sleep(0.1 if clock.monotonic() - started > _STEADY else _FIRST_BACKOFF)
        return version

    def _see(self, item: Manifest) -> None:
        meta = item["metadata"]
        namespace, instance = meta.get("namespace", ""), at(meta, "labels", labels.INSTANCE, default="")
        if self._note(item):
            self._changed(namespace, instance, meta["resourceVersion"])
        elif self.kind.kind in _MEASURED:
            self._measured(namespace, instance)

    def _note(self, item: Manifest) -> bool:
        """Records an object; True when it differs from what was recorded."""
        meta = item["metadata"]
        key = (meta.get("namespace", ""), meta["name"])
        seen = Seen(meta.get("labels", {}).get(labels.INSTANCE, ""), meta["resourceVersion"], self._content(meta))
        before = self._seen.get(key)
        if before is not None and before.instance != seen.instance:
            self._drop(key)
            before = None
        if before is None:
            owner = (key[0], seen.instance)
            self._counts[owner] = self._counts.get(owner, 0) + 1
        self._seen[key] = seen
        if before is None or before.version == seen.version:
            return before is None
        return self.kind.kind not in _STATUS_IS_NO_NEWS or before.content != seen.content

    def _content(self, meta: Manifest) -> int:
        if self.kind.kind not in _STATUS_IS_NO_NEWS:
            return 0
        written = [
            (entry.get("manager"), entry.get("time"))
            for entry in meta.get("managedFields", ())
            if not entry.get("subresource")
        ]
        observed = self.kind.kind in _MEASURED and len(written) < len(meta.get("managedFields", ()))
        return hash((meta.get("generation"), meta.get("deletionTimestamp"), tuple(written), observed))

    def _drop(self, key: tuple[str, str]) -> None:
        seen = self._seen.pop(key, None)
        if seen is None:
            return
        owner = (key[0], seen.instance)
        self._counts[owner] -= 1
        if not self._counts[owner]:
            del self._counts[owner]
        self._changed(key[0], seen.instance, "")

    def instances(self) -> Iterator[tuple[str, str]]:
        """Namespace and instance of every resource that has children of this kind."""
        return iter(self._counts)
