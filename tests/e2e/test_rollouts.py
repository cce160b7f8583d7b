"""Change under load: a new version, evictions, and an autoscaler that follows the load."""

from __future__ import annotations

from typing import Any

import pytest

from novacron.core.manifest import at
from tests.support.api_client import Refused
from tests.support.living import IMAGE, VERSIONS, Living
from tests.support.lodging import Lodging, Sample
from tests.support.node import load
from tests.support.waiting import until

pytestmark = pytest.mark.real_node
_ROLES = ("api", "auth", "query", "ml")


def _pairs(spec: dict[str, Any]) -> None:
    """Two pods each, so that one may go."""
    for role in _ROLES:
        spec[role] = spec[role] | {"replicas": 2}


def _service(lodging: Lodging, workload: str) -> str:
    found = lodging.client.get("Service", lodging.namespace, f"{lodging.name}-{workload}")
    assert found is not None
    return str(found["spec"]["clusterIP"])


@pytest.mark.parametrize("keep_alive", [True, False], ids=["kept connections", "a connection each"])
def test_a_new_version_under_load_fails_no_request(living: Living, keep_alive: bool) -> None:
    with Lodging(living, _pairs) as lodging:
        lodging.until_ready()
        box = living.node.box
        with load.steady(box, _service(lodging, "api"), 80, "/health", keep_alive=keep_alive) as seen:
            lodging.edit({"version": VERSIONS[1]})

            def rolled() -> bool:
                images = {pod["spec"]["containers"][0]["image"] for pod in lodging.pods()}
                assert images == {f"{IMAGE.removeprefix('docker.io/')}:{VERSIONS[1]}"}, images
                return bool(lodging.condition("Ready").get("status") == "True")

            until(rolled, "every pod runs the new version", 180, every=0.5)
    assert seen.failed == {}
    assert seen.sent > 200


def test_evictions_respect_the_budget_and_fail_no_request(living: Living) -> None:
    with Lodging(living, _pairs) as lodging:
        lodging.until_ready()
        with load.steady(living.node.box, _service(lodging, "api"), 80, "/health") as seen:
            first, second = (pod["metadata"]["name"] for pod in lodging.pods("api"))
            # NovaCron is Ready with one of the two; the budget lets one go when it has seen both
            until(lambda: _evicted(lodging, first), "the first may go", 60, every=0.5)
            with pytest.raises(Refused) as refusal:
                _evict(lodging, second)
            assert refusal.value.code == 429
            until(lambda: _evicted(lodging, second), "the second may go once the first is replaced", 90, every=0.5)
            until(lambda: len(_ready(lodging, "api")) == 2, "both are replaced", 60)
    assert seen.failed == {}


def _evict(lodging: Lodging, pod: str) -> None:
    meta = {"name": pod, "namespace": lodging.namespace}
    body = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": meta}
    lodging.client.request("POST", f"/api/v1/namespaces/{lodging.namespace}/pods/{pod}/eviction", body)


def _evicted(lodging: Lodging, pod: str) -> bool:
    try:
        _evict(lodging, pod)
    except Refused as refusal:
        assert refusal.code == 429  # noqa: PT017 - another one must not be waited out
        return False
    return True


def _ready(lodging: Lodging, workload: str) -> list[str]:
    return [
        pod["metadata"]["name"]
        for pod in lodging.pods(workload)
        if all(container["ready"] for container in at(pod, "status", "containerStatuses", default=[]))
    ]


def test_an_autoscaler_follows_the_load_up_and_down(living: Living, touched: Sample) -> None:
    """After the sample's rest: the machine's cores are needed."""

    def scaled(spec: dict[str, Any]) -> None:
        spec["api"] |= {
            "autoscaling": {
                "enabled": True,
                "minReplicas": 1,
                "maxReplicas": 3,
                "targetMemoryUtilization": 0,
                "scaleUp": {"stabilizationWindowSeconds": 0, "percent": 100, "pods": 2, "periodSeconds": 15},
                "scaleDown": {"stabilizationWindowSeconds": 0, "percent": 100, "periodSeconds": 15},
            }
        }

    with Lodging(living, scaled) as lodging:
        lodging.until_ready()
        until(lambda: _metrics_are_read(lodging), "the autoscaler reads metrics-server", 90, every=0.5)
        with load.steady(living.node.box, _service(lodging, "api"), 80, "/health", rate=300) as seen:
            until(lambda: len(_ready(lodging, "api")) > 1, "more pods under load", 120, every=0.5)
        until(lambda: len(lodging.pods("api")) == 1, "one pod again without it", 180, every=0.5)
        assert lodging.condition("AutoscalingActive")["status"] == "True"
    assert seen.failed == {}


def _metrics_are_read(lodging: Lodging) -> bool:
    found = lodging.client.get("HorizontalPodAutoscaler", lodging.namespace, f"{lodging.name}-api")
    conditions = {item["type"]: item["status"] for item in at(found or {}, "status", "conditions", default=[])}
    return conditions.get("ScalingActive") == "True"
