"""Who may take how much of a space that several jobs use at once.

Every job can have its share, whenever it asks for it. What no running job can still claim, whoever comes first may
take: a job that runs alone has all of it.
"""

from __future__ import annotations

import threading

from novacron.core.errors import NovaCronError


class ShareExceeded(NovaCronError):
    """A job asked for more than is left of the space; it has what it had before."""


class Shares:
    """Thread-safe.

    Args:
        total: bytes of the space.
        places: jobs at once, at most.
    """

    def __init__(self, total: int, places: int) -> None:
        self.total = total
        self.least = total // places
        """Bytes that each job can have."""
        self._lock = threading.Lock()
        self._taken: dict[Share, int] = {}

    @property
    def taken(self) -> int:
        """Bytes of all jobs."""
        with self._lock:
            return sum(self._taken.values())

    @property
    def fits(self) -> bool:
        """Whether one job more can have its share."""
        with self._lock:
            return self._free() >= self.least

    def begin(self) -> Share | None:
        """One job more; None where it could not have its share."""
        with self._lock:
            if self._free() < self.least:
                return None
            share = Share(self)
            self._taken[share] = 0
            return share

    def _free(self) -> int:
        """Bytes that no job has, and none can still claim."""
        return self.total - sum(max(self.least, taken) for taken in self._taken.values())

    def _take(self, share: Share, size: int) -> None:
        with self._lock:
            taken = self._taken[share]
            more = max(0, taken + size - max(self.least, taken))
            if more > self._free():
                raise ShareExceeded(
                    f"{taken + size:,} bytes do not fit: of {self.total:,}, {taken + self._free():,} are this job's"
                )
            self._taken[share] = taken + size


class Share:
    """Of one job."""

    def __init__(self, shares: Shares) -> None:
        self._shares = shares

    def take(self, size: int) -> None:
        """So many bytes more. Raises ``ShareExceeded``."""
        self._shares._take(self, size)

    def give(self, size: int) -> None:
        """So many bytes are free again; all of them are after its end."""
        with self._shares._lock:
            if self in self._shares._taken:
                self._shares._taken[self] -= size

    def end(self) -> None:
        """All of them are, and the job is none any more."""
        with self._shares._lock:
            self._shares._taken.pop(self, None)
