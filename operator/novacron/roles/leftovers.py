"""Children whose NovaCron is gone: garbage collection takes them, unless something holds them."""

from __future__ import annotations

import asyncio
from collections.abc import Collection

from novacron.adapters.kube import ApiError, Kube
from novacron.core import kinds, labels
from novacron.core.manifest import Kind, Manifest


async def leftovers(kube: Kube, namespace: str, living: Collection[str]) -> list[str]:
    """``Kind/name`` of every object with our label whose instance no longer exists; kinds not served are skipped."""
    found = await asyncio.gather(*(_labelled(kube, kind, namespace) for kind in kinds.CHILDREN))
    return sorted(
        f"{item['kind']}/{item['metadata']['name']}"
        for items in found
        for item in items
        if item["metadata"]["labels"].get(labels.INSTANCE) not in living
    )


async def _labelled(kube: Kube, kind: Kind, namespace: str) -> tuple[Manifest, ...]:
    try:
        return (await kube.list(kind, namespace, label_selector=labels.OWNED_SELECTOR, metadata_only=True)).items
    except ApiError as error:
        if error.code in (403, 404):
            return ()
        raise
