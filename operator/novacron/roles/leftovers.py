"""What is there without a NovaCron: children that garbage collection has not taken, and keys that stay on purpose."""

from __future__ import annotations

import asyncio
from collections.abc import Collection

from novacron.adapters.kube import ApiError, Kube
from novacron.core import kinds, labels, names
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


async def kept_keys(kube: Kube, namespace: str) -> list[str]:
    """``Secret/name`` of the keys of a namespace, which outlive its NovaCron; only their names are read, if that."""
    found = await asyncio.gather(*(_is_there(kube, namespace, name) for name in names.KEYS))
    return [f"Secret/{name}" for name, there in zip(names.KEYS, found, strict=True) if there]


async def _is_there(kube: Kube, namespace: str, name: str) -> bool:
    try:
        await kube.metadata(kinds.SECRET, namespace, name)
    except ApiError as error:
        if error.code in (403, 404):
            return False
        raise
    return True


async def _labelled(kube: Kube, kind: Kind, namespace: str) -> tuple[Manifest, ...]:
    try:
        return (await kube.list(kind, namespace, label_selector=labels.OWNED_SELECTOR, metadata_only=True)).items
    except ApiError as error:
        if error.code in (403, 404):
            return ()
        raise
