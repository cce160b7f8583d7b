"""The cluster below the neighbours, as far as they need it: kubectl, a way to hand it images, addresses of pods."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

from novacron.core.manifest import Manifest, at
from tests.support.controlplane.plane import KubectlError
from tests.support.node.neighbours.pods import Workload, selector

_CONTAINERS = ("initContainerStatuses", "containerStatuses")
_EVENT = 'jsonpath={range .items[*]}{.reason}: {.message}{"\\n"}{end}'
_HOPELESS = frozenset({"CrashLoopBackOff", "CreateContainerConfigError", "ErrImageNeverPull", "InvalidImageName"})


class NeighbourError(Exception):
    """A neighbour did not come up; the text holds the state of its pod and its last words."""


class Cluster(Protocol):
    """Pods' addresses are reached from here without a detour."""

    def kubectl(self, *arguments: str, input: str | None = None) -> str:  # noqa: A002 - subprocess' own word
        """What kubectl prints, as the administrator; raises ``KubectlError``."""

    def load(self, archive: Path) -> None:
        """Gives the node an image (an OCI archive)."""


def apply(cluster: Cluster, manifests: Sequence[Manifest]) -> None:
    content = json.dumps({"apiVersion": "v1", "kind": "List", "items": list(manifests)})
    cluster.kubectl(
        "apply", "--server-side", "--force-conflicts", "--field-manager=neighbours", "-f", "-", input=content
    )


def pod(cluster: Cluster, workload: Workload) -> Manifest | None:
    """The pod of a workload that is not on its way out."""
    chosen = ",".join(f"{key}={value}" for key, value in selector(workload.name).items())
    listed = json.loads(cluster.kubectl("get", "pods", "-n", workload.namespace, "-l", chosen, "-o", "json"))["items"]
    alive: list[Manifest] = [item for item in listed if "deletionTimestamp" not in item["metadata"]]
    return alive[0] if alive else None


def address(cluster: Cluster, workload: Workload) -> str:
    """Of the workload's pod; empty while it has none."""
    return str(at(pod(cluster, workload) or {}, "status", "podIP", default=""))


def available(cluster: Cluster, workload: Workload) -> bool:
    found = json.loads(cluster.kubectl("get", "deployment", "-n", workload.namespace, workload.name, "-o", "json"))
    current = at(found, "status", "observedGeneration", default=0) >= found["metadata"]["generation"]
    return bool(current and at(found, "status", "availableReplicas", default=0))


def hopeless(cluster: Cluster, workload: Workload) -> bool:
    """Whether its pod fails again and again, so that nobody need wait for it any longer."""
    status = at(pod(cluster, workload) or {}, "status", default={})
    states = [item for group in _CONTAINERS for item in status.get(group, ())]
    return any(at(item, "state", "waiting", "reason") in _HOPELESS for item in states)


def last_words(cluster: Cluster, workload: Workload) -> str:
    """What can be known of a workload that does not come up."""
    found = pod(cluster, workload)
    if found is None:
        return "it has no pod"
    name = found["metadata"]["name"]
    lines = [f"pod {name} is {at(found, 'status', 'phase', default='unknown')}"]
    for group in _CONTAINERS:
        lines += [f"{item['name']}: {_state(item)}" for item in at(found, "status", group, default=[])]
    there = ("-n", workload.namespace)
    lines += _printed(cluster, "get", "events", *there, f"--field-selector=involvedObject.name={name}", "-o", _EVENT)
    lines += _printed(cluster, "logs", *there, name, "--all-containers", "--tail=15")
    return "\n".join(lines)


def _state(container: dict[str, Any]) -> str:
    found: dict[str, dict[str, Any]] = container.get("state", {})
    words = [(state, details.get("reason", ""), details.get("message", "")) for state, details in found.items()]
    return " ".join(str(word) for state in words for word in state if word) or "unknown"


def _printed(cluster: Cluster, *arguments: str) -> list[str]:
    try:
        return cluster.kubectl(*arguments).splitlines()[-15:]
    except KubectlError as error:
        return [str(error)]
