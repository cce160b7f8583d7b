"""Leadership against a lease in memory; the real one is fought over in tests/cluster."""

from __future__ import annotations

import copy

import pytest

from novacron.adapters.credentials import Credentials
from novacron.adapters.kube import ApiError, Conflict, Kube, NotFound, NotLeading, Unreachable
from novacron.adapters.lease import DURATION, Leadership
from novacron.core.manifest import Kind, Manifest


class _Time:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class _OneLease(Kube):
    """An API server that holds one lease, with compare-and-set."""

    def __init__(self) -> None:
        super().__init__(Credentials("http://127.0.0.1:1", "x"))
        self.lease: Manifest | None = None
        self.failure: ApiError | None = None
        self._version = 0

    async def get(self, kind: Kind, namespace: str, name: str) -> Manifest:
        if self.failure:
            raise self.failure
        if self.lease is None:
            raise NotFound(404, "NotFound", "")
        return copy.deepcopy(self.lease)

    async def create(self, kind: Kind, manifest: Manifest) -> Manifest:
        if self.lease is not None:
            raise Conflict(409, "AlreadyExists", "")
        return self._kept(manifest)

    async def replace(self, kind: Kind, manifest: Manifest) -> Manifest:
        assert self.lease is not None
        if manifest["metadata"]["resourceVersion"] != self.lease["metadata"]["resourceVersion"]:
            raise Conflict(409, "Conflict", "")
        return self._kept(manifest)

    def _kept(self, manifest: Manifest) -> Manifest:
        self._version += 1
        self.lease = copy.deepcopy(manifest)
        self.lease["metadata"]["resourceVersion"] = str(self._version)
        return self.lease

    def holder(self) -> str:
        assert self.lease is not None
        holder: str = self.lease["spec"]["holderIdentity"]
        return holder


async def test_one_leads_and_the_other_may_not_write() -> None:
    server, time = _OneLease(), _Time()
    first, second = Leadership(server, "n", "first", time), Leadership(server, "n", "second", time)
    await first.acquired()
    assert first.leading
    assert not await second._attempt()
    first.permit()
    with pytest.raises(NotLeading):
        second.permit()


async def test_no_write_starts_that_could_outlive_the_lease() -> None:
    server, time = _OneLease(), _Time()
    leadership = Leadership(server, "n", "me", time)
    await leadership.acquired()
    time.now += DURATION - 2.5
    leadership.permit()
    time.now += 1
    with pytest.raises(NotLeading):
        leadership.permit()


async def test_a_lease_that_is_not_renewed_is_taken_after_its_duration_by_our_own_clock() -> None:
    server, time = _OneLease(), _Time()
    dead, heir = Leadership(server, "n", "dead", time), Leadership(server, "n", "heir", time)
    await dead.acquired()
    assert not await heir._attempt()
    time.now += DURATION - 1
    assert not await heir._attempt()
    time.now += 1
    assert await heir._attempt()
    assert server.holder() == "heir"
    assert server.lease is not None
    assert server.lease["spec"]["leaseTransitions"] == 1


async def test_a_renewed_lease_is_never_taken_however_wrong_its_clock_is() -> None:
    server, time = _OneLease(), _Time()
    leader, other = Leadership(server, "n", "leader", time), Leadership(server, "n", "other", time)
    await leader.acquired()
    for _ in range(10):
        time.now += DURATION / 2
        assert await leader._attempt()
        assert server.lease is not None
        server.lease["spec"]["renewTime"] = "1970-01-01T00:00:00.000000Z"
        assert not await other._attempt()


async def test_a_released_lease_is_taken_at_once() -> None:
    server, time = _OneLease(), _Time()
    first, second = Leadership(server, "n", "first", time), Leadership(server, "n", "second", time)
    await first.acquired()
    await first.release()
    assert not first.leading
    assert await second._attempt()


async def test_a_lease_that_cannot_be_read_is_said_and_no_answer_is_no_answer() -> None:
    server, time = _OneLease(), _Time()
    leadership = Leadership(server, "n", "me", time)
    server.failure = Unreachable(0, "Refused", "connection refused")
    assert not await leadership._attempt()
    assert "connection refused" in leadership.problem
    assert leadership.answering() == 0
    server.failure = None
    await leadership.acquired()
    time.now += 5
    assert leadership.problem == ""
    assert leadership.answering() == 5
