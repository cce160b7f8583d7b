"""Who owns the number of pods: the autoscaler while there is one, the resource otherwise; never a fall to 1 between."""

from __future__ import annotations

import pytest

from novacron.core import drift
from tests.support.place import Place, small
from tests.support.waiting import until

pytestmark = pytest.mark.simulated_node

_ON = {"autoscaling": {"enabled": True, "minReplicas": 2, "maxReplicas": 8}}


def replicas(place: Place, name: str = "novacron-api") -> int:
    count: int = place.child("Deployment", name)["spec"]["replicas"]
    return count


def scaled_down(place: Place) -> list[str]:
    """What the Deployment controller said of scaling down; rollouts scale down old ReplicaSets, so none may happen."""
    return [
        event["note"]
        for event in place.client.list("Event", place.namespace)
        if event["reason"] == "ScalingReplicaSet" and "Scaled down" in event["note"]
    ]


def scale(place: Place, count: int, name: str = "novacron-api") -> None:
    place.client.patch(
        "Deployment", place.namespace, name, {"spec": {"replicas": count}}, manager="kubectl", subresource="scale"
    )


def test_replicas_survive_autoscaling_on_and_off_and_on(place: Place) -> None:
    place.submit(small(place.namespace, api={"replicas": 4, "autoscaling": {"enabled": False}}))
    place.until_ready()
    assert replicas(place) == 4

    place.edit({"api": _ON})
    until(lambda: place.client.get("HorizontalPodAutoscaler", place.namespace, "novacron-api"), "an autoscaler", 30)
    place.until_quiet()
    live = place.child("Deployment", "novacron-api")
    assert live["spec"]["replicas"] == 4
    assert not drift.owns(live, "novacron", "spec", "replicas")
    assert drift.owns(live, "novacron-handover", "spec", "replicas")

    scale(place, 6)
    mark = place.mark()
    place.complete_pass()
    assert [str(call) for call in place.writes(mark) if call.subresource != "status"] == []
    assert replicas(place) == 6

    assert scaled_down(place) == []
    place.edit({"api": {"replicas": 5, "autoscaling": {"enabled": False}}})
    until(lambda: replicas(place) == 5, "the resource owns them again", 30)
    place.until_quiet()
    assert place.client.get("HorizontalPodAutoscaler", place.namespace, "novacron-api") is None
    place.edit({"api": _ON})
    until(lambda: place.client.get("HorizontalPodAutoscaler", place.namespace, "novacron-api"), "an autoscaler", 30)
    place.until_quiet()
    assert replicas(place) == 5


def test_a_new_workload_starts_at_its_floor(place: Place) -> None:
    place.submit(small(place.namespace, api={"autoscaling": {"enabled": True, "minReplicas": 3, "maxReplicas": 5}}))
    place.until_ready()
    assert replicas(place) == 3
    assert scaled_down(place) == []


def test_without_an_autoscaler_a_hand_scale_is_undone(place: Place) -> None:
    place.submit(small(place.namespace))
    place.until_ready()
    place.until_quiet()
    mark = place.mark()
    scale(place, 3)
    until(lambda: replicas(place) == 1, "back to the resource's number", 30)
    place.complete_pass()
    assert [str(call) for call in place.writes(mark) if call.subresource != "status"] == [
        "apply deployments.apps/novacron-api 200"
    ]
    assert any("novacron-api" in event["note"] for event in place.events("Repaired"))


def test_scale_and_restart_of_an_autoscaled_workload_are_the_administrators(place: Place) -> None:
    place.submit(small(place.namespace, api=_ON))
    place.until_ready()
    place.until_quiet()
    mark = place.mark()
    scale(place, 5)
    restarted = {"kubectl.kubernetes.io/restartedAt": "2026-11-24T00:00:00Z"}
    body = {"spec": {"template": {"metadata": {"annotations": restarted}}}}
    place.client.patch("Deployment", place.namespace, "novacron-api", body, "strategic", "kubectl-rollout")
    place.until_ready()
    place.until_quiet()
    live = place.child("Deployment", "novacron-api")
    assert live["spec"]["replicas"] == 5
    assert live["spec"]["template"]["metadata"]["annotations"].items() >= restarted.items()
    assert [str(call) for call in place.writes(mark) if call.subresource != "status"] == []
