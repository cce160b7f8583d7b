from __future__ import annotations

from typing import Any

from novacron.stack import pods


def _pod(name: str, **status: Any) -> dict[str, Any]:
    return {"metadata": {"name": name, "labels": {"app.kubernetes.io/component": "api"}}, "status": status}


def _waiting(reason: str, message: str = "") -> dict[str, Any]:
    return {
        "containerStatuses": [
            {"image": "r.example.com/api:1", "state": {"waiting": {"reason": reason, "message": message}}}
        ]
    }


def test_an_image_that_cannot_be_pulled_is_told_in_the_same_words_while_it_is_tried_and_not() -> None:
    words = [
        pods.problems([_pod("a", **_waiting(reason, f"{reason} number {number}"))], [])
        for number, reason in enumerate(("ErrImagePull", "ImagePullBackOff"))
    ]
    assert words[0] == words[1] == {"api": "ImagePullBackOff: the image r.example.com/api:1 cannot be pulled"}


def test_a_crash_is_told_without_what_the_kubelet_counts() -> None:
    status = _waiting("CrashLoopBackOff", "back-off 40s restarting failed container=api pod=api-7f_n(uid)")
    status["containerStatuses"][0]["lastState"] = {"terminated": {"exitCode": 137, "reason": "OOMKilled"}}
    assert pods.problems([_pod("a", **status)], []) == {
        "api": "CrashLoopBackOff: it ended with exit code 137 (OOMKilled)"
    }


def test_a_mount_that_failed_before_the_container_ran_is_history() -> None:
    event = {"involvedObject": {"name": "a"}, "message": 'secret "x" not found'}
    running = {"containerStatuses": [{"state": {"running": {"startedAt": "2026-01-01T00:00:00Z"}}, "ready": False}]}
    assert pods.problems([_pod("a", **running)], [event]) == {}


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
