"""The revocation feed and reports of activity, at their source: the database.

Serves the internal port, and in the same process whatever judges requests by the feed (``/authz``).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from novacron.auth.service.internal_port import Page, UnknownCursor
from novacron.auth.service.store import revocations, sessions
from novacron.auth.service.store.database import Database
from novacron.auth.service.store.revocations import PAGE, Item
from novacron.core.dependencies import Unusable
from novacron.workload.service import answers

_CURSOR = re.compile(r"([0-9]{1,18})\.([0-9]{1,18})")
_BEGINNING = "0.0"


class OwnFeed:
    """What auth's internal port answers (``internal_port.Internal``).

    Args:
        idle: seconds without activity after which a session has ended.
    """

    def __init__(self, database: Database, idle: int) -> None:
        self._database = database
        self._idle = idle

    async def read(self, after: str | None) -> Page:
        """Since a cursor, or all. Raises ``UnknownCursor`` and ``answers.Unavailable``.

        A cursor names the last row that was seen, by number and time. Where that row is gone, or another has its
        number after a backup was restored, nobody can say what was missed, so the reader starts over.
        """
        id_, at = _parsed(after or _BEGINNING)
        async with self._database.transaction() as transaction:
            if id_ and not await revocations.known(transaction, id_, at):
                raise UnknownCursor
            found = await revocations.after(transaction, id_)
        items, more = found[:PAGE], len(found) > PAGE
        cursor = f"{items[-1].id}.{items[-1].at_microseconds}" if items else after or _BEGINNING
        return Page(cursor, [_told(item) for item in items], more)

    async def touch(self, seen: Mapping[str, float]) -> None:
        """Raises ``answers.Unavailable``."""
        async with self._database.transaction() as transaction:
            await sessions.touched(transaction, seen, self._idle)

    async def revocations(self, after: str | None) -> Page:
        """As ``read``; raises ``Unusable`` instead of ``Unavailable``."""
        try:
            return await self.read(after)
        except answers.Unavailable as error:
            raise Unusable("Unreachable", f"the database: {error.reason}") from None

    async def active(self, sessions: Mapping[str, float]) -> None:
        """As ``touch``; raises ``Unusable``."""
        try:
            await self.touch(sessions)
        except answers.Unavailable as error:
            raise Unusable("Unreachable", f"the database: {error.reason}") from None


def _parsed(cursor: str) -> tuple[int, int]:
    match = _CURSOR.fullmatch(cursor)
    if match is None:
        raise UnknownCursor
    return int(match[1]), int(match[2])


def _told(item: Item) -> dict[str, Any]:
    """As the feed gives it."""
    members = {
        "sid": item.sid,
        "jti": item.jti,
        "sub": item.sub,
        "rot": item.rotation,
        "not_before": item.not_before,
        "active": item.active,
    }
    given = {name: value for name, value in members.items() if value is not None}
    return {**given, "at": item.at, "expires": item.expires}
