"""One pass over one NovaCron: parse, gather, desired, plan, act, judge, status. Level-triggered: no history decides.

What is kept between passes only saves work or stops a fight with a mutating webhook; losing it costs one more pass.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import orjson
import structlog

from novacron.adapters import clock
from novacron.adapters.kube import Conflict, Forbidden, Kube, NamespaceTerminating, NotFound
from novacron.adapters.recorder import Recorder
from novacron.api.v1alpha1 import InvalidResource, NovaCron, validate
from novacron.auth import controller as keeping
from novacron.auth import status as auth
from novacron.auth.status import Keys
from novacron.core import conditions, kinds, labels, names
from novacron.core.capabilities import Capabilities
from novacron.core.conditions import Condition
from novacron.core.manifest import Kind, Manifest, Ref, at, ref
from novacron.core.plan import Refuse, Step, Wanted, plan, set_back
from novacron.ml.domain.sizing import Verdict
from novacron.stack import (
    asking,
    capacity,
    dependencies,
    desired,
    forgotten,
    gather,
    migration,
    resync,
    rollout,
    sizing,
    status,
    tell,
)
from novacron.stack.act import Outcome, act
from novacron.stack.memory import Memory
from novacron.stack.observed import Observed
from novacron.stack.pulse import Pulse
from novacron.stack.queue import Key

_log = structlog.get_logger(__name__)

_CONTESTED_RESYNC = 120.0
"""Seconds until a pass while somebody fights: that it is over should be seen soon."""
_REMEMBERED = 0.75 * resync.SETTLED_RESYNC


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
    due: float = float("inf")
    """Seconds until something has its time: to be looked at then, where ``again`` may be a little sooner or later."""
    signs_since: int | None = None
    """When the active signing key was activated, in seconds since the epoch; None: no pass looked at it."""


@dataclass(frozen=True, slots=True)
class Look:
    """What a pass saw and means to do."""

    capabilities: Capabilities
    snapshot: gather.Snapshot
    wanted: Wanted
    steps: tuple[Step, ...]
    keys: Keys


class Controller:
    """Makes passes; one at a time for each key, which the queue guarantees.

    Args:
        capabilities: of the cluster, as last asked.
        may_have: whether a resource may have children of a kind, from the watches.
        wrote: told of every write, so that its echo is no news.
        keeper: of the signing keys.
        pulse: None where workloads are out of the operator's reach.
    """

    def __init__(
        self,
        kube: Kube,
        recorder: Recorder,
        capabilities: Callable[[], Capabilities],
        may_have: Callable[[Kind, str, str], bool],
        wrote: Callable[[Manifest], None],
        keeper: keeping.KeyKeeper,
        pulse: Pulse | None = None,
    ) -> None:
        self._kube = kube
        self._recorder = recorder
        self._capabilities = capabilities
        self._may_have = may_have
        self._wrote = wrote
        self._keeper = keeper
        self._pulse = pulse
        self._memory: dict[Key, Memory] = {}

    def reset(self) -> None:
        """Drops everything kept between passes: another process may have written since."""
        self._memory.clear()
        if self._pulse is not None:
            self._pulse.reset()

    async def reconcile(self, key: Key) -> Result:
        """One pass.

        Raises:
            ApiError, NotLeading: nothing is lost, make the pass again.
        """
        namespace, name = key
        if self._pulse is not None:
            self._pulse.leave(key)  # until this pass knows whom to ask
        page = await self._kube.list(kinds.NOVACRON, namespace)
        body = next((item for item in page.items if item["metadata"]["name"] == name), None)
        if body is None:
            self._memory.pop(key, None)
            if self._pulse is not None:
                self._pulse.forget(key)
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
            # it takes the resource along: nothing can be made, and nobody need be told
            return Result(resync.UNSETTLED_RESYNC)
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
            memory = self._memory[key] = memory.renewed(now)
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
        observed = await self._observed(body, resource, look, outcome, memory)
        asked = await forgotten.ask(self._kube, self._recorder, body, look.wanted, observed, self._wrote, clock.now())
        verdict = status.judge(observed)
        settled = not rollout.incomplete(resource, observed.children)
        step = sizing.step(observed)
        result = await self._report(
            body,
            verdict,
            status.components(observed),
            resource.spec.version,
            keys=auth.component(look.keys),
            learned=sizing.component(resource, body, step),
            settled=settled,
        )
        again = result.again
        if step is not None and again is not None:
            again = min(again, step.seconds)
            if step.verdict is Verdict.GROWING:
                await tell.limit_raised(self._recorder, body, verdict)
        if observed.contested and again is not None:
            again = min(again, _CONTESTED_RESYNC)
        if again is not None:
            again = min(again, memory.trouble_ends(clock.monotonic()))
            self._listen(resource, observed)
        return Result(
            again,
            result.conditions,
            result.writes + len(outcome.done) + look.keys.writes + asked,
            bool(outcome.failures) or look.keys.failed,
            tuple(dict.fromkeys(child for child, _name in undone)),
            bool(observed.contested),
            keeping.due(look.keys, observed.children.get(_key_set(resource))),
            look.keys.signs_since,
        )

    async def _look(self, body: Manifest, resource: NovaCron, memory: Memory) -> Look:
        namespace, name = resource.metadata.namespace, resource.metadata.name
        capabilities = self._capabilities()
        snapshot = await gather.snapshot(
            self._kube, namespace, name, capabilities, lambda kind: self._may_have(kind, namespace, name)
        )
        keys = await self._kept(body, resource, snapshot.children.get(_key_set(resource)))
        limit = sizing.limit(resource, body, snapshot.around)
        complete = desired.wanted(resource, capabilities, snapshot.children, keys.document, limit)
        jobs = migration.with_jobs(complete, resource, snapshot.children)
        wanted = migration.in_turn(jobs, resource, snapshot.children)
        memory.suspected &= {ref(manifest) for manifest in wanted.manifests} - snapshot.children.keys()
        taken = await gather.taken(self._kube, namespace, memory.suspected, snapshot.around)
        undisturbed = self._undisturbed(body, wanted, memory)
        tolerated = {(child, name) for child, fields in memory.tolerated.items() for name in fields}
        steps = plan(wanted, snapshot.children, taken, body["metadata"]["uid"], undisturbed, tolerated)
        return Look(capabilities, snapshot, wanted, steps, keys)

    async def _kept(self, body: Manifest, resource: NovaCron, key_set: Manifest | None) -> Keys:
        """The signing keys, brought to what is due: before anything that mounts or shows them."""
        keys = await self._keeper.keep(resource, keeping.asked(body, key_set, clock.now().timestamp()))
        await tell.keys(self._recorder, body, keys)
        return keys

    async def _act(self, body: Manifest, steps: tuple[Step, ...], outcome: Outcome) -> None:
        try:
            await act(self._kube, steps, self._wrote, outcome)
        except Conflict:
            # the pass is made again, and that one knows nothing of what this one did
            await tell.work(self._recorder, body, outcome)
            raise

    async def _observed(
        self, body: Manifest, resource: NovaCron, look: Look, outcome: Outcome, memory: Memory
    ) -> Observed:
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

    def _listen(self, resource: NovaCron, observed: Observed) -> None:
        """Between passes the pulse asks what serves, and calls when the answers change what was just judged."""
        if self._pulse is None:
            return
        shown = dependencies.conditions(observed.question, observed.heard)
        key = (resource.metadata.namespace, resource.metadata.name)
        self._pulse.follow(key, asking.targets(resource, observed.children), observed.question, shown)

    def _undisturbed(self, body: Manifest, wanted: Wanted, memory: Memory) -> bool | None:
        """Whether a difference is drift. After a start nothing is remembered: then only what others wrote tells."""
        before, memory.wanted = memory.wanted, hash(orjson.dumps(wanted.manifests))
        if before != memory.wanted:
            # another wish is another try: what mutated our writes may be gone, and memory may suffice
            memory.tolerated.clear()
            memory.troubles.clear()
        if at(body, "status", "observedGeneration") != body["metadata"]["generation"]:
            return False
        return before == memory.wanted if before else None

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
        keys: Manifest | None = None,
        learned: Manifest | None = None,
        generation: int | None = None,
        *,
        settled: bool = True,
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
        # what is known of keys and memory stays while nobody looks at them
        known = {
            "components": components,
            "version": version,
            "auth": keys or before.get("auth"),
            "ml": learned or before.get("ml"),
        }
        after |= {key: value for key, value in known.items() if value is not None}
        memory = self._recalled((meta["namespace"], meta["name"]), meta["uid"])
        waiting = sum(one.waits for one in self._memory.values())
        again = resync.again(memory, verdict, clock.monotonic(), settled=settled, waiting=waiting)
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


def _key_set(resource: NovaCron) -> Ref:
    return Ref(kinds.CONFIG_MAP.kind, resource.metadata.namespace, names.jwks(resource.metadata.name))


def _known(reason: str) -> str:
    """A reason that this version has; a newer one may have written others."""
    return reason if reason in conditions.REASONS else "Unobserved"
