"""Whether a workload is available, and if not, why, in words that a person can act on. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass

from novacron.api.v1alpha1 import NovaCron
from novacron.core import names
from novacron.core.manifest import Manifest, Ref, at
from novacron.stack.observed import Observed

_SECRET = re.compile(r"secret \S+ not found|references non-existent secret key|couldn't find key \S+ in Secret")
"""The kubelet's words for a Secret or key that does not exist (pkg/volume/secret, pkg/kubelet)."""


@dataclass(frozen=True, slots=True)
class Rollout:
    """One workload: available or not, with a reason of core/conditions.py."""

    workload: str
    available: bool
    reason: str
    message: str


def state(o: Observed, workload: str) -> Rollout:
    """decisions.md 2: the current template alone runs, and enough of its pods are available."""
    meta = o.resource.metadata
    deployment = o.children.get(Ref("Deployment", meta.namespace, names.component(meta.name, workload)))
    if deployment is None:
        return Rollout(workload, False, "Progressing", "its Deployment does not exist yet")
    reason, message = _waiting(deployment, floor(o.resource, workload))
    if not reason:
        return Rollout(workload, True, "AllWorkloadsAvailable", "")
    why = o.pod_problems.get(workload) or _replica_failure(deployment)
    if reason == "WorkloadUnavailable" and _SECRET.search(why):
        reason = "SecretMissing"
    return Rollout(workload, False, reason, f"{message}: {why}" if why else message)


def floor(resource: NovaCron, workload: str) -> int:
    """Fewest replicas that the resource asks for."""
    return resource.spec.workloads[workload].min_replicas


def _waiting(deployment: Manifest, least: int) -> tuple[str, str]:
    """Reason and message why a Deployment is not available; empty when it is."""
    status = deployment.get("status", {})
    if status.get("observedGeneration", 0) < deployment["metadata"].get("generation", 0):
        return "RolloutInProgress", "the rollout has not begun"
    for condition in status.get("conditions", ()):
        if condition["type"] == "Progressing" and condition.get("reason") == "ProgressDeadlineExceeded":
            return "ProgressDeadlineExceeded", "the rollout did not finish in its deadline"
    if status.get("replicas", 0) != status.get("updatedReplicas", 0):
        return "RolloutInProgress", "pods of an older template are still there"
    desired = at(deployment, "spec", "replicas", default=0)
    if status.get("availableReplicas", 0) < min(desired, max(1, least - 1)):
        return "WorkloadUnavailable", "too few pods are available"
    return "", ""


def available(deployment: Manifest, least: int) -> bool:
    return not _waiting(deployment, least)[0]


def _replica_failure(deployment: Manifest) -> str:
    for condition in at(deployment, "status", "conditions", default=[]):
        if condition["type"] == "ReplicaFailure" and condition["status"] == "True":
            return f"{condition.get('reason', '')}: {condition.get('message', '')}"
    return ""
