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
from novacron.stack import pods, rollout, room
from novacron.stack.capacity import Around
from novacron.stack.dependencies import Heard, Hearing
from novacron.stack.observed import Observed
from novacron.stack.room import Bound

_COUNTS = timedelta(days=1)
"""For how long a kill counts: work that comes once a day is killed once a day."""


def _learned(resource: NovaCron, body: Manifest) -> int | None:
    """What right-sizing learned; None where it is off, or the resource's own limit was edited since."""
    switched_on = resource.spec.ml.memory.right_sizing.enabled
    return ml.learned(body.get("status", {}), _given(resource)) if switched_on else None


def limit(resource: NovaCron, body: Manifest, around: Around) -> str:
    """The memory limit that pods of ml are to have, as a quantity (docs/decisions/0035)."""
    return ml.size(_limit(resource, body, _bound(resource, around)))


def _limit(resource: NovaCron, body: Manifest, bound: Bound) -> int:
    return sizing.effective(_given(resource), _learned(resource, body), bound.most)


def _given(resource: NovaCron) -> int:
    return _whole(quantity.parse(resource.spec.ml.resources.limits.memory))


def _bound(resource: NovaCron, around: Around) -> Bound:
    """The most that a pod may have, whatever the others have."""
    most = int(quantity.parse(resource.spec.ml.memory.right_sizing.max_memory))
    bounds = (Bound(most, f"{ml.SWITCH}.maxMemory"), *room.in_limit_ranges(resource, around))
    return min(bounds, key=lambda bound: bound.most)


def _whole(amount: Decimal) -> int:
    """Bytes, rounded up as the API server does."""
    return int(amount.to_integral_value(ROUND_CEILING))


def facts(resource: NovaCron, body: Manifest, around: Around) -> Facts | None:
    """What is known without the pods; None where ml is off."""
    if not resource.spec.ml.enabled:
        return None
    bound = _bound(resource, around)
    allowed = resource.spec.ml.memory.right_sizing.enabled
    return Facts(_given(resource), _limit(resource, body, bound), bound.most, bound.name, allowed)


def seen(
    known: Facts, resource: NovaCron, children: Mapping[Ref, Manifest], own: Iterable[Manifest], now: datetime
) -> Facts:
    """With what pods of ml show.

    Args:
        own: pods of ml.
    """
    listed = _living(own)
    current = [pod for pod in listed if _limit_of(pod) == known.limit]
    raised = known.limit > known.given
    smaller = max((of for pod in listed if raised and (of := _limit_of(pod)) < known.limit), default=0)
    killed = [pod for pod in current if pods.killed_for_memory(pod, ml.ROLE, now - _COUNTS)]
    deployment = children.get(rollout.child(resource, "Deployment", ml.ROLE))
    tried = None
    if deployment is not None and (rollout.alone(deployment) or _held_up(deployment, killed)):
        tried = rollout.resting(deployment, now)
    return dataclasses.replace(known, killed=bool(killed), smaller=smaller, tried=tried)


def _living(own: Iterable[Manifest]) -> list[Manifest]:
    """Without those that leave, and without those that are over, which a node sent away: they lie about for days."""
    over = ("Failed", "Succeeded")
    return [
        pod
        for pod in own
        if at(pod, "metadata", "deletionTimestamp") is None and at(pod, "status", "phase") not in over
    ]


def _held_up(deployment: Manifest, killed: Iterable[Manifest]) -> bool:
    """Whether the rollout cannot end since pods of the present template are down by their kills."""
    template = at(deployment, "spec", "template", default={})
    return any(pods.is_current(pod, template) and not pods.is_ready(pod) for pod in killed)


def within_quotas(
    known: Facts, resource: NovaCron, around: Around, children: Mapping[Ref, Manifest], own: Iterable[Manifest]
) -> Facts:
    """With what quotas leave for a higher limit: whole steps only, as what is left of them changes all the time.

    Args:
        own: pods of ml.
    """
    replicas = at(children.get(rollout.child(resource, "Deployment", ml.ROLE), {}), "spec", "replicas", default=1)
    bounds = room.in_quotas(resource, around, [_limit_of(pod) for pod in _living(own)], replicas)
    least = min(bounds, key=lambda bound: bound.most, default=None)
    if least is None or least.most >= known.bound:
        return known
    most = max(known.limit, least.most // sizing.STEP * sizing.STEP)
    return dataclasses.replace(known, bound=most, bounded_by=least.name)


def used(known: Facts, own: Iterable[Manifest], in_use: Mapping[str, int]) -> int:
    """The most that a pod with the present limit uses, in bytes; 0 where nobody says.

    Never more than that limit: whatever the metrics API shows, the kernel gives no more.
    """
    names = {pod["metadata"]["name"] for pod in own if _limit_of(pod) == known.limit}
    most = max((amount for name, amount in in_use.items() if name in names), default=0)
    return max(0, min(most, known.limit))


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
