"""The operator as pods: one may go, be cut off or be replaced, and no workload notices."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest

from novacron.core.manifest import at
from tests.support import checkout
from tests.support.api_client import Manifest
from tests.support.living import HOME, IMAGE, OPERATOR_IMAGE, Living
from tests.support.lodging import Lodging, Sample
from tests.support.node.audit import Request
from tests.support.waiting import until

pytestmark = pytest.mark.real_node
_SECONDS = 60.0


def _leader(living: Living) -> str:
    lease = living.client.get("Lease", HOME, "novacron-operator")
    return str(at(lease or {}, "spec", "holderIdentity", default="")).partition("_")[0]


def _operator(living: Living) -> list[Manifest]:
    return [pod for pod in living.client.list("Pod", HOME) if "deletionTimestamp" not in pod["metadata"]]


def _lives(lodging: Lodging) -> list[tuple[str, int]]:
    """Every container of a NovaCron, and how often it was started again."""
    return sorted(
        (pod["metadata"]["name"], container["restartCount"])
        for pod in lodging.pods()
        for container in pod["status"]["containerStatuses"]
    )


def _changed_replicas(lodging: Lodging, workload: str, replicas: int) -> None:
    lodging.edit({workload: {"replicas": replicas}})
    until(lambda: len(lodging.pods(workload)) == replicas, "the edit is acted on", _SECONDS, every=0.2)
    lodging.until_ready()


def _twice(writes: Sequence[Request], lodging: Lodging) -> dict[tuple[str, str], int]:
    """Children that were written more than once; the status is not one of them."""
    written = Counter(
        (request.resource, request.name)
        for request in writes
        if request.writes
        and request.namespace == lodging.namespace
        and request.resource not in ("novacrons/status", "events")
        and request.code < 400
    )
    return {key: count for key, count in written.items() if count > 1}


def test_the_leaders_pod_is_deleted(living: Living, touched: Sample) -> None:
    before, begun = _lives(touched), living.node.audit.position()
    leader = _leader(living)
    living.client.delete("Pod", HOME, leader)
    until(lambda: _leader(living) not in ("", leader), "the other one leads", _SECONDS, every=0.2)
    assert _lives(touched) == before
    _changed_replicas(touched, "api", 2)
    assert _twice(living.node.audit.since(begun), touched) == {}
    _changed_replicas(touched, "api", 1)
    assert set(before) <= set(_lives(touched)), "what ran still runs"
    _whole(living)


def test_the_leader_is_cut_off_from_the_api_server(living: Living, touched: Sample) -> None:
    before, begun = _lives(touched), living.node.audit.position()
    leader = _leader(living)
    address = next(pod["status"]["podIP"] for pod in _operator(living) if pod["metadata"]["name"] == leader)
    port = int(living.node.plane.url.rpartition(":")[2])
    with living.network.cut_off(address, [port]):
        until(lambda: _leader(living) not in ("", leader), "the other one leads", _SECONDS, every=0.2)
        _changed_replicas(touched, "ml", 2)
    requests = living.node.audit.since(begun)
    assert _twice(requests, touched) == {}
    assert {request.pod for request in requests if request.writes and request.namespace == touched.namespace} == {
        _leader(living)
    }, "only the new leader has written"
    _changed_replicas(touched, "ml", 1)
    assert set(before) <= set(_lives(touched))
    _whole(living)


def test_an_upgrade_restarts_no_workload(living: Living, touched: Sample, tmp_path: Path) -> None:
    """From the image of the commit before this one, with its own manifests."""
    if checkout.is_shallow():
        pytest.skip("a shallow clone has no commit before this one: git fetch --deepen 1")
    previous = f"{IMAGE}:previous"
    with checkout.previous(tmp_path / "previous") as source:
        archive = checkout.image(source, tmp_path / "previous.tar", previous)
        living.node.load(archive)
        living.install(previous, source)
    _whole(living)
    touched.until_ready()
    before, begun = _lives(touched), living.node.audit.position()
    living.install(OPERATOR_IMAGE)
    _whole(living)
    _changed_replicas(touched, "query", 2)
    _changed_replicas(touched, "query", 1)
    assert set(before) <= set(_lives(touched))
    written = _twice(living.node.audit.since(begun), touched)
    # one write for each of the two edits that this test made
    assert {key: count for key, count in written.items() if count > 2} == {}


def _whole(living: Living) -> None:
    """Two operator pods, both ready."""

    def ready() -> bool:
        pods = _operator(living)
        assert len(pods) == 2
        return all(
            item["ready"] for pod in pods for item in at(pod, "status", "containerStatuses", default=[{"ready": 0}])
        )

    until(ready, "both pods of the operator are ready", 90, every=0.5)
