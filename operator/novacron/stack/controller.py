"""One pass over one NovaCron: parse, gather, desired, plan, act, judge, status. Level-triggered: no history decides.

What is kept between passes only saves work or stops a fight with a mutating webhook; losing it costs one more pass.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from novacron.adapters import clock
from novacron.adapters.kube import Conflict, Forbidden, Kube, NamespaceTerminating, NotFound
from novacron.adapters.recorder import Recorder
from novacron.api.v1alpha1 import InvalidResource, NovaCron, validate
from novacron.auth import controller as keeping
from novacron.auth import status as auth
from novacron.auth.status import Keys
from novacron.core import conditions, kinds, labels
from novacron.core.capabilities import Capabilities
from novacron.core.conditions import Condition
from novacron.core.manifest import Kind, Manifest, Ref, at
from novacron.core.plan import Step, set_back
from novacron.ml.domain.sizing import Verdict
from novacron.stack import (
    asking,
    dependencies,
    forgotten,
    gather,
    resync,
    rollout,
    sizing,
    status,
    tell,
    unexamined,
)
from novacron.stack.act import Outcome, act
from novacron.stack.lookout import Look, Lookout, key_set
from novacron.stack.memory import Memory
from novacron.stack.observed import Observed
from novacron.stack.pulse import Pulse
from novacron.stack.queue import Key

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
        self._wrote = wrote
        self._lookout = Lookout(kube, recorder, capabilities, may_have, keeper, pulse)
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
            return await self._report(body, unexamined.because("NamespaceTaken", message))
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
            return await self._report(body, unexamined.because("InvalidSpec", str(error)))
        except Forbidden as error:
            message = f"The operator lacks a right, so nothing is known or done: {error}; install its current RBAC"
            return await self._report(body, unexamined.because("RightMissing", message, stalled=False))

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
        look = await self._lookout.look(body, resource, memory)
        await self._act(body, look.steps, outcome)
        if outcome.taken:  # one more look tells whose objects those are
            memory.suspected |= outcome.taken.keys()
            outcome.forget_objects()
            look = await self._lookout.look(body, resource, memory)
            await self._act(body, look.steps, outcome)
            outcome.failures |= outcome.taken
        undone = _remembered(memory, look, outcome)
        await tell.work(self._recorder, body, outcome)
        observed = await self._lookout.observed(body, resource, look, outcome, memory)
        asked = await forgotten.ask(self._kube, self._recorder, body, look.wanted, observed, self._wrote, clock.now())
        result = await self._judge(body, resource, look.keys, observed, memory)
        return dataclasses.replace(
            result,
            writes=result.writes + len(outcome.done) + look.keys.writes + asked,
            failed=bool(outcome.failures) or look.keys.failed,
            repaired=tuple(dict.fromkeys(child for child, _name in undone)),
            contested=bool(observed.contested),
            due=keeping.due(look.keys, observed.children.get(key_set(resource))),
            signs_since=look.keys.signs_since,
        )

    async def _judge(
        self, body: Manifest, resource: NovaCron, keys: Keys, observed: Observed, memory: Memory
    ) -> Result:
        """The whole status of what a pass saw and did, and when to look again."""
        verdict, step = status.judge(observed), sizing.step(observed)
        result = await self._report(
            body,
            verdict,
            status.components(observed),
            resource.spec.version,
            keys=auth.component(keys),
            learned=sizing.component(resource, body, step),
            settled=not rollout.incomplete(resource, observed.children),
        )
        if result.again is None:
            return result
        due = [result.again, memory.trouble_ends(clock.monotonic())]
        if step is not None:
            due.append(step.seconds)
            if step.verdict is Verdict.GROWING:
                await tell.limit_raised(self._recorder, body, verdict)
        if observed.contested:
            due.append(_CONTESTED_RESYNC)
        self._listen(resource, observed)
        return dataclasses.replace(result, again=min(due))

    async def _act(self, body: Manifest, steps: tuple[Step, ...], outcome: Outcome) -> None:
        try:
            await act(self._kube, steps, self._wrote, outcome)
        except Conflict:
            # the pass is made again, and that one knows nothing of what this one did
            await tell.work(self._recorder, body, outcome)
            raise

    def _listen(self, resource: NovaCron, observed: Observed) -> None:
        """Between passes the pulse asks what serves, and calls when the answers change what was just judged."""
        if self._pulse is None:
            return
        shown = dependencies.conditions(observed.question, observed.heard)
        key = (resource.metadata.namespace, resource.metadata.name)
        self._pulse.follow(key, asking.targets(resource, observed.children), observed.question, shown)

    async def _paused(self, body: Manifest) -> Result:
        """Children untouched; the last verdicts stand, and so does the observed generation."""
        return await self._report(
            body,
            unexamined.paused(body),
            at(body, "status", "components"),
            at(body, "status", "version"),
            generation=at(body, "status", "observedGeneration", default=-1),
        )

    async def _deleting(self, body: Manifest) -> Result:
        """Foreground deletion: garbage collection removes the children; say which are still there."""
        meta = body["metadata"]
        snapshot = await gather.snapshot(
            self._kube, meta["namespace"], meta["name"], self._capabilities(), lambda _kind: True
        )
        left = ", ".join(str(child) for child in sorted(snapshot.children)) or "nothing"
        return await self._report(body, unexamined.deleting(left))

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


def _remembered(memory: Memory, look: Look, outcome: Outcome) -> list[tuple[Ref, str]]:
    """Takes note of what came of the writes; the fields in which somebody else's change was undone."""
    memory.tolerate(outcome.persistent)
    memory.tolerated = {child: names for child, names in memory.tolerated.items() if child in look.snapshot.children}
    undone = [
        (step.ref, name) for step in outcome.done for name in set_back(step, outcome.persistent.get(step.ref, ()))
    ]
    memory.repaired(undone, clock.monotonic())
    return undone
