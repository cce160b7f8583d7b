"""Asks External Secrets for a Secret that it holds to be written and pods miss (vault/status.py)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from novacron.adapters.kube import Kube
from novacron.adapters.recorder import Recorder
from novacron.core import events, kinds
from novacron.core.manifest import Manifest, owner_uids, ref
from novacron.core.plan import Apply, Wanted
from novacron.stack.act import Outcome, act
from novacron.stack.observed import Observed
from novacron.vault import status as vault


async def ask(
    kube: Kube,
    recorder: Recorder,
    body: Manifest,
    wanted: Wanted,
    observed: Observed,
    wrote: Callable[[Manifest], None],
    now: datetime,
) -> int:
    """How many it asked for. A write that is refused is tried again by a pass to come.

    Raises:
        Unreachable, Conflict, NotLeading, NamespaceTerminating: as act does.
    """
    manifests = {ref(item): item for item in wanted.manifests}
    own = body["metadata"]["uid"]
    there = [
        item
        for key, item in sorted(observed.children.items())
        if key.kind == kinds.EXTERNAL_SECRET.kind and key in manifests and own in owner_uids(item)
    ]
    steps = []
    for found in vault.forgotten(there, observed.missing, now):
        manifest = manifests[ref(found)]
        metadata = manifest["metadata"] | {"annotations": vault.requested(now)}
        steps.append(Apply(manifest | {"metadata": metadata}, "changed", ("metadata.annotations",), found))
    outcome = Outcome()
    await act(kube, steps, wrote, outcome)
    if outcome.done:
        names = ", ".join(str(step.ref) for step in outcome.done)
        await recorder.record(
            body, events.SYNC_REQUESTED, "AskForSync", f"{events.REASONS[events.SYNC_REQUESTED]} {names}"
        )
    return len(outcome.done)
