"""Asks the Services of resources at rest what their pods say of credentials, queries, memory; ears between passes.

Passes over a resource at rest are ten minutes apart, and a refused login must be a condition before. One question to
each Service costs the API server nothing; only an answer that changes a condition asks for a pass.
A Service leads to any of its pods: what one pod says against something counts at once, that all is well only when it
was heard so often that hardly a pod can have been missed.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

import structlog

from novacron.adapters.workloads import NoAnswer, Workloads
from novacron.core.conditions import Condition
from novacron.core.readiness import Dependency
from novacron.stack import dependencies
from novacron.stack.asking import Target
from novacron.stack.dependencies import Heard, Hearing, Question
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
    """What was heard of one workload about one thing, and how sure that is.

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


_Ears = Mapping[str, Ear]
"""Of one workload: condition -> what was heard about it. Each for itself, as one pod may say one thing, and another the
other."""


@dataclass(frozen=True, slots=True)
class _Followed:
    targets: Sequence[Target]
    question: Question
    shown: tuple[Condition, ...]


class Pulse:
    """Belongs to one event loop.

    Args:
        changed: called with a key whose conditions are not what they were.
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
        self._ears: dict[Key, dict[str, _Ears]] = {}

    def reset(self) -> None:
        self._followed.clear()
        self._ears.clear()

    def heard(self, key: Key) -> Hearing:
        found: dict[str, dict[str, Heard]] = {}
        for role, ears in self._ears.get(key, {}).items():
            for topic, ear in ears.items():
                if ear.known:
                    found.setdefault(topic, {})[role] = ear.heard
        return found

    def follow(self, key: Key, targets: Sequence[Target], question: Question, shown: tuple[Condition, ...]) -> None:
        """Asks these from now on, until the answers change what is shown or the key is left."""
        ears = self._ears.get(key, {})
        fresh = {item.role: dict.fromkeys(dependencies.topics(item.role), Ear()) for item in targets}
        self._ears[key] = {role: ears.get(role, unheard) for role, unheard in fresh.items()}
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
        if dependencies.conditions(followed.question, self.heard(key)) != followed.shown:
            self.leave(key)
            self._changed(key)

    async def _listened(self, ears: _Ears, target: Target) -> _Ears:
        """What complained is asked several times at once, until it complains again, falls silent, or all is clear."""
        topics = dependencies.topics(target.role)
        for _ in range(_REPEATED if any(ear.heard for ear in ears.values()) else 1):
            said = await self._answer(target)
            ears = {
                topic: ears[topic].after(about(said) if said is not None else None, target.pods)
                for topic, about in topics.items()
            }
            if not any(ear.heard and ear.good for ear in ears.values()):
                break
        return ears

    async def _answer(self, target: Target) -> tuple[Dependency, ...] | None:
        try:
            return await self.workloads.ask(target.address, target.port, target.path)
        except NoAnswer:
            return None
