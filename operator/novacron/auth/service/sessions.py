"""A person's own sessions: list, end, log out; and a new password, which ends them all."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated
from uuid import UUID

from pydantic import Field, SecretStr
from starlette.requests import Request
from starlette.responses import Response

from novacron.auth.domain import password
from novacron.auth.domain.claims import Claims
from novacron.auth.service import audit, identity, permissions
from novacron.auth.service.audit import Event
from novacron.auth.service.authority import Authority, request_id, too_early
from novacron.auth.service.login import new_password
from novacron.auth.service.passwords import Busy
from novacron.auth.service.store import audit as rows
from novacron.auth.service.store import people, sessions
from novacron.auth.service.store.people import Person
from novacron.workload.service import answers
from novacron.workload.service.answers import Refusal, Unavailable
from novacron.workload.service.operations import Operation

SESSIONS = "/api/v1/auth/sessions"
SESSION = "/api/v1/auth/sessions/{id}"
LOGOUT = "/api/v1/auth/logout"
PASSWORD = "/api/v1/auth/password"  # noqa: S105 - a path

_LOGGED_OUT = "logged_out"
_ENDED = "ended_by_owner"
_PASSWORD_CHANGED = "password_changed"  # noqa: S105 - why a session ended
_WRONG = "current_password: is wrong."

Secret = Annotated[SecretStr, Field(min_length=1, max_length=password.LONGEST)]


class PasswordChange(answers.Body):
    current_password: Secret
    new_password: Secret


class OwnSession(answers.Sent):
    """Args:
    network: of the client at login: an IPv4 address, or an IPv6 /64.
    current: whether this very request belongs to it.
    """

    id: str
    created_at: datetime
    last_active_at: datetime
    expires_at: datetime
    network: str
    user_agent: str
    current: bool


class OwnSessionList(answers.Sent):
    """There are few, so all of them."""

    items: list[OwnSession]
    next: None = None


class OwnSessions:
    """The operations. All are for people: a service account has no session."""

    def __init__(self, authority: Authority) -> None:
        self._authority = authority

    def operations(self) -> list[Operation]:
        people = permissions.PEOPLE
        missing = {404: "There is no such session of yours."}
        wrong = {403: "The current password is wrong.", 409: "The password was changed meanwhile."}
        return [
            Operation("GET", SESSIONS, self._list, "List your sessions", people, answer=OwnSessionList),
            Operation("DELETE", SESSION, self._end, "End one of your sessions", people, status=204, refusals=missing),
            Operation("POST", LOGOUT, self._logout, "End the session that asks for it", people, status=204),
            Operation(
                "POST",
                PASSWORD,
                self._password,
                "Change your password; ends all of your sessions",
                people,
                body=PasswordChange,
                status=204,
                refusals=wrong,
            ),
        ]

    async def _list(self, request: Request) -> Response:
        claims = _person(request)
        async with self._authority.database.transaction() as transaction:
            found = await sessions.listed(transaction, claims.subject, self._authority.rules.idle)
        items = [
            OwnSession(
                id=one.id,
                created_at=datetime.fromtimestamp(one.created_at, UTC),
                last_active_at=datetime.fromtimestamp(one.last_active_at, UTC),
                expires_at=datetime.fromtimestamp(one.expires_at, UTC),
                network=one.network,
                user_agent=one.user_agent,
                current=one.id == claims.session,
            )
            for one in found
        ]
        return answers.sent(OwnSessionList(items=items))

    async def _end(self, request: Request) -> Response:
        claims = _person(request)
        sid = _uuid(request.path_params["id"])
        async with self._authority.database.transaction() as transaction:
            session = await sessions.locked(transaction, sid) if sid else None
            if session is None or session.user_id != claims.subject or session.ended:
                raise Refusal(404, "There is no such session of yours.")
            await sessions.end(transaction, [session.id], _ENDED)
            await rows.add(transaction, self._event(audit.SESSION_ENDED, claims, session.id, request, _ENDED))
        return answers.nothing()

    async def _logout(self, request: Request) -> Response:
        claims = _person(request)
        async with self._authority.database.transaction() as transaction:
            sid = claims.session or ""
            if await sessions.end(transaction, [sid], _LOGGED_OUT):
                await rows.add(transaction, self._event(audit.LOGGED_OUT, claims, sid, request))
        return answers.nothing()

    async def _password(self, request: Request) -> Response:
        """Also for whoever has a stolen token, so guesses of the current one are slowed down as those of a login."""
        claims = _person(request)
        authority = self._authority
        network = await authority.admitted(request)
        given = await answers.body(request, PasswordChange)
        key = authority.failures.key(claims.subject, network)
        early = await authority.failures.begin(key)
        if early:
            authority.audit.refused(self._event(audit.PASSWORD_CHANGE_REFUSED, claims, "", request, "must_wait"))
            raise too_early("Too many wrong passwords", early)
        try:
            changed = await self._changed(request, claims, given)
        except (Busy, Unavailable):
            await authority.failures.taken_back(key)
            raise
        except Refusal:  # of the new password: the current one was right
            await authority.failures.succeeded(key)
            raise
        if not changed:
            authority.audit.refused(self._event(audit.PASSWORD_CHANGE_REFUSED, claims, "", request, "wrong_password"))
            raise Refusal(403, _WRONG)
        await authority.failures.succeeded(key)
        return answers.nothing()

    async def _changed(self, request: Request, claims: Claims, given: PasswordChange) -> bool:
        """Whether the current password was right; then the new one is in force and every session has ended."""
        authority = self._authority
        async with authority.database.transaction() as transaction:
            person = await people.by_id(transaction, claims.subject)
        current = password.normalised(given.current_password.get_secret_value())
        verified = await authority.passwords.verified(person.password_hash if person else None, current)
        if person is None or not verified.right:
            return False
        chosen = new_password(given.new_password, person.email, current)
        if isinstance(chosen, Refusal):
            raise chosen
        await self._store(person, await authority.passwords.hashed(chosen), claims, request)
        return True

    async def _store(self, seen: Person, password_hash: str, claims: Claims, request: Request) -> None:
        async with self._authority.database.transaction() as transaction:
            person = await people.locked(transaction, seen.id)
            if person is None or person.password_hash != seen.password_hash:
                raise Refusal(409, "The password was changed by somebody else meanwhile; log in again.")
            await people.set_password(transaction, person.id, password_hash)
            await people.cut_off(transaction, person.id, _PASSWORD_CHANGED)
            await rows.add(transaction, self._event(audit.PASSWORD_CHANGED, claims, person.id, request))

    def _event(self, type_: str, claims: Claims, object_: str, request: Request, code: str = "") -> Event:
        return Event(
            type_,
            code,
            self._authority.network(request),
            subject=claims.subject,
            organization=claims.organization or "",
            object=object_,
            session=claims.session or "",
            request_id=request_id(request),
        )


def _person(request: Request) -> Claims:
    """Claims with a session. Raises ``Refusal``."""
    claims = identity.claims_of(request)
    if claims.session is None:
        raise Refusal(403, "This is for people; a service account has no session.")
    return claims


def _uuid(text: str) -> str | None:
    try:
        return str(UUID(text))
    except ValueError:
        return None
