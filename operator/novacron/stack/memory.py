"""What a pass leaves for the next one of its resource, to save work and to stop a fight; losing it costs a pass."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from novacron.core.conditions import Condition
from novacron.core.manifest import Ref

_WINDOW = 600.0
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
