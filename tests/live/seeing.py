"""What a seeing operator does: a user's edit has its effect, a deleted child returns."""

from __future__ import annotations

import time

from novacron.core import kinds
from novacron.core.manifest import ref
from tests.support import jobs
from tests.support.arena import Arena
from tests.support.waiting import until

CHILDREN = tuple(kind.resource for kind in kinds.CHILDREN)
SOON = 60.0
"""Seconds within which a change must have its effect once a fault is over. Backoffs end at 30; a resource that is Ready
is looked at again without a reason only after minutes, so that what comes sooner was seen."""


def image_is(arena: Arena, version: str) -> bool:
    pod = arena.place.child("Deployment", "novacron-ml")["spec"]["template"]["spec"]
    return bool(pod["containers"][0]["image"] == f"novacron/novacron:{version}")


def sees_edits(arena: Arena, seconds: float = SOON) -> None:
    version = f"v{time.monotonic_ns()}"
    arena.place.edit({"version": version})
    until(lambda: image_is(arena, version), f"the edit of {arena.namespace} has its effect", seconds)


def sees_children(arena: Arena, seconds: float = SOON) -> None:
    """One child of every kind that exists; of Jobs the newest, as those of earlier versions are made once."""
    children = sorted(arena.place.children().values(), key=lambda item: item["metadata"]["creationTimestamp"])
    gone = list({child["kind"]: ref(child) for child in children}.values())
    for child in gone:
        arena.client.delete(child.kind, arena.namespace, child.name)

    def back() -> bool:
        jobs.play(arena.client, arena.namespace)  # Deployments come after the Job
        missing = [child for child in gone if arena.client.get(child.kind, arena.namespace, child.name) is None]
        assert not missing, missing
        return True

    until(back, f"deleted children of {arena.namespace} are back", seconds)


def sees_everything(arena: Arena, seconds: float = SOON) -> None:
    arena.until_ready()
    sees_edits(arena, seconds)
    arena.until_ready()
    sees_children(arena, seconds)
    assert arena.operator.alive()
    assert arena.operator.health() == (200, "ok")
