"""How far the memory limit of ml can grow before bounds of the namespace refuse its pods. Pure and exact.

A LimitRange bounds each pod. A ResourceQuota bounds their sum, and must have room for the rollout as well: for every
pod with the new limit, and for one of those that are replaced. More of them at once only makes it quicker.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal

from novacron.api.v1alpha1 import NovaCron
from novacron.core import names, quantity
from novacron.core.manifest import at
from novacron.stack import capacity
from novacron.stack.capacity import Around

_MEMORY = "limits.memory"


@dataclass(frozen=True, slots=True)
class Bound:
    """The most that the memory limit of a pod may be.

    Args:
        most: in bytes.
        name: what says so, in words that lead to it.
    """

    most: int
    name: str


def in_limit_ranges(resource: NovaCron, around: Around) -> Iterator[Bound]:
    """What LimitRanges of others let in; ours has room for the most from the start."""
    own = names.component(resource.metadata.name, "limits")
    request = capacity.given(resource, "ml").requests["memory"]
    for found in capacity.ordered(around.get("LimitRange", ())):
        for bound in found.get("spec", {}).get("limits", ()):
            if bound.get("type") not in ("Container", "Pod") or found["metadata"]["name"] == own:
                continue
            top, ratio = (at(bound, side, "memory") for side in ("max", "maxLimitRequestRatio"))
            if top:
                yield Bound(int(quantity.parse(str(top))), f"max of LimitRange {found['metadata']['name']}")
            if ratio:
                name = f"maxLimitRequestRatio {ratio} of LimitRange {found['metadata']['name']}"
                yield Bound(int(quantity.parse(str(ratio)) * request), name)


def in_quotas(resource: NovaCron, around: Around, limits: Iterable[int], replicas: int) -> Iterator[Bound]:
    """What ResourceQuotas leave, ours too: others may use it. Where even one pod more does not fit, no rollout ends.

    Args:
        limits: memory limits of the pods that are there, in bytes.
        replicas: pods that are wanted.
    """
    held = sorted(limits)
    largest = held[-1] if held else 0
    # pods with GPUs are taken down before the next come up
    surge = 0 if resource.spec.ml.gpus else 1
    others = {name: amount * surge for name, amount in _one(resource).items()}
    for quota in capacity.counting(around.get("ResourceQuota", ())):
        hard, used = (at(quota, "status", side, default={}) for side in ("hard", "used"))
        for written, most in sorted(hard.items()):
            name, left = capacity.unabbreviated(written), quantity.parse(str(most))
            left -= quantity.parse(str(used.get(written, "0")))
            words = f"what is left of ResourceQuota {quota['metadata']['name']} ({written})"
            if name == _MEMORY:
                yield Bound(int((left + sum(held) - surge * largest) / max(replicas, 1)), words)
            elif left < others.get(name, Decimal(0)):
                yield Bound(largest, words)


def _one(resource: NovaCron) -> dict[str, Decimal]:
    """What a pod of ml needs besides its memory limit, by the names of a ResourceQuota."""
    asked = capacity.given(resource, "ml")
    limits = {f"limits.{name}": amount for name, amount in asked.limits.items() if name != "memory"}
    return {"pods": Decimal(1), **{f"requests.{name}": amount for name, amount in asked.requests.items()}, **limits}
