from __future__ import annotations

from typing import Any

from novacron.stack import pods


def _pod(name: str, **status: Any) -> dict[str, Any]:
    return {"metadata": {"name": name, "labels": {"app.kubernetes.io/component": "api"}}, "status": status}


def _waiting(reason: str, message: str = "") -> dict[str, Any]:
    return {"containerStatuses": [{"state": {"waiting": {"reason": reason, "message": message}}}]}


def test_a_container_that_cannot_start_says_why() -> None:
    found = pods.problems([_pod("a", **_waiting("ImagePullBackOff", "no such image"))], [])
    assert found == {"api": "ImagePullBackOff: no such image"}


def test_a_container_that_is_only_starting_is_no_problem() -> None:
    assert pods.problems([_pod("a", **_waiting("ContainerCreating"))], []) == {}


def test_a_failed_mount_is_told_by_its_event() -> None:
    event = {"involvedObject": {"name": "a"}, "message": 'secret "x" not found'}
    assert pods.problems([_pod("a", **_waiting("ContainerCreating"))], [event]) == {"api": 'secret "x" not found'}


def test_a_pod_that_finds_no_node_says_why() -> None:
    unscheduled = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "no gpus"}
    assert pods.problems([_pod("a", conditions=[unscheduled])], []) == {"api": "Unschedulable: no gpus"}


def test_the_same_world_is_told_in_the_same_words() -> None:
    first, second = _pod("a", **_waiting("CrashLoopBackOff")), _pod("b", **_waiting("ImagePullBackOff"))
    assert pods.problems([first, second], []) == pods.problems([second, first], [])
