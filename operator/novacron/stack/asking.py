"""Whom to ask what he misses, and what the answers are asked for. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from novacron.api.v1alpha1 import NovaCron
from novacron.core import conditions
from novacron.core.conditions import Condition
from novacron.core.manifest import Manifest, Ref, at
from novacron.ml import status as ml
from novacron.ml.status import Facts
from novacron.stack import rollout
from novacron.stack.dependencies import Heard, Question, users


@dataclass(frozen=True, slots=True)
class Target:
    """A workload behind its Service.

    Args:
        pods: how many it leads to.
    """

    role: str
    address: str
    port: int
    path: str
    pods: int


def targets(resource: NovaCron, children: Mapping[Ref, Manifest]) -> list[Target]:
    """Services of available workloads that have something to tell, by their own address: no name has to be resolved."""
    found = []
    for role in _asked(resource):
        deployment = children.get(rollout.child(resource, "Deployment", role))
        service = children.get(rollout.child(resource, "Service", role), {})
        address = at(service, "spec", "clusterIP", default="")
        if deployment is None or address in ("", "None"):
            continue
        ready = at(deployment, "status", "readyReplicas", default=0)
        if ready and rollout.available(deployment, rollout.floor(resource, role)):
            spec = resource.spec.workloads[role]
            found.append(Target(role, address, spec.service.port, spec.probes.readiness.path, ready))
    return found


def _asked(resource: NovaCron) -> tuple[str, ...]:
    """Enabled workloads that mount a login, and ml, which knows how much of its memory is left."""
    memory = (ml.ROLE,) if resource.spec.ml.enabled else ()
    return tuple(dict.fromkeys((*users(resource), *memory)))


def question(
    body: Manifest,
    resource: NovaCron,
    children: Mapping[Ref, Manifest],
    said: Mapping[str, Heard],
    *,
    within_reach: bool,
    memory: Facts | None = None,
) -> Question:
    """Args:
    body: the resource with its status as it stands.
    said: what pods that are not ready say against their credentials.
    memory: what is known of the memory of ml.
    """
    return Question(
        users(resource),
        resource.spec.secrets.provider == "ExternalSecrets",
        within_reach,
        said,
        frozenset(_asked(resource)) - {target.role for target in targets(resource, children)},
        _standing(body),
        memory,
    )


def _standing(body: Manifest) -> dict[str, Condition]:
    """What answers decide, as the last operator left it."""
    return {
        item["type"]: Condition(item["type"], item["status"], item["reason"], item["message"])
        for item in at(body, "status", "conditions", default=[])
        if item["type"] in (conditions.CREDENTIALS_CURRENT, conditions.QUERIES_HEALTHY, conditions.MEMORY_ADEQUATE)
        and item["reason"] in conditions.REASONS
    }
