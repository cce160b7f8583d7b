"""What a pass leaves for the next one of its resource, to save work and to stop a fight; losing it costs a pass."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from novacron.core.conditions import Condition
from novacron.core.manifest import Ref
from novacron.stack.problem import Problem

_WINDOW = 600.0
_TROUBLED = 600.0
"""Seconds for which a kill for want of memory is told after it was last seen."""
_MANY = 5
"""So many repairs of one field within the window, and it is a fight."""


@dataclass(slots=True)
class Memory:
    """Belongs to one resource.

    Args:
        uid: of the resource; another one of its name begins anew.
        since: monotonic seconds.
    """

    uid: str
    since: float
    verdict: tuple[Condition, ...] = ()
    unchanged: int = 0
    """How many passes in a row gave this verdict."""
    wanted: int = 0
    """Of the manifests of the last pass: a hash."""
    tolerated: dict[Ref, tuple[str, ...]] = field(default_factory=dict)
    """Fields that admission changes back in the very answer to our write."""
    suspected: set[Ref] = field(default_factory=set)
    """Wanted names under which somebody else's object stood."""
    repairs: dict[tuple[Ref, str], list[float]] = field(default_factory=dict)
    """When a field of a child was set back."""
    since_verdict: float = float("-inf")
    """When the verdict became what it is: monotonic seconds."""
    waits: bool = False
    """Whether something is awaited that no watch tells of."""
    troubles: dict[str, tuple[Problem, float]] = field(default_factory=dict)
    """Workload -> a kill for want of memory that was seen, and when last."""
    peak: tuple[int, int] = (0, 0)
    """Memory limit of ml, and the most that the metrics API showed of it in use: bytes."""

    def renewed(self, now: float) -> Memory:
        """Without what must be learnt anew now and then, so that a fight that is over is noticed."""
        return Memory(
            self.uid,
            now,
            self.verdict,
            self.unchanged,
            repairs=self.repairs,
            since_verdict=self.since_verdict,
            waits=self.waits,
            troubles=self.troubles,
            peak=self.peak,
        )

    def judged(self, verdict: tuple[Condition, ...], now: float) -> None:
        """Takes note of a verdict over something that is awaited."""
        if not self.waits or self.verdict != verdict:
            self.unchanged, self.since_verdict = 0, now
        self.verdict, self.waits = verdict, True

    def noticed(self, problems: Mapping[str, Problem], now: float) -> dict[str, Problem]:
        """The problems, and with them kills for want of memory that were seen a while ago: a pod that came back at
        once comes back for the same again."""
        for workload, problem in problems.items():
            if problem.reason == "OutOfMemory" and not problem.older:
                self.troubles[workload] = (problem, now)
        self.troubles = {
            workload: trouble for workload, trouble in self.troubles.items() if now - trouble[1] < _TROUBLED
        }
        return {workload: problem for workload, (problem, _at) in self.troubles.items()} | dict(problems)

    def peaked(self, limit: int, used: int) -> int:
        """The most that was seen in use under this limit, in bytes."""
        of, most = self.peak
        self.peak = (limit, max(used, most) if of == limit else used)
        return self.peak[1]

    def trouble_ends(self, now: float) -> float:
        """Seconds until the oldest of them counts no more; infinity where there is none."""
        return min((seen + _TROUBLED - now for _problem, seen in self.troubles.values()), default=float("inf"))

    def tolerate(self, persistent: Mapping[Ref, tuple[str, ...]]) -> None:
        for child, fields in persistent.items():
            self.tolerated[child] = tuple(dict.fromkeys((*self.tolerated.get(child, ()), *fields)))

    def repaired(self, undone: Iterable[tuple[Ref, str]], now: float) -> None:
        """Takes note of fields that were set back."""
        for key in undone:
            self.repairs.setdefault(key, []).append(now)

    def contested(self, now: float) -> dict[Ref, tuple[str, ...]]:
        """Fields that somebody sets again and again after each repair."""
        self.repairs = {
            key: kept for key, times in self.repairs.items() if (kept := [at for at in times if now - at < _WINDOW])
        }
        found: dict[Ref, tuple[str, ...]] = {}
        for (child, name), times in self.repairs.items():
            if len(times) >= _MANY:
                found[child] = (*found.get(child, ()), name)
        return found
