"""Plays the controllers of the neighbours on a cluster without them: External Secrets and Gateway API.

It writes the status that they would write and makes the target Secrets, and can be told to fail, to lag or to vanish.
As a process: ``python -m tests.support.neighbours --kubeconfig FILE``.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any

import click

from novacron.adapters import credentials
from novacron.adapters.kube import ApiError, Kube
from novacron.core import kinds
from novacron.core.manifest import Kind

SECRET = Kind("v1", "Secret", "secrets")
MANAGER = "neighbours"
_EVERY = 0.2


@dataclass(slots=True)
class Mood:
    """How one kind is treated.

    Args:
        failure: message of a failure that is reported instead of success; empty: all is well.
        lag: seconds for which an object must have existed before it is looked at.
    """

    failure: str = ""
    lag: float = 0.0
    present: bool = True


@dataclass(slots=True)
class Neighbours:
    """Runs in a thread of its own between entering and leaving.

    ``moods`` may be changed at any time, by kind: SecretStore, ExternalSecret, HTTPRoute.
    """

    kubeconfig: Path
    moods: dict[str, Mood] = field(
        default_factory=lambda: {kind: Mood() for kind in ("SecretStore", "ExternalSecret", "HTTPRoute")}
    )
    _stop: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def __enter__(self) -> Neighbours:
        self._thread = threading.Thread(target=lambda: asyncio.run(self.run()), name="neighbours", daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _value: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self._stop.set()
        if self._thread is not None:
            self._thread.join(10)

    async def run(self) -> None:
        """Looks again and again, until told to stop; an API server that is away is waited for."""
        found = credentials.from_kubeconfig(str(self.kubeconfig))
        async with Kube(found) as kube:
            while not self._stop.is_set():
                for kind, act in _ACTS:
                    mood = self.moods[kind.kind]
                    if mood.present:
                        await self._look(kube, kind, mood, act)
                await asyncio.sleep(_EVERY)

    async def _look(self, kube: Kube, kind: Kind, mood: Mood, act: Act) -> None:
        try:
            for item in (await kube.list(kind)).items:
                if _age(item) >= mood.lag and "deletionTimestamp" not in item["metadata"]:
                    await act(kube, kind, item, mood)
        except ApiError:
            return  # not installed, or away: looked at again a moment later


Act = Callable[[Kube, Kind, dict[str, Any], Mood], Any]


def _age(item: dict[str, Any]) -> float:
    created = datetime.fromisoformat(item["metadata"]["creationTimestamp"])
    return (datetime.now(UTC) - created).total_seconds()


def _condition(type_: str, mood: Mood, good: str, bad: str, **more: Any) -> dict[str, Any]:
    ok = not mood.failure
    return {
        "type": type_,
        "status": "True" if ok else "False",
        "reason": good if ok else bad,
        "message": mood.failure or "played by the tests",
        "lastTransitionTime": "2026-01-01T00:00:00Z",
        **more,
    }


async def _report(kube: Kube, kind: Kind, item: dict[str, Any], status: dict[str, Any]) -> None:
    present = item.get("status", {})
    if all(present.get(name) == value for name, value in status.items()):
        return
    meta = {
        "name": item["metadata"]["name"],
        "namespace": item["metadata"]["namespace"],
        "uid": item["metadata"]["uid"],
    }
    body = {"apiVersion": kind.api_version, "kind": kind.kind, "metadata": meta, "status": status}
    await kube.apply_status(kind, body, manager=MANAGER)


async def _secret_store(kube: Kube, kind: Kind, item: dict[str, Any], mood: Mood) -> None:
    await _report(kube, kind, item, {"conditions": [_condition("Ready", mood, "Valid", "InvalidProviderConfig")]})


async def _external_secret(kube: Kube, kind: Kind, item: dict[str, Any], mood: Mood) -> None:
    meta = item["metadata"]
    shown = [meta.get("labels"), meta.get("annotations")]
    digest = hashlib.sha256(json.dumps(shown, sort_keys=True).encode()).hexdigest()[:12]
    status: dict[str, Any] = {"conditions": [_condition("Ready", mood, "SecretSynced", "SecretSyncedError")]}
    version = f"{meta['generation']}-{digest}"
    if "refreshTime" in item.get("status", {}):
        status["refreshTime"] = item["status"]["refreshTime"]
    if not mood.failure:
        if item.get("status", {}).get("syncedResourceVersion") != version:
            await kube.apply(SECRET, _target(item), manager=MANAGER)
            status["refreshTime"] = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        status["syncedResourceVersion"] = version
    await _report(kube, kind, item, status)


def _target(item: dict[str, Any]) -> dict[str, Any]:
    """The Secret, owned by its ExternalSecret only under creationPolicy Owner, as External Secrets does it."""
    meta, spec = item["metadata"], item["spec"]
    owned = spec["target"].get("creationPolicy", "Owner") == "Owner"
    owner = {
        "apiVersion": kinds.EXTERNAL_SECRET.api_version,
        "kind": "ExternalSecret",
        "name": meta["name"],
        "uid": meta["uid"],
        "controller": True,
        "blockOwnerDeletion": True,
    }
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {
            "name": spec["target"]["name"],
            "namespace": meta["namespace"],
            "ownerReferences": [owner] if owned else [],
        },
        "stringData": {entry["secretKey"]: "played" for entry in spec.get("data", ())},
    }


async def _route(kube: Kube, kind: Kind, item: dict[str, Any], mood: Mood) -> None:
    generation = {"observedGeneration": item["metadata"]["generation"]}
    parents = [
        {
            "parentRef": parent,
            "controllerName": "novacron.io/played",
            "conditions": [
                _condition("Accepted", mood, "Accepted", "NotAllowedByListeners", **generation),
                _condition("ResolvedRefs", Mood(), "ResolvedRefs", "", **generation),
            ],
        }
        for parent in item["spec"].get("parentRefs", ())
    ]
    await _report(kube, kind, item, {"parents": parents})


_ACTS: tuple[tuple[Kind, Act], ...] = (
    (kinds.SECRET_STORE, _secret_store),
    (kinds.EXTERNAL_SECRET, _external_secret),
    (kinds.HTTP_ROUTE, _route),
)


@click.command()
@click.option("--kubeconfig", type=click.Path(path_type=Path, exists=True), required=True)
def main(kubeconfig: Path) -> None:
    """Play the neighbours' controllers until interrupted.

    Example: python -m tests.support.neighbours --kubeconfig .cluster/kubeconfig
    """
    asyncio.run(Neighbours(kubeconfig).run())


if __name__ == "__main__":
    main()
