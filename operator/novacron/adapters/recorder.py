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
_QUIET_SECONDS = 300.0
"""A repeated event is counted up at most this often."""
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
        digest = hashlib.sha256("\0".join((meta["uid"], reason, action, note)).encode()).hexdigest()[:16]
        name = f"{meta['name']}.{digest}"
        now = clock.monotonic()
        series = self._series.get(name)
        try:
            if series is None:
                self._remember(name, now)
                await self._kube.create(kinds.EVENT, self._event(meta, name, reason, action, note, kind))
                return
            series.count += 1
            if now - series.last >= _QUIET_SECONDS:
                series.last = now
                await self._count(meta["namespace"], name, series.count)
        except Conflict:
            return
        except NotFound:
            self._series.pop(name, None)
        except ApiError as error:
            _log.warning("event not written", namespace=meta["namespace"], name=meta["name"], error=str(error))

    def _remember(self, name: str, now: float) -> None:
        if len(self._series) >= _REMEMBERED:
            self._series.pop(next(iter(self._series)))
        self._series[name] = _Series(1, now)

    async def _count(self, namespace: str, name: str, count: int) -> None:
        value = {"count": max(count, 2), "lastObservedTime": clock.precise_timestamp(clock.now())}
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
