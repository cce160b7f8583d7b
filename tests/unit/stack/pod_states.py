"""Pods as a kubelet and a scheduler of 1.36 write them, in every state that a person has to do with."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from novacron.core.manifest import Manifest

NOW = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)
IMAGE = "registry.example.com/novacron/novacron:v10.0.0"
LIMITS = {"cpu": "1", "memory": "512Mi", "ephemeral-storage": "2Gi"}
TEMPLATE: Manifest = {
    "metadata": {"annotations": {"novacron.io/config-checksum": "c1"}},
    "spec": {"containers": [{"name": "api", "image": IMAGE, "resources": {"limits": LIMITS}}]},
}
ID = "containerd://" + "5f" * 32
UID = "0b5c3f0e-6c2e-4f0e-9d0e-2f6f0c1d2e3f"


def ago(**passed: float) -> str:
    return (NOW - timedelta(**passed)).strftime("%Y-%m-%dT%H:%M:%SZ")


def pod(name: str = "nc-api-7d9c5b6f4-x2x9k", role: str = "api", image: str = IMAGE, **status: Any) -> Manifest:
    return {
        "metadata": {
            "name": name,
            "namespace": "shop",
            "uid": UID,
            "labels": {
                "app.kubernetes.io/instance": "nc",
                "app.kubernetes.io/component": role,
                "pod-template-hash": "7d9c5b6f4",
            },
            "annotations": {"novacron.io/config-checksum": "c1"},
        },
        "spec": {
            "containers": [{"name": role, "image": image, "resources": {"limits": dict(LIMITS)}}],
            "nodeName": "node-1",
        },
        "status": {"phase": "Running", "startTime": ago(minutes=1)} | status,
    }


def conditions(*, ready: bool, sandbox: bool = True) -> list[Manifest]:
    return [
        {"type": "PodReadyToStartContainers", "status": str(sandbox)},
        {"type": "Initialized", "status": "True"},
        {"type": "Ready", "status": str(ready), "reason": "" if ready else "ContainersNotReady"},
        {"type": "ContainersReady", "status": str(ready)},
        {"type": "PodScheduled", "status": "True"},
    ]


def container(
    *, state: Manifest, last: Manifest | None = None, restarts: int = 0, role: str = "api", image: str = IMAGE
) -> Manifest:
    running = "running" in state
    return {
        "name": role,
        "image": image,
        "imageID": "",
        "ready": False,
        "started": running,
        "restartCount": restarts,
        "state": state,
        "lastState": {"terminated": last} if last else {},
    }


def held(reason: str, message: str, *, last: Manifest | None = None, restarts: int = 0, **more: Any) -> Manifest:
    """A pod whose container waits."""
    state = {"waiting": {"reason": reason, "message": message}}
    status: Manifest = {"conditions": conditions(ready=False), "phase": "Pending" if last is None else "Running"}
    return pod(containerStatuses=[container(state=state, last=last, restarts=restarts)], **status, **more)


def ended(code: int, reason: str, message: str = "", finished: str = "") -> Manifest:
    found: Manifest = {
        "exitCode": code,
        "reason": reason,
        "startedAt": ago(minutes=2),
        "finishedAt": finished or ago(seconds=20),
        "containerID": ID,
    }
    return found | ({"message": message} if message else {})


def runs_again(last: Manifest, *, ready: bool, name: str = "nc-api-7d9c5b6f4-x2x9k") -> Manifest:
    state = {"running": {"startedAt": ago(seconds=15)}}
    status = container(state=state, last=last, restarts=1) | {"ready": ready}
    return pod(name, containerStatuses=[status], conditions=conditions(ready=ready))


def starting(**more: Any) -> Manifest:
    state = {"waiting": {"reason": "ContainerCreating"}}
    return pod(
        phase="Pending",
        containerStatuses=[container(state=state)],
        conditions=conditions(ready=False, sandbox=False),
        **more,
    )


def homeless(message: str, reason: str = "Unschedulable", role: str = "api") -> Manifest:
    """A pod that no node takes."""
    scheduled = {"type": "PodScheduled", "status": "False", "reason": reason, "message": message}
    return pod(role=role, phase="Pending", conditions=[scheduled])


def failed(reason: str, message: str, at: str = "", role: str = "api") -> Manifest:
    """A pod that ended as a whole."""
    target = {
        "type": "DisruptionTarget",
        "status": "True",
        "reason": "TerminationByKubelet",
        "lastTransitionTime": at or ago(seconds=30),
    }
    started = {"startTime": ago(hours=2)}
    return pod(role=role, phase="Failed", reason=reason, message=message, conditions=[target], **started)


def event(message: str, of: str = "nc-api-7d9c5b6f4-x2x9k", last: str = "", uid: str = UID) -> Manifest:
    return {
        "reason": "FailedMount",
        "involvedObject": {"kind": "Pod", "name": of, "uid": uid},
        "message": message,
        "lastTimestamp": last or ago(seconds=5),
    }
