"""Auth's revocation feed in this process: polled every 2 s, sooner on a hint, believed for 10 s (docs/decisions/0022).

Standing of a token = its signed claims and what the feed told of them. Before all of it was read once, and when auth
has not answered for ten seconds, nobody can be judged, and protected routes answer 503.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from dataclasses import replace

from novacron.adapters import clock
from novacron.auth.domain.claims import Claims
from novacron.auth.domain.revocation import BELIEVED_SECONDS, InvalidItem, Reason, Revocations
from novacron.auth.service.internal_port import Internal, Page, UnknownCursor
from novacron.auth.service.standing import Objection, Unavailable
from novacron.auth.service.wall_metrics import WallMetrics
from novacron.core.dependencies import Finding, Unusable
from novacron.workload.service import findings

NAME = "auth-feed"
POLL_SECONDS = 2.0
_LEAST_SECONDS = 0.2
"""Between two polls, however many hints come: who can write to Redis must not make us press auth."""
_NEVER = float("inf")
_PIECE = 500

_OBJECTIONS: dict[Reason, Objection] = {
    "session_ended": Objection("session_invalid", "session_ended"),
    "rotated": Objection("session_invalid", "rotated"),
    "token_revoked": Objection("session_invalid", "token_revoked"),
    "subject_not_before": Objection("session_invalid", "subject_not_before"),
    "forgotten": Objection("session_invalid", "forgotten"),
    "subject_inactive": Objection("user_inactive", "subject_inactive"),
}


class RevocationFeed:
    """Standing by the feed, and a dependency: not ready until all of it was read once.

    Afterwards an outage of auth is told and not required: it must not take its callers out of their Services, where
    nobody could tell a client why (workload/service/peers.py).

    Args:
        skew: seconds for which a token is accepted after it expired; revocations are kept for as long.
        where: host and port, of the settings.
        now: seconds for the age, which go on while the machine is suspended; revocations themselves live by the clock.
    """

    name, secret = NAME, ""

    def __init__(
        self,
        source: Internal,
        revocations: Revocations,
        metrics: WallMetrics,
        *,
        skew: float,
        where: str,
        now: Callable[[], float] = clock.elapsed,
    ) -> None:
        self._source = source
        self._revocations = revocations
        self._metrics = metrics
        self._skew = skew
        self._where = where
        self._now = now
        self._cursor: str | None = None
        self._as_of: float | None = None
        """By ``now``: when the last request began whose answer ended the feed."""
        self._trouble = Unusable("Unchecked")
        self._hinted = asyncio.Event()
        self._told_current = False
        metrics.show_feed(self.age, lambda: len(revocations))

    @property
    def required(self) -> bool:
        return self._as_of is None

    def age(self) -> float:
        """Seconds by which what we know may be old."""
        return self._now() - self._as_of if self._as_of is not None else _NEVER

    async def objection(self, claims: Claims, now: float) -> Objection | None:
        if not self._current():
            raise Unavailable("revocations_stale", "The authentication service does not answer.")
        reason = self._revocations.verdict(claims, now)
        return _OBJECTIONS[reason] if reason is not None else None

    def hint(self) -> None:
        """There is news."""
        self._hinted.set()

    async def run(self) -> None:
        """Polls until cancelled; sooner before the first success, which a pod's readiness waits for."""
        wait = _LEAST_SECONDS
        while True:
            await self.poll()
            await asyncio.sleep(_LEAST_SECONDS)
            wait = POLL_SECONDS if self._as_of is not None else wait
            try:
                async with asyncio.timeout(wait * random.uniform(0.8, 1.2) - _LEAST_SECONDS):
                    await self._hinted.wait()
            except TimeoutError:
                wait = min(2 * wait, POLL_SECONDS)

    async def poll(self) -> None:
        """Reads what there is since the last time; a failure is told by ``check``."""
        self._hinted.clear()
        try:
            await self._read()
        except Unusable as error:
            self._trouble = error
            self._metrics.polled("failed")
        else:
            self._metrics.polled("ok")

    async def _read(self) -> None:
        """Page by page to the end."""
        while True:
            began = self._now()
            try:
                page = await self._source.revocations(self._cursor)
            except UnknownCursor:
                if self._cursor is None:
                    raise Unusable("Refused", "it does not know the beginning of its own feed") from None
                self._cursor = None  # what we know stays: nothing that was revoked ever comes back
                continue
            if page.more and page.cursor == self._cursor:
                raise Unusable("Refused", "its feed does not advance")
            await self._take(page)
            self._revocations.tidy(clock.now().timestamp() - self._skew)
            self._cursor = page.cursor
            if not page.more:
                self._as_of = began
                return

    async def _take(self, page: Page) -> None:
        """A piece at a time: a whole page at once would keep requests waiting for 15 ms."""
        try:
            for start in range(0, len(page.items), _PIECE):
                for item in page.items[start : start + _PIECE]:
                    self._revocations.add(item)
                await asyncio.sleep(0)
        except InvalidItem as error:
            raise Unusable("Refused", f"an item of its feed is not understood: {error}") from None

    def changed(self) -> bool:
        """Whether the next finding will differ: a pod gets ready as soon as it is."""
        return self._current() != self._told_current

    async def check(self) -> Finding:
        """Of what is known; nothing is asked."""
        self._told_current = self._current()
        if self._told_current:
            return findings.reached(NAME, does="is current", required=self.required)
        found = findings.refused(NAME, self._trouble, where=self._where, required=self.required)
        return replace(found, message=f"{found.message}; until then protected routes answer 503")

    async def close(self) -> None:
        return None

    def _current(self) -> bool:
        return self.age() <= BELIEVED_SECONDS
