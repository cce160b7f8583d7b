"""Pods that fail: within 30 s a condition names the workload, the cause and the field that helps.

No container runs on a simulated node: what a kubelet would write, the test writes. kwok leaves a pod that runs alone.
"""

from __future__ import annotations

import time
from typing import Any

import pytest

from novacron.core.manifest import Manifest
from tests.support.place import Place, small
from tests.support.resources import minimal
from tests.support.waiting import until

pytestmark = pytest.mark.simulated_node

SECONDS = 30.0
"""Within which a condition names the cause."""


def pods(place: Place, role: str) -> list[Manifest]:
    selector = f"app.kubernetes.io/instance=novacron,app.kubernetes.io/component={role}"
    return place.client.list("Pod", place.namespace, selector)


def write(place: Place, role: str, *, ready: bool, **container: Any) -> None:
    """What a kubelet would say of every pod of a workload."""
    for pod in pods(place, role):
        (status,) = pod["status"]["containerStatuses"]
        status |= {"ready": ready, "started": ready, "state": {}, "lastState": {}, **container}
        changed = [
            condition | ({"status": str(ready)} if condition["type"] in ("Ready", "ContainersReady") else {})
            for condition in pod["status"]["conditions"]
        ]
        body = {"status": {"containerStatuses": [status], "conditions": changed}}
        place.client.patch("Pod", place.namespace, pod["metadata"]["name"], body, subresource="status")


def waiting(reason: str, message: str) -> Manifest:
    return {"waiting": {"reason": reason, "message": message}}


def until_told(place: Place, *words: str, seconds: float = SECONDS) -> Manifest:
    """The condition, once its message holds all of these."""

    def told() -> Manifest:
        found = place.condition("WorkloadsAvailable")
        missing = [word for word in words if word not in found.get("message", "")]
        assert not missing, (missing, found)
        return found

    return until(told, f"WorkloadsAvailable says {words}", seconds)


def test_each_cause_is_named_within_half_a_minute_and_gone_when_it_is_over(place: Place) -> None:
    place.submit(small(place.namespace))
    place.until_ready()
    place.until_quiet()
    back_off = waiting("CrashLoopBackOff", "back-off 10s restarting failed container")
    killed = {"terminated": {"exitCode": 137, "reason": "OOMKilled", "finishedAt": _now(), "startedAt": _now()}}
    crashed = {"terminated": {"exitCode": 3, "reason": "Error", "finishedAt": _now(), "startedAt": _now()}}
    missing = waiting("CreateContainerConfigError", 'secret "novacron-redis" not found')
    write(place, "ml", ready=False, state=back_off, lastState=killed, restartCount=3)
    write(place, "query", ready=False, state=back_off, lastState=crashed, restartCount=3)
    write(place, "auth", ready=False, state=missing)
    write(place, "api", ready=False, state=waiting("ErrImagePull", "not found"))
    found = until_told(
        place,
        "ml: too few pods are available: its container was killed for want of memory",
        "raise spec.ml.resources.limits.memory",
        "query: too few pods are available: its container ended with exit code 3 (Error)",
        f"kubectl logs -n {place.namespace} deploy/novacron-query --previous",
        'auth: too few pods are available: secret "novacron-redis" not found',
        "api: too few pods are available: the image novacron/novacron:v10.0.0 cannot be pulled",
        "check spec.image.registry, spec.api.image and spec.image.pullSecrets",
    )
    assert (found["status"], found["reason"]) == ("False", "OutOfMemory")
    assert place.condition("Reconciling")["status"] == "True"

    place.until_silent()
    mark = place.mark()
    write(place, "api", ready=False, state=waiting("ImagePullBackOff", "Back-off pulling image"))
    write(place, "ml", ready=False, state=back_off, lastState=killed, restartCount=4)
    place.complete_pass()
    assert [str(call) for call in place.writes(mark, events=True)] == [], "the same causes were told again"

    for role in ("api", "auth", "query", "ml"):
        write(place, role, ready=True, state={"running": {"startedAt": _now()}})
    place.until_ready()


def test_a_cause_that_shows_itself_later_without_any_event_is_named_as_soon(place: Place) -> None:
    """A Deployment tells that a pod is missing, not why: nothing it shows changes when the reason comes to light."""
    place.submit(small(place.namespace))
    place.until_ready()
    place.until_quiet()
    write(place, "query", ready=False, state=waiting("ContainerCreating", ""))
    place.until_condition("WorkloadsAvailable", "False", "WorkloadUnavailable")
    place.until_silent()
    write(place, "query", ready=False, state=waiting("ErrImagePull", "not found"))
    until_told(place, "query: too few pods are available: the image novacron/novacron:v10.0.0 cannot be pulled")


def test_a_pod_that_was_killed_for_memory_and_is_back_is_told_while_the_workload_serves(place: Place) -> None:
    place.submit(small(place.namespace, ml={"replicas": 3, "autoscaling": {"enabled": False}}))
    place.until_ready()
    place.until_quiet()
    killed = {"terminated": {"exitCode": 137, "reason": "OOMKilled", "finishedAt": _now(), "startedAt": _now()}}
    write(place, "ml", ready=False, state={"running": {"startedAt": _now()}}, lastState=killed, restartCount=1)
    until_told(place, "its container was killed for want of memory")
    write(place, "ml", ready=True, state={"running": {"startedAt": _now()}}, lastState=killed, restartCount=1)
    ready = place.until_ready()
    assert "not all pods of ml: its container was killed for want of memory" in ready["message"]
    assert place.condition("WorkloadsAvailable")["reason"] == "OutOfMemory"
    place.until_quiet()
    mark = place.mark()
    place.complete_pass()
    assert [str(call) for call in place.writes(mark)] == []


@pytest.mark.parametrize(
    ("change", "cause", "remedy"),
    [
        pytest.param(
            {"nodeSelector": {"example.com/no": "node"}},
            "didn't match Pod's node affinity/selector",
            "change spec.api.nodeSelector",
            id="selector",
        ),
        pytest.param(
            {"resources": {"requests": {"cpu": "100"}, "limits": {"cpu": "100"}}},
            "Insufficient cpu",
            "lower spec.api.resources.requests.cpu",
            id="room",
        ),
    ],
)
def test_a_new_version_that_no_node_takes_is_named_while_older_pods_serve(
    place: Place, change: Manifest, cause: str, remedy: str
) -> None:
    limits = {"limitRange": {"enabled": False}, "resourceQuota": {"enabled": False}}
    place.submit(small(place.namespace, governance=limits))
    place.until_ready()
    place.edit({"api": change})
    found = until_told(place, "api: pods of an older template are still there: no node takes its pods", cause, remedy)
    assert (found["status"], found["reason"]) == ("False", "Unschedulable")
    assert place.child("Deployment", "novacron-api")["status"]["availableReplicas"] == 1


def test_a_quota_that_lets_no_pod_in_is_named(place: Place) -> None:
    quota = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "tight", "namespace": place.namespace}}
    place.client.create(quota | {"spec": {"hard": {"pods": "0"}}})
    until(lambda: place.child("ResourceQuota", "tight").get("status", {}).get("hard"), "the quota is in force", SECONDS)
    place.submit(small(place.namespace))
    words = ("api: ", "ResourceQuota/tight lets no more pods in: pods is used up", "spec.api.resources")
    found = until_told(place, *words, seconds=SECONDS)
    assert (found["status"], found["reason"]) == ("False", "QuotaExceeded")


@pytest.mark.usefixtures("neighbours")
def test_a_secret_that_external_secrets_holds_to_be_written_and_pods_miss_is_written_again(place: Place) -> None:
    """What is left of a NovaCron that was deleted and applied again at once: a status that was true of the Secret of
    the one before."""
    without: dict[str, Any] = {role: {"enabled": False} for role in ("query", "ml")}
    place.submit(minimal(namespace=place.namespace, **without))
    place.until_ready()
    place.until_quiet()
    assert place.client.delete("Secret", place.namespace, "novacron-database")
    miss(place, "auth", "novacron-database")
    until(lambda: place.client.get("Secret", place.namespace, "novacron-database"), "the Secret is back", SECONDS)
    (event,) = place.events("SecretSyncRequested")
    assert "ExternalSecret/" in event["note"]
    assert "novacron-database" in event["note"]
    assert "novacron-redis" not in event["note"]
    place.until_silent()
    mark = place.mark()
    place.complete_pass()
    assert [str(call) for call in place.writes(mark)] == [], "it was asked for again after it had come"
    assert len(place.events("SecretSyncRequested")) == 1


def miss(place: Place, role: str, secret: str) -> None:
    """What a kubelet would say of pods whose Secret is not there."""
    for pod in pods(place, role):
        meta = {"name": pod["metadata"]["name"], "uid": pod["metadata"]["uid"], "namespace": place.namespace}
        changed = [
            condition | {"status": "False"} if condition["type"] != "PodScheduled" else condition
            for condition in pod["status"]["conditions"]
        ]
        (status,) = pod["status"]["containerStatuses"]
        status |= {"ready": False, "started": False, "state": waiting("ContainerCreating", "")}
        body = {"status": {"containerStatuses": [status], "conditions": changed, "phase": "Pending"}}
        place.client.patch("Pod", place.namespace, meta["name"], body, subresource="status")
        event = {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {"name": f"{meta['name']}.mount", "namespace": place.namespace},
            "involvedObject": {"apiVersion": "v1", "kind": "Pod", **meta},
            "reason": "FailedMount",
            "message": f'MountVolume.SetUp failed for volume "secret-database" : secret "{secret}" not found',
            "type": "Warning",
            "lastTimestamp": _now(),
        }
        # as a kubelet writes it: a repeated one has a count and two times in the older API
        place.client.request("POST", f"/api/v1/namespaces/{place.namespace}/events", event)


def _now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
