"""How much of its memory the process has left, as a dependency. No pod is unready by it: others have no more."""

from __future__ import annotations

from collections.abc import Callable

from novacron.adapters import clock, memory
from novacron.core import dependencies
from novacron.core.dependencies import Finding, Unusable
from novacron.workload.service import findings

_LASTING_SECONDS = 30.0
"""A job that ends may have been all of it."""


class MemoryDependency:
    """Looks each time that it is asked: two small files.

    Args:
        limit: bytes that the process may use; None: there is no limit.
        critical: share of it above which hardly anything is left.
        used: bytes that it uses and that the kernel cannot drop.
        now: seconds on a clock that only goes forward.
    """

    name, required, secret = dependencies.MEMORY, False, ""

    def __init__(
        self,
        limit: int | None,
        critical: float,
        used: Callable[[], int] = memory.used,
        now: Callable[[], float] = clock.monotonic,
    ) -> None:
        self._limit = limit
        self._critical = critical
        self._used = used
        self._now = now
        self._since: float | None = None

    def changed(self) -> bool:
        return False

    async def check(self) -> Finding:
        if self._limit is None or self._used() <= self._critical * self._limit:
            self._since = None
            return findings.reached(self.name, does="is enough", required=False)
        if self._since is None:
            self._since = self._now()
        if self._now() - self._since < _LASTING_SECONDS:
            return findings.reached(self.name, does="is nearly used up, for a moment", required=False)
        # the same words for as long as it is so: the operator tells them, and each change would be news
        share = f"more than {self._critical:.0%} of {self._limit >> 20}Mi for more than {_LASTING_SECONDS:g} s"
        return findings.impaired(self.name, [Unusable("MemoryCritical", share)])

    async def close(self) -> None:
        return None
