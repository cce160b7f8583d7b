"""``POST /api/v1/auth/refresh``: a refresh token for the next one and a new access token; each is good once.

All that concerns one session is done by whoever holds its row and its person's, so of two refreshes at once one is
first, and the other is given the same answer.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Annotated

import orjson
from pydantic import Field, SecretStr
from starlette.requests import Request
from starlette.responses import Response

from novacron.auth.domain import refresh
from novacron.auth.domain.refresh import RefreshToken, Use
from novacron.auth.domain.session import Session
from novacron.auth.service import audit, opening, permissions
from novacron.auth.service.audit import Event
from novacron.auth.service.authority import Authority, request_id
from novacron.auth.service.store import audit as rows
from novacron.auth.service.store import people, sessions
from novacron.auth.service.store.database import Transaction
from novacron.auth.service.store.people import Person
from novacron.workload.service import answers
from novacron.workload.service.answers import Refusal, Unavailable
from novacron.workload.service.operations import Operation

PATH = "/api/v1/auth/refresh"
REUSED = "refresh_token_reused"
"""Why a session ended whose used token was used again."""
_REFUSED = "The refresh token is not, or no longer, valid; log in again."
_LONGEST = 128
_NONCE_BYTES = 12


class RefreshRequest(answers.Body):
    refresh_token: Annotated[SecretStr, Field(min_length=1, max_length=_LONGEST)]


@dataclass(frozen=True, slots=True)
class _Answer:
    """Args:
    content: JSON, as it is sent; None: refused.
    outcome: of ``counts.REFRESHES``, or the code of a refusal.
    """

    event: Event
    outcome: str
    content: bytes | None = None


@dataclass(frozen=True, slots=True)
class _Shown:
    """A token that we know, with all that it hangs on, as it is while nobody else changes it."""

    text: str
    row: RefreshToken
    session: Session
    person: Person
    now: float


class Refresh:
    """The operation."""

    def __init__(self, authority: Authority) -> None:
        self._authority = authority

    def operations(self) -> list[Operation]:
        return [
            Operation(
                "POST",
                PATH,
                self._refresh,
                "Use a refresh token for the next one and a new access token",
                permissions.OPEN,
                body=RefreshRequest,
                answer=opening.Tokens,
                refusals={401: _REFUSED},
            )
        ]

    async def _refresh(self, request: Request) -> Response:
        authority = self._authority
        network = await authority.admitted(request)
        given = await answers.body(request, RefreshRequest)
        answer = await self._answered(given.refresh_token.get_secret_value(), network, request_id(request))
        if answer.content is None:
            authority.counts.refresh("reused" if answer.outcome == REUSED else "refused")
            if answer.outcome != REUSED:
                authority.audit.refused(answer.event)
            raise Refusal(401, _REFUSED)
        authority.counts.refresh(answer.outcome)
        authority.audit.record(answer.event)
        return answers.content(answer.content)

    async def _answered(self, text: str, network: str, request: str) -> _Answer:
        event = Event(audit.REFRESH_REFUSED, "unknown_token", network, request_id=request)
        if not refresh.well_formed(text):
            return _Answer(event, event.code)
        async with self._authority.database.transaction() as transaction:
            shown = await _shown(transaction, text)
            if shown is None:
                return _Answer(event, event.code)
            return await self._used(transaction, shown, network, request)

    async def _used(self, transaction: Transaction, shown: _Shown, network: str, request: str) -> _Answer:
        use = refresh.use(shown.row, shown.now)
        if use is Use.REUSED:
            return await self._reused(transaction, shown, network, request)
        over = self._authority.rules.over(shown.session, shown.now)
        code = over or ("inactive" if not shown.person.active else "expired" if use is Use.EXPIRED else "")
        content = None
        if not code and use is Use.REPEATED and shown.row.successor is not None:
            content = refresh.unsealed(shown.text, shown.row.successor)
            code = "" if content is not None else "unreadable_successor"
        if code:
            return _Answer(_event(audit.REFRESH_REFUSED, shown, network, request, code), code)
        told = _event(audit.TOKEN_REFRESHED, shown, network, request, "repeated" if content else "")
        return _Answer(told, told.code or "ok", content or await self._rotated(transaction, shown))

    async def _rotated(self, transaction: Transaction, shown: _Shown) -> bytes:
        """The next tokens. The answer is kept for a moment, for whoever did not hear it."""
        rotation = await sessions.rotated(transaction, shown.session.id, shown.session.rotation)
        if rotation is None:
            raise Unavailable("SessionChanged")  # cannot be: its row is held
        members = await opening.tokens(self._authority, transaction, shown.person, shown.session, rotation)
        content = orjson.dumps(members)
        sealed = refresh.sealed(shown.text, content, secrets.token_bytes(_NONCE_BYTES))
        await sessions.use_token(transaction, refresh.digest(shown.text), sealed)
        return content

    async def _reused(self, transaction: Transaction, shown: _Shown, network: str, request: str) -> _Answer:
        """Whoever has the copy, nobody goes on with this session (RFC 9700, 4.14.2). Once; later it is a refusal."""
        event = _event(audit.REFRESH_TOKEN_REUSED, shown, network, request, "")
        if not await sessions.end(transaction, [shown.session.id], REUSED):
            return _Answer(_event(audit.REFRESH_REFUSED, shown, network, request, "reused"), "reused")
        await rows.add(transaction, event)
        return _Answer(event, REUSED)


async def _shown(transaction: Transaction, text: str) -> _Shown | None:
    """Read anew once the rows are held: who held them before may have changed everything.

    The person's too: else a role could be taken away between this look and the date of the token that has it.
    """
    known = await sessions.token(transaction, refresh.digest(text))
    seen = await sessions.by_id(transaction, known.session_id) if known else None
    person = await people.locked(transaction, seen.user_id) if seen else None
    session = await sessions.locked(transaction, seen.id) if seen else None
    row = await sessions.token(transaction, refresh.digest(text))
    if session is None or row is None or person is None:
        return None
    return _Shown(text, row, session, person, await transaction.now())


def _event(type_: str, shown: _Shown, network: str, request: str, code: str) -> Event:
    return Event(
        type_,
        code,
        network,
        subject=shown.person.id,
        organization=shown.person.organization_id or "",
        object=shown.session.id,
        request_id=request,
    )
