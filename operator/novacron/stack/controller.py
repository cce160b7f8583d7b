"""One pass over one NovaCron: parse, gather, desired, plan, act, judge, status. Level-triggered: no history decides.

What is kept between passes only saves work or stops a fight with a mutating webhook; losing it costs one more pass.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson
import structlog

from novacron.adapters import clock
from novacron.adapters.kube import Forbidden, Kube, NotFound
from novacron.adapters.recorder import Recorder
from novacron.api.v1alpha1 import InvalidResource, NovaCron, validate
from novacron.core import conditions, drift, events, kinds, labels
from novacron.core.capabilities import Capabilities
from novacron.core.conditions import Condition
from novacron.core.manifest import Kind, Manifest, Ref, at, ref
from novacron.core.plan import Apply, Delete, Refuse, Scale, Scrub, Step, Wanted, plan
from novacron.stack import capacity, desired, gather, rollout, status
from novacron.stack.act import Outcome, act
from novacron.stack.observed import Observed
from novacron.stack.queue import Key

_log = structlog.get_logger(__name__)

SETTLED_RESYNC = 600.0
"""Seconds until a Ready resource is looked at again without any event."""
UNSETTLED_RESYNC = 15.0
"""The same while something is awaited that no watch tells of: pods, somebody else's objects. It doubles while the
verdict stays the same: a thousand resources that wait for one outage must not keep the API server busy."""
_UNSETTLED_MOST = 300.0
_REMEMBERED = 0.75 * SETTLED_RESYNC
_STALLING = frozenset({"InvalidSpec", "NamespaceTaken", "NameConflict", "ProgressDeadlineExceeded"})


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


@dataclass(slots=True)
class Memory:
    """What a pass leaves for the next one of the same resource."""

    uid: str
    since: float
    verdict: tuple[Condition, ...] = ()
    unchanged: int = 0
    """How many passes in a row gave this verdict."""
    wanted: int = 0
    """Of the manifests of the last pass: a hash."""
    tolerated: dict[Ref, tuple[str, ...]] = field(default_factory=dict)
    suspected: set[Ref] = field(default_factory=set)
    """Wanted names under which somebody else's object stood."""


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
            Unreachable, Conflict, NotLeading: nothing is lost, make the pass again.
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
        except InvalidResource as error:
            return await self._report(body, status.unexamined("InvalidSpec", str(error)))
        except Forbidden as error:
            message = f"The operator lacks a right, so nothing is known or done: {error}; install its current RBAC"
            return await self._report(body, status.unexamined("RightMissing", message, stalled=False))

    def _recalled(self, key: Key, uid: str) -> Memory:
        """What the last passes left; forgotten now and then, so that a fight that is over is noticed."""
        memory = self._memory.get(key)
        if memory is None or memory.uid != uid or clock.monotonic() - memory.since > _REMEMBERED:
            memory = self._memory[key] = Memory(uid, clock.monotonic())
        return memory

    async def _bring(self, body: Manifest, resource: NovaCron, memory: Memory) -> Result:
        """Plans, writes and judges a resource that may be acted on."""
        namespace, name = resource.metadata.namespace, resource.metadata.name
        capabilities = self._capabilities()
        snapshot = await gather.snapshot(
            self._kube, namespace, name, capabilities, lambda kind: self._may_have(kind, namespace, name)
        )
        wanted = desired.wanted(resource, capabilities, snapshot.children)
        absent = {ref(manifest) for manifest in wanted.manifests} - snapshot.children.keys()
        memory.suspected &= absent
        taken = await gather.taken(self._kube, namespace, memory.suspected, snapshot.around)
        undisturbed = self._undisturbed(body, snapshot.children, wanted, memory)
        steps = plan(
            wanted,
            snapshot.children,
            taken,
            body["metadata"]["uid"],
            undisturbed,
            {(child, name) for child, fields in memory.tolerated.items() for name in fields},
        )
        outcome = await act(self._kube, steps, self._wrote)
        if outcome.taken:
            memory.suspected |= outcome.taken
            return await self._bring(body, resource, memory)
        memory.tolerated |= outcome.persistent
        memory.tolerated = {child: fields for child, fields in memory.tolerated.items() if child in snapshot.children}
        await self._tell(body, steps, outcome)
        names = frozenset(ref(manifest) for manifest in wanted.manifests)
        children = {
            child: item
            for child, item in {**snapshot.children, **outcome.written}.items()
            if child not in outcome.deleted
        }
        observed = Observed(
            resource,
            capabilities,
            names,
            children,
            tuple(step for step in steps if isinstance(step, Refuse)),
            outcome.failures,
            memory.tolerated,
            tuple(capacity.check(resource, snapshot.around)),
            capacity.sums(resource),
            await self._pod_problems(resource, children),
        )
        result = await self._report(body, status.judge(observed), status.components(observed), resource.spec.version)
        repaired = tuple(step.ref for step in outcome.done if isinstance(step, Scrub) or _is_repair(step))
        writes = result.writes + len(outcome.done)
        return Result(result.again, result.conditions, writes, bool(outcome.failures), repaired)

    def _undisturbed(self, body: Manifest, children: Mapping[Ref, Manifest], wanted: Wanted, memory: Memory) -> bool:
        """Whether a difference is drift. After a start nothing is remembered: then only what others wrote tells."""
        before, memory.wanted = memory.wanted, hash(orjson.dumps(wanted.manifests))
        if before != memory.wanted:
            memory.tolerated.clear()  # another wish is another try: what mutated our writes may be gone
        if at(body, "status", "observedGeneration") != body["metadata"]["generation"]:
            return False
        if before:
            return before == memory.wanted
        return any(drift.touched_by_others(child) for child in children.values())

    async def _pod_problems(self, resource: NovaCron, children: Mapping[Ref, Manifest]) -> Mapping[str, str]:
        """Looked up only where a Deployment that already has pods is not available."""
        for child, item in children.items():
            if child.kind != "Deployment" or not at(item, "status", "replicas"):
                continue
            if not rollout.available(item, 1):
                return await gather.pod_problems(self._kube, resource.metadata.namespace, resource.metadata.name)
        return {}

    async def _paused(self, body: Manifest) -> Result:
        """Children untouched; the last verdicts stand, and so does the observed generation."""
        kept = [
            Condition(item["type"], item["status"], item["reason"], item["message"])
            for item in at(body, "status", "conditions", default=[])
            if item["type"] in conditions.TYPES
            and item["type"] != conditions.PAUSED
            and item["reason"] in conditions.REASONS
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
        await self._tell_ready(body, before, verdict)
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

    async def _tell_ready(self, body: Manifest, before: Manifest, verdict: tuple[Condition, ...]) -> None:
        was: Manifest = next((item for item in before.get("conditions", ()) if item["type"] == conditions.READY), {})
        ready = next(item for item in verdict if item.type == conditions.READY)
        if ready.status == "True" != was.get("status"):
            await self._recorder.record(body, events.READY, "Judge", ready.message)
            return
        worth_telling = was.get("status") == "True" or ready.reason in _STALLING
        if ready.status == "False" and worth_telling and was.get("reason") != ready.reason:
            note = f"{ready.reason}: {ready.message}"
            await self._recorder.record(body, events.NOT_READY, "Judge", note, "Warning")

    async def _tell(self, body: Manifest, steps: tuple[Step, ...], outcome: Outcome) -> None:
        """One event for each thing that happened, naming the objects."""
        done: dict[str, list[str]] = {}
        for step in outcome.done:
            match step:
                case Apply(cause="created"):
                    done.setdefault(events.CREATED, []).append(str(step.ref))
                case Apply(cause="changed"):
                    done.setdefault(events.UPDATED, []).append(str(step.ref))
                case Apply():
                    done.setdefault(events.REPAIRED, []).append(f"{step.ref} ({', '.join(step.fields)})")
                case Scrub():
                    where = ", ".join(".".join(map(str, path)) for path in step.additions)
                    done.setdefault(events.ADDITION_REMOVED, []).append(f"{step.ref} ({where})")
                case Delete():
                    done.setdefault(events.PRUNED, []).append(str(step.ref))
                case Scale():
                    continue
        for reason, objects in done.items():
            kind: Any = "Warning" if reason in (events.REPAIRED, events.ADDITION_REMOVED) else "Normal"
            await self._recorder.record(
                body, reason, "Reconcile", f"{events.REASONS[reason]} {', '.join(objects)}", kind
            )
        for child, text in outcome.failures.items():
            await self._recorder.record(body, events.WRITE_FAILED, "Reconcile", f"{child}: {text}", "Warning")


def _is_repair(step: Step) -> bool:
    return isinstance(step, Apply) and step.cause == "drifted"
