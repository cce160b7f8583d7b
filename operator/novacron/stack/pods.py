"""Why pods do not start, from their own states and FailedMount events. Pure; names Secrets and keys, never values."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from novacron.core import labels
from novacron.core.manifest import Manifest, at

_USUAL = frozenset({"ContainerCreating", "PodInitializing"})


def problems(pods: Iterable[Manifest], mount_failures: Iterable[Manifest]) -> Mapping[str, str]:
    """Workload -> what keeps one of its pods from starting; the same for the same state of the world."""
    by_pod = {event["involvedObject"]["name"]: event.get("message", "") for event in mount_failures}
    found: dict[str, str] = {}
    for pod in sorted(pods, key=lambda item: item["metadata"]["name"]):
        workload = at(pod, "metadata", "labels", labels.COMPONENT, default="")
        text = _state(pod) or by_pod.get(pod["metadata"]["name"], "")
        if text and workload not in found:
            found[workload] = text[:512]
    return found


def _state(pod: Manifest) -> str:
    status = pod.get("status", {})
    for container in (*status.get("initContainerStatuses", ()), *status.get("containerStatuses", ())):
        waiting = at(container, "state", "waiting", default={})
        if waiting.get("reason") and waiting["reason"] not in _USUAL:
            return f"{waiting['reason']}: {waiting.get('message', '')}".rstrip(": ")
    for condition in status.get("conditions", ()):
        if condition["type"] == "PodScheduled" and condition["status"] == "False":
            return f"{condition.get('reason', '')}: {condition.get('message', '')}"
    return ""
