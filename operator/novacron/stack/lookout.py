"""What a pass sees of one NovaCron, and what it means to do: before its writes, and after them.

A look also brings the signing keys to what is due: what mounts or shows them is planned by how they are.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import orjson

from novacron.adapters import clock
from novacron.adapters.kube import Kube
from novacron.adapters.recorder import Recorder
from novacron.api.v1alpha1 import NovaCron
from novacron.auth import controller as keeping
from novacron.auth.status import Keys
from novacron.core import kinds, names
from novacron.core.capabilities import Capabilities
from novacron.core.manifest import Kind, Manifest, Ref, at, ref
from novacron.core.plan import Refuse, Step, Wanted, plan
from novacron.stack import asking, capacity, desired, gather, migration, rollout, sizing, tell
from novacron.stack.act import Outcome
from novacron.stack.memory import Memory
from novacron.stack.observed import Observed
from novacron.stack.pulse import Pulse


@dataclass(frozen=True, slots=True)
class Look:
    """What a pass saw and means to do."""

    capabilities: Capabilities
    snapshot: gather.Snapshot
    wanted: Wanted
    steps: tuple[Step, ...]
    keys: Keys


class Lookout:
    """Looks; belongs to the controller, whose arguments these are."""

    def __init__(
        self,
        kube: Kube,
        recorder: Recorder,
        capabilities: Callable[[], Capabilities],
        may_have: Callable[[Kind, str, str], bool],
        keeper: keeping.KeyKeeper,
        pulse: Pulse | None,
    ) -> None:
        self._kube = kube
        self._recorder = recorder
        self._capabilities = capabilities
        self._may_have = may_have
        self._keeper = keeper
        self._pulse = pulse

    async def look(self, body: Manifest, resource: NovaCron, memory: Memory) -> Look:
        """Everything of it in its namespace, the keys, and the plan that follows."""
        namespace, name = resource.metadata.namespace, resource.metadata.name
        capabilities = self._capabilities()
        snapshot = await gather.snapshot(
            self._kube, namespace, name, capabilities, lambda kind: self._may_have(kind, namespace, name)
        )
        keys = await self._kept(body, resource, snapshot.children.get(key_set(resource)))
        limit = sizing.limit(resource, body, snapshot.around)
        complete = desired.wanted(resource, capabilities, snapshot.children, keys.document, limit)
        jobs = migration.with_jobs(complete, resource, snapshot.children)
        wanted = migration.in_turn(jobs, resource, snapshot.children)
        memory.suspected &= {ref(manifest) for manifest in wanted.manifests} - snapshot.children.keys()
        taken = await gather.taken(self._kube, namespace, memory.suspected, snapshot.around)
        undisturbed = _undisturbed(body, wanted, memory)
        tolerated = {(child, name) for child, fields in memory.tolerated.items() for name in fields}
        steps = plan(wanted, snapshot.children, taken, body["metadata"]["uid"], undisturbed, tolerated)
        return Look(capabilities, snapshot, wanted, steps, keys)

    async def _kept(self, body: Manifest, resource: NovaCron, key_set: Manifest | None) -> Keys:
        """The signing keys, brought to what is due: before anything that mounts or shows them."""
        keys = await self._keeper.keep(resource, keeping.asked(body, key_set, clock.now().timestamp()))
        await tell.keys(self._recorder, body, keys)
        return keys

    async def observed(
        self, body: Manifest, resource: NovaCron, look: Look, outcome: Outcome, memory: Memory
    ) -> Observed:
        """What the judge gets: what is there after the writes, and what pods show and say."""
        children = {
            child: item
            for child, item in {**look.snapshot.children, **outcome.written}.items()
            if child not in outcome.deleted
        }
        incomplete = rollout.incomplete(resource, children)
        pods = gather.Pods()
        job = migration.unfinished(resource, children)
        waited_for = any(at(item, "status", "replicas") for item in incomplete.values())
        if waited_for or job is not None or migration.upkeep_failed(resource, children):
            workloads = self._pulse.workloads if self._pulse is not None else None
            pods = await gather.living(self._kube, workloads, resource, incomplete, job, clock.now())
        key = (resource.metadata.namespace, resource.metadata.name)
        heard = self._pulse.heard(key) if self._pulse is not None else {}
        known = sizing.facts(resource, body, look.snapshot.around)
        sized = await gather.memory(
            self._kube, resource, known, children, look.snapshot.around, heard, memory, clock.now()
        )
        return Observed(
            resource,
            look.capabilities,
            frozenset(ref(manifest) for manifest in look.wanted.manifests),
            children,
            tuple(step for step in look.steps if isinstance(step, Refuse)),
            outcome.failures,
            memory.tolerated,
            tuple(capacity.check(resource, look.snapshot.around)),
            capacity.sums(resource),
            memory.noticed(pods.problems, clock.monotonic()),
            memory.contested(clock.monotonic()),
            asking.question(body, resource, children, pods.said, within_reach=self._pulse is not None, memory=sized),
            heard,
            look.keys,
            pods.outdated,
            pods.migration,
            pods.upkeep,
            pods.missing,
        )


def _undisturbed(body: Manifest, wanted: Wanted, memory: Memory) -> bool | None:
    """Whether a difference is drift. After a start nothing is remembered: then only what others wrote tells."""
    before, memory.wanted = memory.wanted, hash(orjson.dumps(wanted.manifests))
    if before != memory.wanted:
        # another wish is another try: what mutated our writes may be gone, and memory may suffice
        memory.tolerated.clear()
        memory.troubles.clear()
    if at(body, "status", "observedGeneration") != body["metadata"]["generation"]:
        return False
    return before == memory.wanted if before else None


def key_set(resource: NovaCron) -> Ref:
    """The ConfigMap that shows the public signing keys."""
    return Ref(kinds.CONFIG_MAP.kind, resource.metadata.namespace, names.jwks(resource.metadata.name))
