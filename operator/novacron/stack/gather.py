"""The reads of a pass: one snapshot of a namespace, as far as it concerns one NovaCron."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from novacron.adapters.kube import Kube
from novacron.core import kinds, labels
from novacron.core.capabilities import Capabilities
from novacron.core.manifest import Kind, Manifest, Ref, ref
from novacron.stack import pods

_CAPACITY = (kinds.LIMIT_RANGE, kinds.RESOURCE_QUOTA, kinds.AUTOSCALER, kinds.DISRUPTION_BUDGET)
"""Kinds of which somebody else's objects decide whether our pods can run: read without a selector."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Args:
    children: what carries our labels, complete.
    around: all objects of the capacity kinds in the namespace, ours included.
    """

    children: Mapping[Ref, Manifest]
    around: Mapping[str, tuple[Manifest, ...]]


async def snapshot(
    kube: Kube, namespace: str, instance: str, capabilities: Capabilities, may_have: Callable[[Kind], bool]
) -> Snapshot:
    """Lists every kind of child that the resource may have.

    Args:
        may_have: False where the watch of a kind knows that there is none, which saves the question.
    """
    selector = labels.owned(instance)
    wanted = [kind for kind in kinds.CHILDREN if capabilities.serves(kind) and kind not in _CAPACITY and may_have(kind)]
    own, around = await asyncio.gather(
        asyncio.gather(*(kube.list(kind, namespace, label_selector=selector) for kind in wanted)),
        asyncio.gather(*(kube.list(kind, namespace) for kind in _CAPACITY)),
    )
    children = {ref(item): item for page in own for item in page.items}
    for page in around:
        children |= {ref(item): item for item in page.items if _is_owned(item, instance)}
    return Snapshot(children, {kind.kind: page.items for kind, page in zip(_CAPACITY, around, strict=True)})


def _is_owned(item: Manifest, instance: str) -> bool:
    found: dict[str, str] = item["metadata"].get("labels", {})
    return found.get(labels.MANAGED_BY) == labels.MANAGER and found.get(labels.INSTANCE) == instance


async def taken(
    kube: Kube, namespace: str, absent: Collection[Ref], around: Mapping[str, tuple[Manifest, ...]]
) -> dict[Ref, Manifest]:
    """Objects that stand under wanted names without our labels; only the names alone are of interest."""
    unknown = sorted({kinds.BY_KIND[key.kind] for key in absent if key.kind not in around})
    pages = await asyncio.gather(*(kube.list(kind, namespace, metadata_only=True) for kind in unknown))
    found = [item for page in pages for item in page.items]
    found += [item for items in around.values() for item in items]
    return {ref(item): item for item in found if ref(item) in absent}


async def pod_problems(kube: Kube, namespace: str, instance: str) -> Mapping[str, str]:
    """Workload -> why its pods do not start."""
    listed, events = await asyncio.gather(
        kube.list(kinds.POD, namespace, label_selector=labels.owned(instance)),
        kube.list(kinds.CORE_EVENT, namespace, field_selector="reason=FailedMount,involvedObject.kind=Pod"),
    )
    return pods.problems(listed.items, events.items)
