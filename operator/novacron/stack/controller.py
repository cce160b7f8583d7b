"""One pass over one NovaCron: parse, gather, desired, plan, act, judge, status. Level-triggered: no history decides.

What is kept between passes only saves work or stops a fight with a mutating webhook; losing it costs one more pass.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import orjson
import structlog

from novacron.adapters import clock
from novacron.adapters.kube import Conflict, Forbidden, Kube, NamespaceTerminating, NotFound
from novacron.adapters.recorder import Recorder
from novacron.api.v1alpha1 import InvalidResource, NovaCron, validate
from novacron.core import conditions, kinds, labels
from novacron.core.capabilities import Capabilities
from novacron.core.conditions import Condition
from novacron.core.manifest import Kind, Manifest, Ref, at, ref
from novacron.core.plan import Refuse, Step, Wanted, plan, set_back
from novacron.stack import capacity, desired, gather, rollout, status, tell
from novacron.stack.act import Outcome, act
from novacron.stack.memory import Memory
from novacron.stack.observed import Observed
from novacron.stack.queue import Key

_log = structlog.get_logger(__name__)

SETTLED_RESYNC = 600.0
"""Seconds until a Ready resource is looked at again without any event."""
UNSETTLED_RESYNC = 15.0
"""The same while something is awaited that no watch tells of: pods, somebody else's objects. It doubles while the
verdict stays the same: a thousand resources that wait for one outage must not keep the API server busy."""
_UNSETTLED_MOST = 300.0
_CONTESTED_RESYNC = 120.0
"""The same while somebody fights: that it is over should be seen soon."""
_REMEMBERED = 0.75 * SETTLED_RESYNC


@dataclass(frozen=True, slots=True)
class Result:
    """When to look again, in seconds; None when the resource is gone."""

    again: float | None
    conditions: tuple[Condition, ...] = ()
    writes: int = 0
    failed: bool = False
    """Whether a write was refused: to be tried again soon, then less and less often."""
    repaired: tuple[Ref, ...] = ()
    """Children in which somebody else's change was undone."""
    contested: bool = False
    """Whether somebody changes again at once what is set back: to be repaired, but not at the speed of events."""


@dataclass(frozen=True, slots=True)
class Look:
    """What a pass saw and means to do."""

    capabilities: Capabilities
    snapshot: gather.Snapshot
    wanted: Wanted
    steps: tuple[Step, ...]


class Controller:
    """Makes passes; one at a time for each key, which the queue guarantees.

    Args:
        capabilities: of the cluster, as last asked.
        may_have: whether a resource may have children of a kind, from the watches.
        wrote: told of every write, so that its echo is no news.
    """

    def __init__(
        self,
        kube: Kube,
        recorder: Recorder,
        capabilities: Callable[[], Capabilities],
        may_have: Callable[[Kind, str, str], bool],
        wrote: Callable[[Manifest], None],
    ) -> None:
        self._kube = kube
        self._recorder = recorder
        self._capabilities = capabilities
        self._may_have = may_have
        self._wrote = wrote
        self._memory: dict[Key, Memory] = {}

    def reset(self) -> None:
        """Drops everything kept between passes: another process may have written since."""
        self._memory.clear()

    async def reconcile(self, key: Key) -> Result:
        """One pass.

        Raises:
            ApiError, NotLeading: nothing is lost, make the pass again.
        """
        namespace, name = key
        page = await self._kube.list(kinds.NOVACRON, namespace)
        body = next((item for item in page.items if item["metadata"]["name"] == name), None)
        if body is None:
            self._memory.pop(key, None)
            return Result(None)
        first = min(page.items, key=lambda item: (item["metadata"]["creationTimestamp"], item["metadata"]["uid"]))
        if first is not body:
            message = (
                f"NovaCron/{first['metadata']['name']} came first in this namespace, and one namespace holds one; "
                "delete that one, or create this one in a namespace of its own"
            )
            return await self._report(body, status.unexamined("NamespaceTaken", message))
        if at(body, "metadata", "deletionTimestamp") is not None:
            return await self._deleting(body)
        return await self._examine(body, self._recalled(key, body["metadata"]["uid"]))

    async def _examine(self, body: Manifest, memory: Memory) -> Result:
        """The rest of a pass over the resource that holds its namespace."""
        if at(body, "metadata", "annotations", labels.PAUSED) == "true":
            return await self._paused(body)
        try:
            return await self._bring(body, validate(body), memory)
        except NamespaceTerminating:
            return Result(UNSETTLED_RESYNC)  # it takes the resource along: nothing can be made, and nobody need be told
        except InvalidResource as error:
            return await self._report(body, status.unexamined("InvalidSpec", str(error)))
        except Forbidden as error:
            message = f"The operator lacks a right, so nothing is known or done: {error}; install its current RBAC"
            return await self._report(body, status.unexamined("RightMissing", message, stalled=False))

    def _recalled(self, key: Key, uid: str) -> Memory:
        """What the last passes left; forgotten now and then, so that a fight that is over is noticed."""
        memory, now = self._memory.get(key), clock.monotonic()
        if memory is None or memory.uid != uid:
            memory = self._memory[key] = Memory(uid, now)
        elif now - memory.since > _REMEMBERED:
            memory = self._memory[key] = Memory(uid, now, repairs=memory.repairs)
        return memory

    async def _bring(self, body: Manifest, resource: NovaCron, memory: Memory) -> Result:
        """Plans, writes and judges a resource that may be acted on."""
        outcome = Outcome()
        look = await self._look(body, resource, memory)
        await self._act(body, look.steps, outcome)
        if outcome.taken:  # one more look tells whose objects those are
            memory.suspected |= outcome.taken.keys()
            outcome.forget_objects()
            look = await self._look(body, resource, memory)
            await self._act(body, look.steps, outcome)
            outcome.failures |= outcome.taken
        memory.tolerate(outcome.persistent)
        memory.tolerated = {
            child: names for child, names in memory.tolerated.items() if child in look.snapshot.children
        }
        undone = [
            (step.ref, name) for step in outcome.done for name in set_back(step, outcome.persistent.get(step.ref, ()))
        ]
        memory.repaired(undone, clock.monotonic())
        await tell.work(self._recorder, body, outcome)
        observed = await self._observed(resource, look, outcome, memory)
        result = await self._report(body, status.judge(observed), status.components(observed), resource.spec.version)
        again = result.again
        if observed.contested and again is not None:
            again = min(again, _CONTESTED_RESYNC)
        return Result(
            again,
            result.conditions,
            result.writes + len(outcome.done),
            bool(outcome.failures),
            tuple(dict.fromkeys(child for child, _name in undone)),
            bool(observed.contested),
        )

    async def _look(self, body: Manifest, resource: NovaCron, memory: Memory) -> Look:
        namespace, name = resource.metadata.namespace, resource.metadata.name
        capabilities = self._capabilities()
        snapshot = await gather.snapshot(
            self._kube, namespace, name, capabilities, lambda kind: self._may_have(kind, namespace, name)
        )
        wanted = desired.wanted(resource, capabilities, snapshot.children)
        memory.suspected &= {ref(manifest) for manifest in wanted.manifests} - snapshot.children.keys()
        taken = await gather.taken(self._kube, namespace, memory.suspected, snapshot.around)
        undisturbed = self._undisturbed(body, wanted, memory)
        tolerated = {(child, name) for child, fields in memory.tolerated.items() for name in fields}
        steps = plan(wanted, snapshot.children, taken, body["metadata"]["uid"], undisturbed, tolerated)
        return Look(capabilities, snapshot, wanted, steps)

    async def _act(self, body: Manifest, steps: tuple[Step, ...], outcome: Outcome) -> None:
        try:
            await act(self._kube, steps, self._wrote, outcome)
        except Conflict:
            # the pass is made again, and that one knows nothing of what this one did
            await tell.work(self._recorder, body, outcome)
            raise

    async def _observed(self, resource: NovaCron, look: Look, outcome: Outcome, memory: Memory) -> Observed:
        children = {
            child: item
            for child, item in {**look.snapshot.children, **outcome.written}.items()
            if child not in outcome.deleted
        }
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
            await self._pod_problems(resource, children),
            memory.contested(clock.monotonic()),
        )

    def _undisturbed(self, body: Manifest, wanted: Wanted, memory: Memory) -> bool | None:
        """Whether a difference is drift. After a start nothing is remembered: then only what others wrote tells."""
        before, memory.wanted = memory.wanted, hash(orjson.dumps(wanted.manifests))
        if before != memory.wanted:
            memory.tolerated.clear()  # another wish is another try: what mutated our writes may be gone
        if at(body, "status", "observedGeneration") != body["metadata"]["generation"]:
            return False
        return before == memory.wanted if before else None

    async def _pod_problems(self, resource: NovaCron, children: Mapping[Ref, Manifest]) -> Mapping[str, str]:
        """Looked up only where a Deployment that already has pods is not available."""
        for child, item in children.items():
            if child.kind != "Deployment" or not at(item, "status", "replicas"):
                continue
            workload = at(item, "metadata", "labels", labels.COMPONENT, default="")
            enabled = workload in resource.spec.workloads
            if enabled and not rollout.available(item, rollout.floor(resource, workload)):
                return await gather.pod_problems(self._kube, resource.metadata.namespace, resource.metadata.name)
        return {}

    async def _paused(self, body: Manifest) -> Result:
        """Children untouched; the last verdicts stand, and so does the observed generation."""
        kept = [
            Condition(item["type"], item["status"], _known(item["reason"]), item["message"])
            for item in at(body, "status", "conditions", default=[])
            if item["type"] in conditions.TYPES and item["type"] != conditions.PAUSED
        ]
        if not kept:
            kept = list(status.unexamined("PausedByAnnotation", "Paused before it was ever reconciled"))
            kept = [item for item in kept if item.type != conditions.PAUSED]
        message = f"The annotation {labels.PAUSED} is true; remove it to let the operator go on"
        paused = Condition(conditions.PAUSED, "True", "PausedByAnnotation", message)
        ordered = (*kept[:3], paused, *kept[3:])
        observed = at(body, "status", "observedGeneration", default=-1)
        return await self._report(
            body, ordered, at(body, "status", "components"), at(body, "status", "version"), generation=observed
        )

    async def _deleting(self, body: Manifest) -> Result:
        """Foreground deletion: garbage collection removes the children; say which are still there."""
        meta = body["metadata"]
        snapshot = await gather.snapshot(
            self._kube, meta["namespace"], meta["name"], self._capabilities(), lambda _kind: True
        )
        left = ", ".join(str(child) for child in sorted(snapshot.children)) or "nothing"
        report = status.unexamined("Deleting", f"Being deleted; still there: {left}")
        calm = {
            item.type: item
            for item in status.not_ready("Deleting", f"Being deleted; still there: {left}", stalled=False)
        }
        return await self._report(body, tuple(calm.get(item.type, item) for item in report))

    async def _report(
        self,
        body: Manifest,
        verdict: tuple[Condition, ...],
        components: list[Manifest] | None = None,
        version: str | None = None,
        generation: int | None = None,
    ) -> Result:
        """Writes the status if it differs from what stands, and an event when Ready flips."""
        meta = body["metadata"]
        observed = meta["generation"] if generation is None else generation
        before = body.get("status", {})
        now = clock.timestamp(clock.now())
        after: dict[str, Any] = {
            "observedGeneration": observed,
            "conditions": conditions.replaced(before.get("conditions", ()), verdict, observed, now),
        }
        after |= {key: value for key, value in (("components", components), ("version", version)) if value is not None}
        again = self._again(meta, verdict)
        if all(before.get(key) == value for key, value in after.items()):
            return Result(again, verdict)
        patch = {
            "apiVersion": labels.API_VERSION,
            "kind": labels.KIND,
            "metadata": {"name": meta["name"], "namespace": meta["namespace"], "uid": meta["uid"]},
            "status": after,
        }
        try:
            answer = await self._kube.apply_status(kinds.NOVACRON, patch)
        except NotFound:
            return Result(None)
        if answer["metadata"]["generation"] == meta["generation"]:
            self._wrote(answer)
        else:
            again = 0.0  # edited while this pass ran, and the echo of our write may be all that a watch shows
        await tell.readiness(self._recorder, body, before, verdict)
        return Result(again, verdict, 1)

    def _again(self, meta: Manifest, verdict: tuple[Condition, ...]) -> float:
        """Seconds until the resource is looked at again without an event."""
        if any(item.type == conditions.READY and item.status == "True" for item in verdict):
            return SETTLED_RESYNC
        memory = self._recalled((meta["namespace"], meta["name"]), meta["uid"])
        conflict = any(item.reason == "NameConflict" for item in verdict)  # a person is at work, and no watch tells
        memory.unchanged = memory.unchanged + 1 if memory.verdict == verdict and not conflict else 0
        memory.verdict = verdict
        return min(UNSETTLED_RESYNC * 2.0 ** min(memory.unchanged, 10), _UNSETTLED_MOST)


def _known(reason: str) -> str:
    """A reason that this version has; a newer one may have written others."""
    return reason if reason in conditions.REASONS else "Unobserved"
