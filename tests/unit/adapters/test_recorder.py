from __future__ import annotations

from typing import Any

from novacron.adapters.credentials import Credentials
from novacron.adapters.kube import ApiError, Forbidden, Kube, NotFound
from novacron.adapters.recorder import Recorder
from novacron.core.manifest import Kind, Manifest

_RESOURCE: Manifest = {"metadata": {"name": "nc", "namespace": "n", "uid": "u"}}


class _Events(Kube):
    """Events in memory.

    Args:
        failure: raised by every write, until it is taken away.
    """

    def __init__(self, failure: ApiError | None = None) -> None:
        super().__init__(Credentials("http://127.0.0.1:1", "x"))
        self.created: list[Manifest] = []
        self.counts: list[int] = []
        self.failure = failure

    async def create(self, kind: Kind, manifest: Manifest) -> Manifest:
        if self.failure:
            raise self.failure
        self.created.append(manifest)
        return manifest

    async def json_patch(self, kind: Kind, namespace: str, name: str, operations: Any) -> Manifest:
        if all(item["metadata"]["name"] != name for item in self.created):
            raise NotFound(404, "NotFound", "no such event")
        self.counts.append(operations[0]["value"]["count"])
        return {}

    def expire(self) -> None:
        """What the API server does after an hour."""
        self.created.clear()


async def test_the_same_thing_said_again_is_counted_at_once_and_then_now_and_then() -> None:
    server = _Events()
    recorder = Recorder(server, "me")
    for _ in range(5):
        await recorder.record(_RESOURCE, "Repaired", "Reconcile", "the same")
    await recorder.record(_RESOURCE, "Repaired", "Reconcile", "another")
    assert [item["note"] for item in server.created] == ["the same", "another"]
    assert server.counts == [2]


async def test_an_event_that_has_expired_is_told_anew() -> None:
    server = _Events()
    recorder = Recorder(server, "me")
    await recorder.record(_RESOURCE, "Repaired", "Reconcile", "the same")
    server.expire()
    await recorder.record(_RESOURCE, "Repaired", "Reconcile", "the same")
    assert [item["note"] for item in server.created] == ["the same"]
    await recorder.record(_RESOURCE, "Repaired", "Reconcile", "the same")
    assert server.counts == [2]


async def test_an_event_that_could_not_be_written_is_tried_again_when_it_happens_again() -> None:
    server = _Events(Forbidden(403, "Forbidden", "no"))
    recorder = Recorder(server, "me")
    await recorder.record(_RESOURCE, "Repaired", "Reconcile", "x")
    assert server.created == []
    server.failure = None
    await recorder.record(_RESOURCE, "Repaired", "Reconcile", "x")
    assert [item["note"] for item in server.created] == ["x"]


async def test_another_process_tells_again_what_happens() -> None:
    server = _Events()
    for identity in ("one", "two"):
        await Recorder(server, identity).record(_RESOURCE, "Repaired", "Reconcile", "x")
    assert len({item["metadata"]["name"] for item in server.created}) == 2


async def test_a_note_fits_in_bytes() -> None:
    server = _Events()
    await Recorder(server, "me").record(_RESOURCE, "Repaired", "Reconcile", "ü" * 2000)
    assert len(server.created[0]["note"].encode()) <= 1024
