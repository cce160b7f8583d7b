"""Whether a workload is available, and if not, why, in words that a person can act on. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from novacron.api.v1alpha1 import NovaCron
from novacron.core import names
from novacron.core.manifest import Manifest, Ref, at
from novacron.stack import refusal
from novacron.stack.observed import Observed
from novacron.stack.problem import Problem, gravest


@dataclass(frozen=True, slots=True)
class Rollout:
    """One workload: available or not, with a reason of core/conditions.py.

    Args:
        message: what is missing and why; of an available one, what keeps further pods from serving.
    """

    workload: str
    available: bool
    reason: str
    message: str


def state(o: Observed, workload: str) -> Rollout:
    """The current template alone runs, and enough of its pods are available."""
    deployment = o.children.get(child(o.resource, "Deployment", workload))
    if deployment is None and child(o.resource, "Deployment", workload) not in o.wanted:
        return Rollout(workload, False, "MigrationRunning", "waits for its schema: see condition SchemaCurrent")
    if deployment is None:
        return Rollout(workload, False, "Progressing", "its Deployment does not exist yet")
    reason, message = _waiting(deployment, floor(o.resource, workload))
    known = (o.problems.get(workload), _replica_failure(workload, deployment))
    problem = gravest(item for item in known if item is not None) if _observed(deployment) else None
    if problem is None:
        return Rollout(workload, not reason, reason or "AllWorkloadsAvailable", message)
    if not reason:
        return Rollout(workload, True, problem.reason, str(problem))
    # a passed deadline waits for a person whatever the cause is (kstatus: Stalled)
    named = reason if reason == "ProgressDeadlineExceeded" else problem.reason
    return Rollout(workload, False, named, f"{message}: {problem}")


def child(resource: NovaCron, kind: str, workload: str) -> Ref:
    """The object of a kind that bears a workload's name."""
    return Ref(kind, resource.metadata.namespace, names.component(resource.metadata.name, workload))


def incomplete(resource: NovaCron, children: Mapping[Ref, Manifest]) -> dict[str, Manifest]:
    """Enabled workload -> its Deployment, where pods are missing: only then anybody looks at pods."""
    found = {}
    for name, workload in resource.spec.workloads.items():
        deployment = children.get(child(resource, "Deployment", name))
        if workload.enabled and deployment is not None and not complete(deployment):
            found[name] = deployment
    return found


def floor(resource: NovaCron, workload: str) -> int:
    """Fewest replicas that the resource asks for."""
    return resource.spec.workloads[workload].min_replicas


def _waiting(deployment: Manifest, least: int) -> tuple[str, str]:
    """Reason and message why a Deployment is not available; empty when it is."""
    status = deployment.get("status", {})
    if not _observed(deployment):
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


def complete(deployment: Manifest) -> bool:
    """Whether every pod that is asked for is available, and no other is left: then no pod is in trouble."""
    status = deployment.get("status", {})
    desired: int = at(deployment, "spec", "replicas", default=0)
    available_ones: int = status.get("availableReplicas", 0)
    return alone(deployment) and available_ones >= desired


def alone(deployment: Manifest) -> bool:
    """Whether pods of the current template alone are there, available or not."""
    status = deployment.get("status", {})
    return _observed(deployment) and status.get("replicas", 0) == status.get("updatedReplicas", 0)


def resting(deployment: Manifest, now: datetime) -> float | None:
    """Seconds since the rollout last made a step, which the last of them ended; None where none was seen."""
    if not _observed(deployment):
        return None
    for condition in at(deployment, "status", "conditions", default=[]):
        if condition["type"] == "Progressing" and condition.get("lastUpdateTime"):
            return (now - datetime.fromisoformat(condition["lastUpdateTime"])).total_seconds()
    return None


def _observed(deployment: Manifest) -> bool:
    """Whether its controller has seen the latest change of it."""
    seen: int = at(deployment, "status", "observedGeneration", default=0)
    made: int = deployment["metadata"].get("generation", 0)
    return seen >= made


def _replica_failure(workload: str, deployment: Manifest) -> Problem | None:
    for condition in at(deployment, "status", "conditions", default=[]):
        if condition["type"] == "ReplicaFailure" and condition["status"] == "True":
            return refusal.refused(workload, condition.get("message", ""))
    return None
