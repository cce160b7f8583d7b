"""Every way a pod fails becomes a condition that names the workload, the cause and the remedy, within half a minute.

Mostly shown with pods of ml, which wait for nobody: those of query come after the migration, whose pod is query's size.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pytest

from novacron.core.manifest import at
from tests.support.api_client import Manifest
from tests.support.living import Living
from tests.support.lodging import Lodging
from tests.support.waiting import until

pytestmark = pytest.mark.real_node
_SECONDS = 30.0


@dataclass(frozen=True)
class Failure:
    """Args:
    change: merged into spec.ml.
    seen: what the pod's own status says when it has happened.
    reason, words: of the condition.
    """

    change: Mapping[str, Any]
    seen: Sequence[str]
    reason: str
    words: Sequence[str]
    governance: Mapping[str, Any] | None = None


_SMALL = {"cpu": "50m", "memory": "32Mi", "ephemeral-storage": "500Mi"}
_FAILURES = {
    "killed for memory": Failure(
        {"resources": {"requests": _SMALL, "limits": _SMALL | {"cpu": "500m"}}},
        ["OOMKilled"],
        "OutOfMemory",
        ["ml", "memory", "spec.ml.resources.limits.memory"],
        {"limitRange": {"min": {"cpu": "10m", "memory": "16Mi", "ephemeral-storage": "1Mi"}}},
    ),
    "crash loop": Failure(
        {"env": [{"name": "LOG_LEVEL", "value": "LOUD"}]},
        ["CrashLoopBackOff"],
        "CrashLoop",
        ["ml", "exit code 2", "kubectl logs"],
    ),
    "image that does not exist": Failure(
        {"image": {"tag": "of-nobody"}},
        ["ErrImagePull", "ImagePullBackOff"],
        "ImageUnavailable",
        ["ml", "novacron/novacron:of-nobody", "spec.ml.image"],
    ),
    "node without room": Failure(
        {"resources": {"requests": {"cpu": "64"}, "limits": {"cpu": "64"}}},
        ["Unschedulable"],
        "Unschedulable",
        ["ml", "cpu", "spec.ml.resources.requests"],
    ),
    "selector of no node": Failure(
        {"nodeSelector": {"disk": "of-gold"}},
        ["Unschedulable"],
        "Unschedulable",
        ["ml", "spec.ml.nodeSelector"],
    ),
}


@pytest.mark.parametrize("failure", _FAILURES.values(), ids=_FAILURES)
def test_a_failing_pod_is_told(living: Living, failure: Failure) -> None:
    with Lodging(living, lambda spec: _broken(spec, failure)) as lodging:
        until(lambda: _states(lodging) & set(failure.seen), f"the pod is {failure.seen[0]}", 120, every=0.2)
        condition = until(lambda: _told(lodging, failure.reason), f"{failure.reason} is told", _SECONDS, every=0.2)
        for word in failure.words:
            assert word in condition["message"]
        # until the migration is through, Ready speaks of that
        ready = until(lambda: _ready_says(lodging), "Ready says the same", 90, every=0.5)
        assert ready["status"] == "False"


def test_a_new_version_that_does_not_exist_is_told_while_the_old_one_serves(living: Living) -> None:
    with Lodging(living) as lodging:
        lodging.until_ready()
        lodging.edit({"query": {"image": {"tag": "of-nobody"}}})
        condition = until(lambda: _told(lodging, "ImageUnavailable"), "the image is named", 60, every=0.2)
        assert "novacron/novacron:of-nobody" in condition["message"]
        serving = [pod for pod in lodging.pods("query") if pod["status"]["containerStatuses"][0]["ready"]]
        assert len(serving) == 1


def test_a_migration_that_is_killed_for_memory_is_told_and_runs_once_it_has_enough(living: Living) -> None:
    small = _FAILURES["killed for memory"]
    with Lodging(living, lambda spec: _broken(spec, small, "query")) as lodging:

        def told() -> bool:
            condition = _told(lodging, "MigrationRunning", "SchemaCurrent")
            assert "killed for want of memory" in condition["message"], condition
            assert "spec.query.resources.limits.memory" in condition["message"]
            return True

        until(told, "it is told", 120, every=0.2)
        assert lodging.pods("query") == lodging.pods("auth") == []
        room = {"memory": "256Mi"}
        lodging.edit({"query": {"resources": {"requests": room, "limits": room}}})
        lodging.until_ready()
        assert lodging.condition("SchemaCurrent")["reason"] == "SchemaCurrent"


def _broken(spec: dict[str, Any], failure: Failure, role: str = "ml") -> None:
    workload = spec[role]
    for key, value in failure.change.items():
        if key == "resources":
            sides = {side: workload["resources"][side] | dict(value[side]) for side in ("requests", "limits")}
            workload["resources"] = sides
        else:
            workload[key] = value
    if failure.governance:
        spec["governance"] = dict(failure.governance)


def _states(lodging: Lodging) -> set[str]:
    """Every reason that ml's pods give for not running, now or in their last life."""
    found = set()
    for pod in lodging.pods("ml"):
        for condition in at(pod, "status", "conditions", default=[]):
            found.add(condition.get("reason", ""))
        for container in at(pod, "status", "containerStatuses", default=[]):
            for state in (*container["state"].values(), *container["lastState"].values()):
                found.add(state.get("reason", ""))
    return found


def _ready_says(lodging: Lodging) -> Manifest:
    """Ready, once it has nothing else to say than that workloads are not available."""
    ready = lodging.condition("Ready")
    assert ready.get("message") == lodging.condition("WorkloadsAvailable").get("message"), ready
    return ready


def _told(lodging: Lodging, reason: str, type_: str = "WorkloadsAvailable") -> Manifest:
    found = lodging.condition(type_)
    assert found.get("reason") == reason, found
    return found
