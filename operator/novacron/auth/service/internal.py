"""Auth's internal port: revocations for our other workloads, and their reports of activity.

Only our workloads have the internal key; a NetworkPolicy keeps others from the port besides.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated
from uuid import UUID

from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from novacron.adapters import clock
from novacron.adapters.mounted import Directory, Stamp
from novacron.auth.service import outages
from novacron.auth.service.authorization import NoBearer, bearer
from novacron.auth.service.internal_port import UnknownCursor
from novacron.auth.service.own_feed import OwnFeed
from novacron.core.dependencies import Finding, Unusable
from novacron.workload.service import answers, findings
from novacron.workload.service.answers import Refusal
from novacron.workload.service.files import text
from novacron.workload.service.telemetry import Telemetry

REVOCATIONS = "/internal/v1/revocations"
ACTIVITY = "/internal/v1/activity"
SECRET = "novacron-internal-key"  # noqa: S105 - the name of a Secret

_NAME = "internal-key"
_MOST_SESSIONS = 1000
_BODY_BYTES = 128 << 10
"""Of a report: some 70 bytes for each session."""


class InternalKey:
    """The mounted key, taken over when its file changes. A dependency: without it no other workload hears of us."""

    name, required, secret = _NAME, True, SECRET

    def __init__(self, path: Path, telemetry: Telemetry) -> None:
        self._file = path.name
        self._directory = Directory(path.parent)
        self._telemetry = telemetry
        self._seen: Stamp | None = None
        self._key = b""
        self._found = findings.refused(_NAME, Unusable("Unchecked"), secret=SECRET)

    def accepts(self, key: bytes) -> bool:
        """Compared in constant time; nothing is accepted before there is a key."""
        if self.changed():
            self._look()
        return bool(self._key) and hmac.compare_digest(key, self._key)

    def changed(self) -> bool:
        return self._directory.stamp() != self._seen

    async def check(self) -> Finding:
        if self.changed():
            self._look()
        return self._found

    async def close(self) -> None:
        return None

    def _look(self) -> None:
        """A file that cannot be used leaves the key before in force."""
        stamp = self._directory.stamp()
        try:
            stamp, files = self._directory.read()
            found = _key(files, self._file)
        except Unusable as error:
            self._telemetry.reload_refused(_NAME)
            self._found = findings.refused(_NAME, error, state="degraded" if self._key else "down", secret=SECRET)
        else:
            self._key = found
            self._telemetry.reloaded(_NAME, clock.now().timestamp())
            self._found = findings.reached(_NAME, does="is there", secret=SECRET)
        self._seen = stamp


def _key(files: Mapping[str, bytes], name: str) -> bytes:
    found = text(files, name).encode()
    if not found:
        raise Unusable("FileMissing", name)
    return found


class _Seen(answers.Body):
    sid: Annotated[str, Field(max_length=36)]
    at: Annotated[float, Field(ge=0, le=1e11, allow_inf_nan=False)]


class ActivityReport(answers.Body):
    """Args:
    sessions: when each was last used, in seconds since the epoch.
    """

    sessions: Annotated[list[_Seen], Field(max_length=_MOST_SESSIONS)]


class InternalRoutes:
    """The routes."""

    def __init__(self, feed: OwnFeed, key: InternalKey) -> None:
        self._feed = feed
        self._key = key

    def routes(self) -> list[Route]:
        return [
            Route(REVOCATIONS, outages.answering(self._revocations), methods=["GET"]),
            Route(ACTIVITY, outages.answering(self._activity), methods=["POST"]),
        ]

    async def _revocations(self, request: Request) -> Response:
        self._authenticate(request)
        after = request.query_params.get("after")
        as_of = clock.now().timestamp()
        try:
            page = await self._feed.read(after)
        except UnknownCursor:
            raise Refusal(410, "This cursor is not known any more; start over without one.") from None
        more = {"more": True} if page.more else {}
        return answers.document({"cursor": page.cursor, "as_of": as_of, "items": page.items, **more})

    async def _activity(self, request: Request) -> Response:
        self._authenticate(request)
        report = await answers.body(request, ActivityReport, _BODY_BYTES)
        await self._feed.touch({str(UUID(one.sid)): one.at for one in report.sessions if _is_uuid(one.sid)})
        return answers.nothing()

    def _authenticate(self, request: Request) -> None:
        values = [value for name, value in request.scope["headers"] if name == b"authorization"]
        try:
            accepted = self._key.accepts(bearer(values))
        except NoBearer:
            accepted = False
        if not accepted:
            raise Refusal(401, f"This port needs the key of Secret {SECRET} as a bearer token.")


def _is_uuid(text: str) -> bool:
    """A session that is none of ours concerns nobody: the rest of the report is taken all the same."""
    try:
        UUID(text)
    except ValueError:
        return False
    return True
