"""Which jobs run: as many as memory and disk are enough for. A few more wait for a while; others come again later."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass, field

from novacron.core.errors import NovaCronError
from novacron.ml.domain.shares import Share, Shares


class Full(NovaCronError):
    """There is no place, or there was none in time."""


@dataclass(eq=False, slots=True)
class _Waiting:
    organization: str | None
    place: asyncio.Future[Place]


@dataclass(frozen=True, slots=True)
class Place:
    """Args:
    share: of the disk.
    """

    organization: str | None
    share: Share


@dataclass(slots=True)
class Admission:
    """First come, first served; but where there is more than one place, one organization never has all of them:
    whoever sends slowly shuts out nobody but his own.

    Args:
        most_waiting: above, nobody waits at all.
        seconds: that one waits at most.
    """

    places: int
    shares: Shares
    most_waiting: int
    seconds: float
    _running: Counter[str | None] = field(default_factory=Counter)
    _queue: list[_Waiting] = field(default_factory=list)

    @property
    def running(self) -> int:
        return self._running.total()

    @property
    def waiting(self) -> int:
        return len(self._queue)

    async def enter(self, organization: str | None) -> Place:
        """A place, which must be left. Raises ``Full``."""
        self._serve()  # a running job may have given disk back meanwhile, for which somebody waits already
        place = self._place(organization)
        if place is not None:
            return place
        if len(self._queue) >= self.most_waiting:
            raise Full(f"{self.running} jobs run and {self.waiting} wait already")
        waiting = _Waiting(organization, asyncio.get_running_loop().create_future())
        self._queue.append(waiting)
        try:
            await asyncio.wait((waiting.place,), timeout=self.seconds)
        except asyncio.CancelledError:
            if waiting.place.done():  # in the very moment in which nobody wants it any more
                self.leave(waiting.place.result())
            raise
        finally:
            if waiting in self._queue:
                self._queue.remove(waiting)
        if not waiting.place.done():
            raise Full(f"none of the {self.running} jobs that run ended within {self.seconds:g} s")
        return waiting.place.result()

    def leave(self, place: Place) -> None:
        """Once its thread has ended, and not before: until then it has memory and disk."""
        place.share.end()
        self._running[place.organization] -= 1
        if not self._running[place.organization]:
            del self._running[place.organization]
        self._serve()

    def _serve(self) -> None:
        for waiting in list(self._queue):
            place = self._place(waiting.organization)
            if place is not None:
                self._queue.remove(waiting)
                waiting.place.set_result(place)

    def _place(self, organization: str | None) -> Place | None:
        most = max(1, self.places - 1)
        if self.running >= self.places or self._running[organization] >= most:
            return None
        share = self.shares.begin()
        if share is None:
            return None
        self._running[organization] += 1
        return Place(organization, share)
