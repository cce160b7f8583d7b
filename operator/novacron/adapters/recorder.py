"""Events of the operator: one for a change, counted up when it repeats, never a flood.

Source: ``events.k8s.io/v1``, client-go ``tools/events``.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Literal

import structlog

from novacron.adapters import clock
from novacron.adapters.kube import ApiError, Conflict, Kube, NotFound
from novacron.core import kinds, labels
from novacron.core.manifest import Manifest

_log = structlog.get_logger(__name__)
_REMEMBERED = 4096
_QUIET_SECONDS = 60.0
"""After its first repetition an event is counted up at most this often."""
_NOTE_LIMIT = 1024
"""Bytes."""


@dataclass(slots=True)
class _Series:
    count: int
    last: float


class Recorder:
    def __init__(self, kube: Kube, instance: str) -> None:
        self._kube = kube
        self._instance = instance
        self._series: dict[str, _Series] = {}

    async def record(
        self, resource: Manifest, reason: str, action: str, note: str, kind: Literal["Normal", "Warning"] = "Normal"
    ) -> None:
        """Writes an event about a NovaCron. One that cannot be written is logged: no pass fails for it."""
        note = (
            note
            if len(note.encode()) <= _NOTE_LIMIT
            else note.encode()[: _NOTE_LIMIT - 3].decode(errors="ignore") + "..."
        )
        meta = resource["metadata"]
        # of this process: another one tells again what it does, and never meets an event that it knows nothing of
        parts = (self._instance, meta["uid"], reason, action, note)
        name = f"{meta['name']}.{hashlib.sha256(chr(0).join(parts).encode()).hexdigest()[:16]}"
        try:
            await self._write(meta, name, self._event(meta, name, reason, action, note, kind))
        except ApiError as error:
            self._series.pop(name, None)
            _log.warning("event not written", namespace=meta["namespace"], name=meta["name"], error=str(error))

    async def _write(self, meta: Manifest, name: str, event: Manifest) -> None:
        """The first time creates, the second counts up at once, later ones now and then."""
        now, series = clock.monotonic(), self._series.get(name)
        if series is None:
            self._remember(name, now)
            await self._create(event)
            return
        series.count += 1
        if series.count > 2 and now - series.last < _QUIET_SECONDS:
            return
        series.last = now
        try:
            await self._count(meta["namespace"], name, series.count)
        except NotFound:  # events live for an hour: told anew
            self._remember(name, now)
            await self._create(event)

    async def _create(self, event: Manifest) -> None:
        try:
            await self._kube.create(kinds.EVENT, event)
        except Conflict:
            return  # it was written, and only the answer to an earlier try was lost

    def _remember(self, name: str, now: float) -> None:
        self._series.pop(name, None)
        if len(self._series) >= _REMEMBERED:
            self._series.pop(next(iter(self._series)))
        self._series[name] = _Series(1, now)

    async def _count(self, namespace: str, name: str, count: int) -> None:
        value = {"count": count, "lastObservedTime": clock.precise_timestamp(clock.now())}
        await self._kube.json_patch(kinds.EVENT, namespace, name, [{"op": "add", "path": "/series", "value": value}])

    def _event(
        self, meta: Manifest, name: str, reason: str, action: str, note: str, kind: Literal["Normal", "Warning"]
    ) -> Manifest:
        return {
            "apiVersion": kinds.EVENT.api_version,
            "kind": kinds.EVENT.kind,
            "metadata": {"name": name, "namespace": meta["namespace"]},
            "eventTime": clock.precise_timestamp(clock.now()),
            "reportingController": f"{labels.GROUP}/operator",
            "reportingInstance": self._instance[:128],
            "reason": reason,
            "action": action,
            "note": note,
            "type": kind,
            "regarding": {
                "apiVersion": labels.API_VERSION,
                "kind": labels.KIND,
                "namespace": meta["namespace"],
                "name": meta["name"],
                "uid": meta["uid"],
            },
        }
