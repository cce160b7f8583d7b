"""How queries do, as a dependency: what makes them slow or will make samples be refused. No pod is unready by it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence

from novacron.adapters import clock
from novacron.adapters.postgres import Sessions
from novacron.core import dependencies
from novacron.core.dependencies import Finding, Unusable
from novacron.query.service.counts import Counts
from novacron.query.service.store import health
from novacron.query.service.store.health import Look
from novacron.workload.service import findings, transactions
from novacron.workload.service.answers import Unavailable

_EVERY_SECONDS = 60.0
_FAILED_SECONDS = 5.0
"""Until the next look after one that told nothing: the database may be back."""
_STATEMENT_SECONDS = 2.0
_SECONDS = 5.0
_RECENT_SECONDS = 300.0
_SHARE = 0.05
_LEAST = 5
"""Questions given up from which they are a finding: their share of the recent ones, and their number."""
_BEHIND_SECONDS = 900.0
"""So long a partition must be behind: autovacuum comes to a table once a minute, and may have many."""
_BEHIND_BYTES = 100 << 20
"""Of a smaller partition all pages together cost less than the question; autovacuum leaves its last 200,000 rows alone,
which are about 20 MB."""
_LISTED = 3


class QueriesDependency:
    """Looks at most once a minute.

    Args:
        now: seconds on a clock that only goes forward.
    """

    name, required, secret = dependencies.QUERIES, False, ""

    def __init__(self, sessions: Sessions, counts: Counts, now: Callable[[], float] = clock.monotonic) -> None:
        self._sessions = sessions
        self._counts = counts
        self._now = now
        self._found = _down("Unchecked")
        self._until = 0.0
        self._behind_since: float | None = None
        self._tallies: deque[tuple[float, int, int]] = deque()

    def changed(self) -> bool:
        return False

    async def check(self) -> Finding:
        if self._now() >= self._until:
            self._found = await self._looked()
            self._until = self._now() + (_FAILED_SECONDS if self._found.state == "down" else _EVERY_SECONDS)
        return self._found

    async def close(self) -> None:
        return None

    async def _looked(self) -> Finding:
        try:
            begun = transactions.begun(
                self._sessions,
                statement_seconds=_STATEMENT_SECONDS,
                seconds=_SECONDS,
                settings="SET TRANSACTION READ ONLY",
            )
            async with begun as connection:
                look = await health.looked(transactions.Transaction(connection), _BEHIND_BYTES)
        except Unavailable as error:
            return _down(error.reason)
        found = [
            Unusable(reason, _listed(names))
            for reason, names in (
                ("PartitionMissing", look.missing),
                ("IndexInvalid", look.invalid),
                ("VacuumBehind", self._lasting(look)),
            )
            if names
        ]
        if self._given_up():
            found.append(Unusable("QueriesTimedOut"))
        if found:
            return findings.impaired(self.name, found)
        return findings.reached(self.name, does="do well", required=False)

    def _lasting(self, look: Look) -> Sequence[str]:
        if not look.behind:
            self._behind_since = None
            return ()
        if self._behind_since is None:
            self._behind_since = self._now()
        return look.behind if self._now() - self._behind_since >= _BEHIND_SECONDS else ()

    def _given_up(self) -> bool:
        """Whether PostgreSQL gave up too many of this pod's recent questions."""
        now, (asked, timed_out) = self._now(), self._counts.tally()
        self._tallies.append((now, asked, timed_out))
        while len(self._tallies) > 1 and self._tallies[1][0] <= now - _RECENT_SECONDS:
            self._tallies.popleft()
        _moment, asked_before, timed_out_before = self._tallies[0]
        recent = timed_out - timed_out_before
        return recent >= _LEAST and recent >= _SHARE * (asked - asked_before)


def _down(reason: str) -> Finding:
    """Nobody can tell: another dependency says why, with the remedy."""
    known = reason if reason in dependencies.REASONS else "Refused"
    message = "how queries do cannot be told now; see what database and schema say"
    return Finding(dependencies.QUERIES, "down", known, message, required=False)


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
    return f"{', '.join(names[:_LISTED])}{more}"
