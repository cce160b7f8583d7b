"""What a pass knows of the memory of ml: the limit that its pods are to have, and how they do under it. Pure.

Everything is read anew from the resource, its status, the Deployment and its pods, so a restart of the operator
forgets nothing.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from decimal import ROUND_CEILING, Decimal

from novacron.api.v1alpha1 import NovaCron
from novacron.core import conditions, quantity
from novacron.core.manifest import Manifest, Ref, at
from novacron.ml import status as ml
from novacron.ml.domain import sizing
from novacron.ml.domain.sizing import Step, Verdict
from novacron.ml.status import Facts
from novacron.stack import capacity, pods, rollout
from novacron.stack.dependencies import Heard, Hearing
from novacron.stack.observed import Observed

_COUNTS = timedelta(days=1)
"""For how long a kill counts: work that comes once a day is killed once a day."""


def _learned(resource: NovaCron, body: Manifest) -> int | None:
    """What right-sizing learned; None where it is off, or the resource's own limit was edited since."""
    switched_on = resource.spec.ml.memory.right_sizing.enabled
    return ml.learned(body.get("status", {}), _given(resource)) if switched_on else None


def limit(resource: NovaCron, body: Manifest) -> str:
    """The memory limit that pods of ml are to have, as a quantity (docs/decisions/0035)."""
    return ml.size(_limit(resource, body))


def _limit(resource: NovaCron, body: Manifest) -> int:
    return sizing.effective(_given(resource), _learned(resource, body), _most(resource))


def _given(resource: NovaCron) -> int:
    return _whole(quantity.parse(resource.spec.ml.resources.limits.memory))


def _most(resource: NovaCron) -> int:
    return int(quantity.parse(resource.spec.ml.memory.right_sizing.max_memory))


def _whole(amount: Decimal) -> int:
    """Bytes, rounded up as the API server does."""
    return int(amount.to_integral_value(ROUND_CEILING))


def facts(resource: NovaCron, body: Manifest, around: Mapping[str, Iterable[Manifest]]) -> Facts | None:
    """What is known without the pods; None where ml is off."""
    if not resource.spec.ml.enabled:
        return None
    bound, bounded_by = _most(resource), "spec.ml.memory.rightSizing.maxMemory"
    for most, name in capacity.memory_bounds(resource, around):
        if most < bound:
            bound, bounded_by = int(most), name
    allowed = resource.spec.ml.memory.right_sizing.enabled
    return Facts(_given(resource), _limit(resource, body), bound, bounded_by, allowed)


def seen(
    known: Facts, resource: NovaCron, children: Mapping[Ref, Manifest], own: Iterable[Manifest], now: datetime
) -> Facts:
    """With what pods of ml show.

    Args:
        own: pods of ml.
    """
    listed = [pod for pod in own if at(pod, "metadata", "deletionTimestamp") is None]
    current = [pod for pod in listed if _limit_of(pod) == known.limit]
    raised = known.limit > known.given
    smaller = max((of for pod in listed if raised and (of := _limit_of(pod)) < known.limit), default=0)
    killed = [pod for pod in current if pods.killed_for_memory(pod, ml.ROLE, now - _COUNTS)]
    deployment = children.get(rollout.child(resource, "Deployment", ml.ROLE))
    tried = None
    if deployment is not None and (rollout.alone(deployment) or any(not pods.is_ready(pod) for pod in killed)):
        tried = rollout.resting(deployment, now)
    return dataclasses.replace(known, killed=bool(killed), smaller=smaller, tried=tried)


def used(known: Facts, own: Iterable[Manifest], in_use: Mapping[str, int]) -> int:
    """The most that a pod with the present limit uses, in bytes; 0 where nobody says."""
    names = {pod["metadata"]["name"] for pod in own if _limit_of(pod) == known.limit}
    return max((amount for name, amount in in_use.items() if name in names), default=0)


def step(observed: Observed) -> Step | None:
    """What becomes of the limit, after a pass; None where ml is off."""
    known = observed.question.memory
    return None if known is None else ml.step(known, heard(observed.heard))


def heard(hearing: Hearing) -> Heard:
    """What pods of ml complain of by now."""
    return hearing.get(conditions.MEMORY_ADEQUATE, {}).get(ml.ROLE)


def component(resource: NovaCron, body: Manifest, following: Step | None) -> Manifest:
    """``status.ml``. A higher limit is written down first, and the next pass acts on what is written: whenever the
    operator ends, no pod has more than the status says."""
    grows = following is not None and following.verdict is Verdict.GROWING
    learned = following.limit if following is not None and grows else _learned(resource, body)
    return ml.component(learned, _given(resource))


def _limit_of(pod: Manifest) -> int:
    """Of a pod's own container; 0: it has none."""
    for container in at(pod, "spec", "containers", default=[]):
        if container.get("name") == ml.ROLE:
            return _whole(quantity.parse(str(at(container, "resources", "limits", "memory", default="0"))))
    return 0
