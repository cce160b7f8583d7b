"""Auth's internal port, as the other workloads use it: revocations from it, activity to it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import quote

import orjson

from novacron.adapters.mounted import Directory
from novacron.adapters.plain_http import Answer, Asks, Request
from novacron.core.dependencies import Unusable
from novacron.workload.service.files import text

_REVOCATIONS = "/internal/v1/revocations"
_ACTIVITY = "/internal/v1/activity"


class UnknownCursor(Exception):
    """Auth does not know how far we have read: start over."""


@dataclass(frozen=True, slots=True)
class Page:
    """A piece of the feed.

    Args:
        cursor: where the next one begins; opaque.
        more: there is more to be had at once.
    """

    cursor: str
    items: Sequence[Mapping[str, Any]]
    more: bool


class Internal(Protocol):
    """What auth answers. Each raises ``Unusable``."""

    async def revocations(self, after: str | None) -> Page:
        """Since a cursor, or all. Raises ``UnknownCursor`` too."""

    async def active(self, sessions: Mapping[str, float]) -> None:
        """Tells when sessions were last used: id -> seconds since the epoch; at most 1,000."""


class InternalPort:
    """Over HTTP, with the internal key as bearer.

    Args:
        url: of the settings.
        key_file: mounted; it is read for each request, so that a new one is used at once.
    """

    def __init__(self, url: str, key_file: Path, ask: Asks) -> None:
        self._url = url
        self._key_name = key_file.name
        self._directory = Directory(key_file.parent)
        self._ask = ask

    async def revocations(self, after: str | None) -> Page:
        target = _REVOCATIONS if after is None else f"{_REVOCATIONS}?after={quote(after, safe='')}"
        answer = await self._asked("GET", target)
        if answer.status == 410:
            raise UnknownCursor
        _expect(answer, 200)
        return _page(answer.body)

    async def active(self, sessions: Mapping[str, float]) -> None:
        listed = [{"sid": sid, "at": at} for sid, at in sessions.items()]
        answer = await self._asked("POST", _ACTIVITY, orjson.dumps({"sessions": listed}))
        _expect(answer, 200, 202, 204)

    async def _asked(self, method: str, target: str, body: bytes = b"") -> Answer:
        key = text(self._directory.read()[1], self._key_name)
        if not key:
            raise Unusable("FileMissing", "the internal key")
        if not (key.isascii() and key.isprintable()):
            raise Unusable("FileInvalid", "the internal key is no word")
        headers = {"Authorization": f"Bearer {key}"} | ({"Content-Type": "application/json"} if body else {})
        return await self._ask(Request(method, self._url, target, headers, body))


def _expect(answer: Answer, *statuses: int) -> None:
    if answer.status == 401:
        raise Unusable("Refused", "it does not accept the mounted internal key")
    if answer.status == 503:
        raise Unusable("NotServing")
    if answer.status not in statuses:
        raise Unusable("Refused", f"it answers {answer.status}")


def _page(body: bytes) -> Page:
    try:
        document = orjson.loads(body)
        cursor, items, more = document["cursor"], document["items"], document.get("more", False)
    except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError):
        raise Unusable("Refused", "it answers with something else than revocations") from None
    fits = isinstance(cursor, str) and isinstance(items, list) and all(isinstance(item, dict) for item in items)
    if not fits or not isinstance(more, bool):
        raise Unusable("Refused", "it answers with something else than revocations")
    return Page(cursor, items, more)
