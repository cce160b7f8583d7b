"""Right-sizing of ml: from kills for want of memory to the next limit, within bounds, and what a person's edit does.

No container runs on a simulated node: what a kubelet would write of a killed one, the test writes. Time is not waited
for: when a rollout made its last step stands in its Deployment, and is put back.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from novacron.core.manifest import Manifest, at
from novacron.ml.domain.sizing import COOL_DOWN
from tests.support.controlplane.plane import ControlPlane
from tests.support.operator_process import OperatorProcess
from tests.support.place import Place, small
from tests.support.waiting import until

pytestmark = pytest.mark.simulated_node

ML = "novacron-ml"
ALONE: Manifest = {role: {"enabled": False} for role in ("api", "auth", "query")}
LONG = 600.0


def ml(limit: str, right_sizing: Manifest | None = None) -> Manifest:
    resources = {"requests": {"memory": "128Mi"}, "limits": {"memory": limit}}
    return {
        "replicas": 2,
        "autoscaling": {"enabled": False},
        "resources": resources,
        "memory": {"rightSizing": right_sizing or {"enabled": True, "maxMemory": "300Mi"}},
    }


def container(place: Place) -> Manifest:
    found: Manifest = place.child("Deployment", ML)["spec"]["template"]["spec"]["containers"][0]
    return found


def limit(place: Place) -> str:
    return str(container(place)["resources"]["limits"]["memory"])


def learned(place: Place) -> tuple[str, str]:
    found = place.novacron()["status"]["ml"]
    return found["memoryLimit"], found["learnedFor"]


def pods(place: Place) -> list[Manifest]:
    selector = "app.kubernetes.io/instance=novacron,app.kubernetes.io/component=ml"
    found = place.client.list("Pod", place.namespace, selector)
    return [pod for pod in found if at(pod, "metadata", "deletionTimestamp") is None]


def ago(seconds: float = 0.0) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - seconds))


def kill(place: Place, reason: str = "OOMKilled") -> None:
    """One pod of ml runs again after its container was killed, and serves already: the least that there is to see."""
    pod = pods(place)[0]
    (status,) = pod["status"]["containerStatuses"]
    ended = {"exitCode": 137, "reason": reason, "startedAt": ago(), "finishedAt": ago()}
    status |= {"restartCount": status["restartCount"] + 1, "lastState": {"terminated": ended}}
    body = {"status": {"containerStatuses": [status]}}
    place.client.patch("Pod", place.namespace, pod["metadata"]["name"], body, subresource="status")
    place.annotate(tests_novacron_io__killed=ago() + pod["metadata"]["name"])


def until_rolled_out(place: Place, wanted: str) -> None:
    def rolled_out() -> bool:
        assert limit(place) == wanted
        found = pods(place)
        assert [pod["spec"]["containers"][0]["resources"]["limits"]["memory"] for pod in found] == [wanted] * 2
        status = place.child("Deployment", ML)["status"]
        assert status["observedGeneration"] == place.child("Deployment", ML)["metadata"]["generation"]
        assert (status["replicas"], status["updatedReplicas"], status["availableReplicas"]) == (2, 2, 2)
        return any(item.get("reason") == "NewReplicaSetAvailable" for item in status["conditions"])

    until(rolled_out, f"every pod of ml has {wanted}", 60)


def let_time_pass(place: Place, seconds: float = LONG) -> None:
    """The rollout is over for so long."""
    listed = place.child("Deployment", ML)["status"]["conditions"]
    aged = [item | ({"lastUpdateTime": ago(seconds)} if item["type"] == "Progressing" else {}) for item in listed]
    place.client.patch("Deployment", place.namespace, ML, {"status": {"conditions": aged}}, subresource="status")


def until_told(place: Place, status: str, reason: str, *words: str) -> None:
    def told() -> Manifest:
        found = place.condition("MemoryAdequate")
        assert (found.get("status"), found.get("reason")) == (status, reason), found
        assert all(word in found["message"] for word in words), found
        return found

    until(told, f"MemoryAdequate is {status} {reason} {words}", 60)


def settled(place: Place, spec: Manifest) -> None:
    place.submit(small(place.namespace, **ALONE, ml=spec))
    place.until_ready()
    until_rolled_out(place, spec["resources"]["limits"]["memory"])
    until_told(place, "True", "MemoryAdequate")


def test_kill_after_kill_the_limit_grows_to_its_bound_and_stops_and_an_edit_wins(place: Place) -> None:
    settled(place, ml("128Mi"))
    assert learned(place) == ("", "")
    tmp = place.child("Deployment", ML)["spec"]["template"]["spec"]["volumes"]

    # the first rollout is only just over
    kill(place)
    until_told(place, "False", "LimitOnTrial", "128Mi in whole 16Mi is 192Mi", "raised to 192Mi once every pod")
    assert place.condition("Ready")["status"] == "True", "it gates nothing"
    assert (limit(place), learned(place)) == ("128Mi", ("", ""))
    # the kill is not forgotten when it is time, and nothing but the time tells the operator so
    let_time_pass(place, COOL_DOWN - 8)
    place.complete_pass()
    assert limit(place) == "128Mi"
    until_rolled_out(place, "192Mi")
    assert learned(place) == ("192Mi", "128Mi")
    assert container(place)["resources"]["requests"]["memory"] == "128Mi"
    assert place.child("Deployment", ML)["spec"]["template"]["spec"]["volumes"] == tmp
    until_told(place, "True", "MemoryAdequate", "limit of 192Mi; learned by right-sizing", "gives 128Mi")
    (event,) = place.events("MemoryLimitRaised")
    assert "OOMKilled) at its limit of 128Mi; 1.5 x 128Mi in whole 16Mi is 192Mi" in event["note"]

    # a kill of another cause is none, and nothing is done over again
    let_time_pass(place)
    kill(place, "Error")
    place.complete_pass()
    assert (limit(place), learned(place)) == ("192Mi", ("192Mi", "128Mi"))

    kill(place)
    until_rolled_out(place, "288Mi")
    let_time_pass(place)
    kill(place)
    until_rolled_out(place, "300Mi")
    let_time_pass(place)
    kill(place)
    until_told(place, "False", "LimitAtMost", "spec.ml.memory.rightSizing.maxMemory allows 300Mi: not raised any more")
    place.until_ready()
    place.until_quiet()
    mark = place.mark()
    place.complete_pass()
    assert [str(call) for call in place.writes(mark, events=True)] == [], "standing still is no work"
    assert (limit(place), learned(place)) == ("300Mi", ("300Mi", "128Mi"))
    assert len(place.events("MemoryLimitRaised")) == 3

    place.edit({"ml": {"resources": {"limits": {"memory": "160Mi"}}}})
    until_rolled_out(place, "160Mi")
    assert learned(place) == ("", "")
    until_told(place, "True", "MemoryAdequate", "at its limit of 160Mi")


def differences(place: Place, control_plane: ControlPlane, directory: Path) -> list[Manifest]:
    """What `novacron diff` says of the resource as it is."""
    file = directory / "live.json"
    file.write_text(json.dumps(place.novacron()))
    command = [sys.executable, "-m", "novacron", "diff", "-f", str(file), "-o", "json"]
    done = subprocess.run(
        [*command, f"--kubeconfig={control_plane.kubeconfig}"], capture_output=True, check=False, timeout=60
    )
    found: list[Manifest] = json.loads(done.stdout)
    return found


def test_what_was_learned_survives_the_operator_and_follows_the_bound_and_the_switch(
    place: Place, operator: OperatorProcess, control_plane: ControlPlane, tmp_path: Path
) -> None:
    settled(place, ml("6Gi", {"enabled": True, "maxMemory": "20Gi"}))
    let_time_pass(place)
    kill(place)
    until_rolled_out(place, "9Gi")  # more than a LimitRange has where nobody asks for more
    (bounds,) = place.child("LimitRange", "novacron-limits")["spec"]["limits"]
    assert bounds["max"]["memory"] == "20Gi"
    assert place.condition("CapacityConsistent")["status"] == "True"
    operator.stop()
    operator.start().until_leading().until_ready()
    place.complete_pass()
    assert (limit(place), learned(place)) == ("9Gi", ("9Gi", "6Gi"))
    assert differences(place, control_plane, tmp_path) == [], "what was learned is the cluster's, not the file's"

    place.edit({"ml": {"memory": {"rightSizing": {"maxMemory": "8Gi"}}}})
    until_rolled_out(place, "8Gi")
    assert learned(place) == ("9Gi", "6Gi")
    place.edit({"ml": {"memory": {"rightSizing": {"maxMemory": "20Gi"}}}})
    until_rolled_out(place, "9Gi")

    place.annotate(novacron_io__paused="true")
    place.until_condition("Paused", "True")
    assert learned(place) == ("9Gi", "6Gi")
    place.annotate(novacron_io__paused=None)

    place.edit({"ml": {"memory": {"rightSizing": {"enabled": False}}}})
    until_rolled_out(place, "6Gi")
    assert learned(place) == ("", "")


def test_pods_that_cannot_even_start_get_more_though_their_rollout_never_ends(place: Place) -> None:
    settled(place, ml("128Mi"))
    pod = pods(place)[0]
    (status,) = pod["status"]["containerStatuses"]
    ended = {"exitCode": 137, "reason": "OOMKilled", "startedAt": ago(), "finishedAt": ago()}
    status |= {"ready": False, "started": False, "restartCount": 5, "lastState": {"terminated": ended}}
    status["state"] = {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off"}}
    conditions = [
        item | ({"status": "False"} if item["type"] in ("Ready", "ContainersReady") else {})
        for item in pod["status"]["conditions"]
    ]
    body = {"status": {"containerStatuses": [status], "conditions": conditions}}
    let_time_pass(place)
    place.client.patch("Pod", place.namespace, pod["metadata"]["name"], body, subresource="status")
    until_rolled_out(place, "192Mi")
    place.until_ready()


def test_switched_off_it_only_tells_what_would_help(place: Place) -> None:
    settled(place, ml("128Mi", {"enabled": False}))
    let_time_pass(place)
    mark = place.mark()
    kill(place)
    until_told(place, "False", "LimitTooSmall", "raise spec.ml.resources.limits.memory to 192Mi, or switch on")
    usage = [call.code for call in place.journal.since(mark, lambda call: call.resource == "pods.metrics.k8s.io")]
    assert set(usage) == {404}, "it may ask the metrics API, which is not there"
    place.until_ready()
    assert (limit(place), learned(place)) == ("128Mi", ("", ""))


def test_limit_ranges_of_others_are_a_bound(place: Place) -> None:
    bound: dict[str, Any] = {"apiVersion": "v1", "kind": "LimitRange", "metadata": {"name": "house"}}
    bound["metadata"]["namespace"] = place.namespace
    bound["spec"] = {"limits": [{"type": "Container", "max": {"memory": "4Gi"}, "maxLimitRequestRatio": {"memory": 2}}]}
    settled(place, ml("128Mi"))
    place.client.create(bound)
    let_time_pass(place)
    kill(place)
    until_rolled_out(place, "192Mi")
    let_time_pass(place)
    kill(place)
    until_rolled_out(place, "256Mi")
    let_time_pass(place)
    kill(place)
    until_told(place, "False", "LimitAtMost", "maxLimitRequestRatio 2 of LimitRange house allows 256Mi")
    assert place.condition("CapacityConsistent")["status"] == "True", "nothing above it is asked for"

    # what came later holds as well, or every new pod would be refused
    bound["spec"]["limits"][0]["max"] = {"memory": "200Mi"}
    place.client.patch("LimitRange", place.namespace, "house", {"spec": bound["spec"]})
    place.complete_pass()
    until_rolled_out(place, "200Mi")
    assert learned(place) == ("256Mi", "128Mi")


def test_it_grows_as_far_as_a_quota_of_others_lets_its_rollout_end(place: Place) -> None:
    settled(place, ml("128Mi"))
    quota: Manifest = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "house"}}
    quota["metadata"]["namespace"] = place.namespace
    quota["spec"] = {"hard": {"limits.memory": "480Mi"}}
    place.client.create(quota)
    until(lambda: used(place) == "256Mi", "the quota counts both pods")
    let_time_pass(place)
    kill(place)
    until_rolled_out(place, "176Mi")  # both of them and one of 128Mi are 480Mi
    until(lambda: used(place) == "352Mi", "the quota counts the new pods alone")
    let_time_pass(place)
    kill(place)
    until_told(place, "False", "LimitAtMost", "what is left of ResourceQuota house (limits.memory) allows 176Mi")
    place.until_ready()
    assert (limit(place), learned(place)) == ("176Mi", ("176Mi", "128Mi"))

    place.client.patch("ResourceQuota", place.namespace, "house", {"spec": {"hard": {"limits.memory": "10Gi"}}})
    until(
        lambda: (
            at(place.client.get("ResourceQuota", place.namespace, "house"), "status", "hard") != quota["spec"]["hard"]
        ),
        "counted",
    )
    place.complete_pass()
    until_rolled_out(place, "272Mi")


def used(place: Place) -> str:
    house = place.client.get("ResourceQuota", place.namespace, "house")
    return str(at(house, "status", "used", "limits.memory", default=""))
