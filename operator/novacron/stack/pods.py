"""Why pods do not start, from their own states and FailedMount events. Pure; names Secrets and keys, never values."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from novacron.core import labels
from novacron.core.manifest import Manifest, at

_USUAL = frozenset({"ContainerCreating", "PodInitializing"})
_PULLING = frozenset({"ErrImagePull", "ImagePullBackOff"})


def problems(pods: Iterable[Manifest], mount_failures: Iterable[Manifest]) -> Mapping[str, str]:
    """Workload -> what keeps one of its pods from starting; the same for the same state of the world."""
    by_pod = {event["involvedObject"]["name"]: event.get("message", "") for event in mount_failures}
    found: dict[str, str] = {}
    for pod in sorted(pods, key=lambda item: item["metadata"]["name"]):
        workload = at(pod, "metadata", "labels", labels.COMPONENT, default="")
        text = _state(pod) or ("" if _has_started(pod) else by_pod.get(pod["metadata"]["name"], ""))
        if text and workload not in found:
            found[workload] = text[:512]
    return found


def _containers(pod: Manifest) -> list[Manifest]:
    status = pod.get("status", {})
    return [*status.get("initContainerStatuses", ()), *status.get("containerStatuses", ())]


def _has_started(pod: Manifest) -> bool:
    """Then its volumes are mounted, whatever older events say."""
    return any(container.get("started") or at(container, "state", "running") for container in _containers(pod))


def _state(pod: Manifest) -> str:
    for container in _containers(pod):
        waiting = at(container, "state", "waiting", default={})
        if waiting.get("reason") and waiting["reason"] not in _USUAL:
            return _waiting(container, waiting)
    for condition in at(pod, "status", "conditions", default=[]):
        if condition["type"] == "PodScheduled" and condition["status"] == "False":
            return f"{condition.get('reason', '')}: {condition.get('message', '')}"
    return ""


def _waiting(container: Manifest, waiting: Manifest) -> str:
    """Without what the kubelet counts on, pod names and back-off times: each change would be a write to the status."""
    reason = waiting["reason"]
    if reason in _PULLING:
        return f"ImagePullBackOff: the image {container.get('image', '')} cannot be pulled"
    if reason == "CrashLoopBackOff":
        last = at(container, "lastState", "terminated", default={})
        return f"{reason}: it ended with exit code {last.get('exitCode', '?')} ({last.get('reason', 'Error')})"
    return f"{reason}: {waiting.get('message', '')}".rstrip(": ")
