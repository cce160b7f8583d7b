"""Keeps a pipeline inside its memory: looks between chunks, reads less at once while it is short, and ends it in time.

The limits, in the order in which they help: fewer rows at a time, free memory back to the
kernel, and an error before the kernel has to kill.
"""

from __future__ import annotations

import gc
from collections.abc import Callable
from dataclasses import dataclass

from novacron.adapters import memory
from novacron.ml.domain.budget import MemoryBudgetExceeded, Pace

_PARSED = 12
"""Bytes of memory for a byte of text, until its chunk is done (docs/decisions/0030)."""


@dataclass(frozen=True, slots=True)
class Budget:
    """Args:
    limit: bytes that the process may use.
    warning: share of it above which less is read at once.
    critical: share of it above which nothing more is taken.
    collect_every: chunks between two collections of garbage.
    """

    limit: int
    warning: float = 0.8
    critical: float = 0.9
    collect_every: int = 10


class Pressure:
    """Args:
    pace: is made smaller.
    resident: bytes that the process uses.
    """

    def __init__(self, budget: Budget, pace: Pace, resident: Callable[[], int] = memory.resident) -> None:
        self._budget = budget
        self.pace = pace
        self._resident = resident
        self._chunks = 0
        self.shrunk = 0
        """How often less was read at once from then on."""

    def check(self) -> None:
        """Called between chunks. Raises ``MemoryBudgetExceeded``."""
        self._chunks += 1
        if self._chunks % self._budget.collect_every == 0:
            gc.collect(1)  # of what is young: the rest has survived, and looking at it takes longer than a chunk
        while self._resident() + self.pace.block_bytes * _PARSED > self._budget.limit * self._budget.warning:
            if not self._relieved():
                break
        used = self._resident()
        if used > self._budget.limit * self._budget.critical:
            most = f"{self._budget.critical:.0%} of the limit of {_megabytes(self._budget.limit)}"
            raise MemoryBudgetExceeded(
                f"{_megabytes(used)} are in use, {most} are the most; allow more (--max-memory), or send narrower rows"
            )

    def reserve(self, size: int, what: str) -> None:
        """Called before so many bytes are taken at once. Raises ``MemoryBudgetExceeded``; nothing was taken then."""
        used, most = self._resident(), self._budget.limit * self._budget.critical
        if used + size > most:
            left = f"of {_megabytes(most)} {_megabytes(used)} are in use"
            raise MemoryBudgetExceeded(f"{what} needs {_megabytes(size)}, and {left}; allow more (--max-memory)")

    def _relieved(self) -> bool:
        """Whether anything could be done."""
        smaller = self.pace.halve()
        if smaller:
            self.shrunk += 1
            gc.collect()
            memory.trim()
        return smaller


def _megabytes(size: float) -> str:
    return f"{size / 1_000_000:.0f} MB"
