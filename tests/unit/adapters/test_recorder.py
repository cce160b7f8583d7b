from __future__ import annotations

from typing import Any

from novacron.adapters.credentials import Credentials
from novacron.adapters.kube import Forbidden, Kube
from novacron.adapters.recorder import Recorder
from novacron.core.manifest import Kind, Manifest

_RESOURCE: Manifest = {"metadata": {"name": "nc", "namespace": "n", "uid": "u"}}


class _Events(Kube):
    def __init__(self, failure: Exception | None = None) -> None:
        super().__init__(Credentials("http://127.0.0.1:1", "x"))
        self.created: list[Manifest] = []
        self.patched: list[Any] = []
        self._failure = failure

    async def create(self, kind: Kind, manifest: Manifest) -> Manifest:
        if self._failure:
            raise self._failure
        self.created.append(manifest)
        return manifest

    async def json_patch(self, kind: Kind, namespace: str, name: str, operations: Any) -> Manifest:
        self.patched.append(operations)
        return {}


async def test_the_same_thing_said_again_is_not_written_again() -> None:
    server = _Events()
    recorder = Recorder(server, "me")
    for _ in range(5):
        await recorder.record(_RESOURCE, "Repaired", "Reconcile", "the same")
    await recorder.record(_RESOURCE, "Repaired", "Reconcile", "another")
    assert [item["note"] for item in server.created] == ["the same", "another"]
    assert server.patched == []


async def test_a_note_fits_in_bytes() -> None:
    server = _Events()
    await Recorder(server, "me").record(_RESOURCE, "Repaired", "Reconcile", "ü" * 2000)
    assert len(server.created[0]["note"].encode()) <= 1024


async def test_an_event_that_cannot_be_written_fails_nothing() -> None:
    server = _Events(Forbidden(403, "Forbidden", "no"))
    await Recorder(server, "me").record(_RESOURCE, "Repaired", "Reconcile", "x")
    assert server.created == []
