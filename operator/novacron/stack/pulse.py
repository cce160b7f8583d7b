"""Asks the Services of resources at rest what their pods say of their credentials; the operator's ears between passes.

Passes over a resource at rest are ten minutes apart, and a refused login must be a condition before. One question to
each Service costs the API server nothing; only an answer that changes the condition asks for a pass.
A Service leads to any of its pods: what one pod says against its credentials counts at once, that all is well only when
it was heard so often that hardly a pod can have been missed.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

import structlog

from novacron.adapters.workloads import NoAnswer, Workloads
from novacron.core.conditions import Condition
from novacron.stack import dependencies
from novacron.stack.asking import Target
from novacron.stack.dependencies import Heard, Question
from novacron.stack.queue import Key

_log = structlog.get_logger(__name__)

PERIOD = 15.0
"""Seconds between two looks at one resource, while there are few."""
LEAST_SPACING = 0.05
"""Seconds between the looks at two resources: with more than 300 of them the period grows."""
_AT_ONCE = 16
_SILENCES = 3
"""So many questions in a row without an answer count as silence: one may be lost to a rollout."""
_REPEATED = 4
"""Questions of one look to a workload that complained."""
_ALL_CLEAR = 12
"""Good answers in a row, at most, until a complaint counts as settled: three for each pod."""


@dataclass(frozen=True, slots=True)
class Ear:
    """What was heard of one workload, and how sure that is.

    Args:
        known: False until there is anything to tell.
    """

    heard: Heard = None
    known: bool = False
    good: int = 0
    silent: int = 0

    def after(self, answer: Heard, pods: int) -> Ear:
        """With one more answer; None: there was none."""
        if answer is None:
            silent = self.silent + 1
            return Ear(None, True, 0, silent) if silent >= _SILENCES else Ear(self.heard, self.known, 0, silent)
        if answer:
            # the same complaint in other words is kept as it was told first
            return Ear(self.heard if self.heard == answer else answer, True)
        good = self.good + 1
        settled = not self.heard or good >= min(3 * pods, _ALL_CLEAR)
        return Ear((), True, good) if settled else Ear(self.heard, True, good)


@dataclass(frozen=True, slots=True)
class _Followed:
    targets: Sequence[Target]
    question: Question
    shown: Condition


class Pulse:
    """Belongs to one event loop.

    Args:
        changed: called with a key whose condition is not what it was.
        sleep: waits for seconds.
        jitter: a factor for a delay, drawn anew each time.
    """

    def __init__(
        self,
        workloads: Workloads,
        changed: Callable[[Key], None],
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        jitter: Callable[[], float] = lambda: random.uniform(0.8, 1.2),
    ) -> None:
        self.workloads = workloads
        self._changed = changed
        self._sleep = sleep
        self._jitter = jitter
        self._followed: dict[Key, _Followed] = {}
        self._ears: dict[Key, dict[str, Ear]] = {}

    def reset(self) -> None:
        self._followed.clear()
        self._ears.clear()

    def heard(self, key: Key) -> Mapping[str, Heard]:
        return {role: ear.heard for role, ear in self._ears.get(key, {}).items() if ear.known}

    def follow(self, key: Key, targets: Sequence[Target], question: Question, shown: Condition) -> None:
        """Asks these from now on, until the answers change what is shown or the key is left."""
        ears = self._ears.get(key, {})
        self._ears[key] = {item.role: ears.get(item.role, Ear()) for item in targets}
        self._followed[key] = _Followed(targets, question, shown)

    def leave(self, key: Key) -> None:
        """Asks nothing until the next ``follow``; what was heard is kept."""
        self._followed.pop(key, None)

    def forget(self, key: Key) -> None:
        self.leave(key)
        self._ears.pop(key, None)

    async def run(self) -> None:
        """Until cancelled: a look at each resource in turn, spread over the period."""
        turn = asyncio.Semaphore(_AT_ONCE)
        async with asyncio.TaskGroup() as looks:
            while True:
                keys = tuple(self._followed)
                spacing = max(PERIOD / max(len(keys), 1), LEAST_SPACING)
                for key in keys or (None,):
                    await self._sleep(spacing * self._jitter())
                    if key is not None:
                        await turn.acquire()
                        looks.create_task(self._guarded(key, turn))

    async def _guarded(self, key: Key, turn: asyncio.Semaphore) -> None:
        try:
            await self.look(key)
        except Exception:  # noqa: BLE001 - a defect over one resource must not deafen the operator; it is logged
            _log.exception("look failed", namespace=key[0], name=key[1])
        finally:
            turn.release()

    async def look(self, key: Key) -> None:
        """Asks the workloads of one resource."""
        followed = self._followed.get(key)
        if followed is None:
            return
        ears = self._ears[key]
        asked = await asyncio.gather(*(self._listened(ears[item.role], item) for item in followed.targets))
        if self._followed.get(key) is not followed:
            return  # a pass began meanwhile: it knows more
        ears |= {item.role: ear for item, ear in zip(followed.targets, asked, strict=True)}
        if dependencies.condition(followed.question, self.heard(key)) != followed.shown:
            self.leave(key)
            self._changed(key)

    async def _listened(self, ear: Ear, target: Target) -> Ear:
        """What complained is asked several times at once, until it complains again, falls silent, or all is clear."""
        for _ in range(_REPEATED if ear.heard else 1):
            answer = await self._answer(target)
            ear = ear.after(answer, target.pods)
            if answer != () or not ear.heard:
                break
        return ear

    async def _answer(self, target: Target) -> Heard:
        try:
            said = await self.workloads.ask(target.address, target.port, target.path)
        except NoAnswer:
            return None
        return dependencies.complaints(said)
