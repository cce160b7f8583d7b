"""``POST /api/v1/auth/login``: e-mail and password for a session.

Whatever is wrong, the answer is the same, and so is the work: an unknown person's password is verified too, against a
hash that nobody has. Only who knows the right password learns more: that it is a one-time password, say.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import AfterValidator, Field, SecretStr
from starlette.requests import Request
from starlette.responses import Response

from novacron.auth.domain import password
from novacron.auth.service import audit, opening, permissions
from novacron.auth.service.audit import Event
from novacron.auth.service.authority import Authority, request_id, too_early
from novacron.auth.service.passwords import Busy
from novacron.auth.service.store import audit as rows
from novacron.auth.service.store import people, sessions
from novacron.auth.service.store.database import Transaction
from novacron.auth.service.store.people import Person
from novacron.workload.service import answers
from novacron.workload.service.answers import Refusal, Unavailable
from novacron.workload.service.operations import Operation

PATH = "/api/v1/auth/login"
_USER_AGENT_LONGEST = 256
_REFUSED = "E-mail address or password is wrong, or the account is not active."
_DISPLACED = "displaced"
"""Why a session ended that was one too many."""


def _plain(text: str) -> str:
    if not text.isprintable():
        raise ValueError("must not hold control characters")
    return text


Email = Annotated[
    str, Field(min_length=3, max_length=password.EMAIL_LONGEST, pattern="^[^@]+@[^@]+$"), AfterValidator(_plain)
]
Secret = Annotated[SecretStr, Field(min_length=1, max_length=password.LONGEST)]


class Credentials(answers.Body):
    """Args:
    new_password: to be given with a one-time password, and only then.
    """

    email: Email
    password: Secret
    new_password: Secret | None = None


@dataclass(frozen=True, slots=True)
class _Proved:
    """A person who gave the right password.

    Args:
        new_hash: to be stored: of another password, or of the same under newer parameters.
        changed: whether it is of another password.
    """

    person: Person
    new_hash: str | None = None
    changed: bool = False


class Login:
    """The operation."""

    def __init__(self, authority: Authority) -> None:
        self._authority = authority

    def operations(self) -> list[Operation]:
        return [
            Operation(
                "POST",
                PATH,
                self._login,
                "Log in: e-mail address and password for a session",
                permissions.OPEN,
                body=Credentials,
                answer=opening.Tokens,
                refusals={
                    401: "E-mail address or password is wrong, or the account is not active.",
                    403: "The password was made to be used once: send new_password with it.",
                },
            )
        ]

    async def _login(self, request: Request) -> Response:
        authority = self._authority
        network = await authority.admitted(request)
        given = await answers.body(request, Credentials)
        email = password.email_key(given.email)
        key = authority.failures.key(email, network)
        early = await authority.failures.begin(key)
        if early:
            authority.counts.login("must_wait")
            authority.audit.refused(Event(audit.LOGIN_FAILED, "must_wait", network, request_id=request_id(request)))
            raise too_early("Too many failed logins of this account from this network", early)
        try:
            found = await self._attempt(request, network, email, given)
        except (Busy, Unavailable):
            authority.counts.login("busy")
            await authority.failures.taken_back(key)
            raise
        if isinstance(found, Refusal):
            if found.status != 401:
                await authority.failures.succeeded(key)
            raise found
        await authority.failures.succeeded(key)
        authority.counts.login("ok")
        return answers.document(found)

    async def _attempt(
        self, request: Request, network: str, email: str, given: Credentials
    ) -> dict[str, Any] | Refusal:
        """Once more where the password's hash was changed between looking and opening, by whomever."""
        for _ in range(2):
            proved = await self._proved(request, network, email, given)
            if isinstance(proved, Refusal):
                return proved
            opened = await self._opened(request, network, proved)
            if opened is not None:
                return opened
        raise Unavailable("PasswordChanges")

    async def _proved(self, request: Request, network: str, email: str, given: Credentials) -> _Proved | Refusal:
        authority = self._authority
        async with authority.database.transaction() as transaction:
            person = await people.by_email(transaction, email)
        text = password.normalised(given.password.get_secret_value())
        verified = await authority.passwords.verified(person.password_hash if person else None, text)
        if person is None or not verified.right or not person.active or person.password_expired:
            return self._refused(request, network, person, right=verified.right)
        if not person.one_time:
            if given.new_password is not None:
                return Refusal(400, "new_password: only with a one-time password; use /api/v1/auth/password.")
            return _Proved(person, await authority.passwords.hashed(text) if verified.outdated else None)
        if given.new_password is None:
            authority.counts.login("password_change_required")
            detail = "This password was made to be used once: send new_password with it."
            return Refusal(403, detail, code="password_change_required")
        chosen = new_password(given.new_password, person.email, text)
        if isinstance(chosen, Refusal):
            return chosen
        return _Proved(person, await authority.passwords.hashed(chosen), changed=True)

    def _refused(self, request: Request, network: str, person: Person | None, *, right: bool) -> Refusal:
        """The same whatever it was; the audit log knows more."""
        if person is None:
            code = "unknown_account"
        elif not right:
            code = "wrong_password"
        else:
            code = "password_expired" if person.active else "inactive"
        subject, organization = (person.id, person.organization_id or "") if person else ("", "")
        self._authority.counts.login("refused")
        self._authority.audit.refused(
            Event(
                audit.LOGIN_FAILED,
                code,
                network,
                subject=subject,
                organization=organization,
                request_id=request_id(request),
            )
        )
        return Refusal(401, _REFUSED)

    async def _opened(self, request: Request, network: str, proved: _Proved) -> dict[str, Any] | None:
        """A session; None: the person is not as it was any more. Logins of one person come here one by one."""
        authority = self._authority
        async with authority.database.transaction() as transaction:
            person = await people.locked(transaction, proved.person.id)
            if person is None or not person.active or person.password_hash != proved.person.password_hash:
                return None
            await self._make_room(transaction, person, network, request_id(request))
            session = await sessions.opened(
                transaction,
                person_id=person.id,
                seconds=authority.rules.lifetime,
                network=network,
                user_agent=_user_agent(request),
            )
            if proved.new_hash is not None and proved.changed:
                await people.set_password(transaction, person.id, proved.new_hash)
                await rows.add(transaction, _event(audit.PASSWORD_CHANGED, person, person.id, network, request))
            elif proved.new_hash is not None:
                await people.rehashed(transaction, person.id, proved.new_hash)
            await people.logged_in(transaction, person.id)
            await rows.add(transaction, _event(audit.LOGIN_SUCCEEDED, person, session.id, network, request))
            return await opening.tokens(authority, transaction, person, session, session.rotation)

    async def _make_room(self, transaction: Transaction, person: Person, network: str, request: str) -> None:
        unended = await sessions.unended(transaction, person.id)
        displaced = self._authority.rules.displaced(unended, await transaction.now())
        for sid in await sessions.end(transaction, displaced, _DISPLACED):
            event = Event(
                audit.SESSION_ENDED,
                _DISPLACED,
                network,
                subject=person.id,
                organization=person.organization_id or "",
                object=sid,
                request_id=request,
            )
            await rows.add(transaction, event)


def new_password(chosen: SecretStr, email: str, before: str) -> str | Refusal:
    """A password in the form that is hashed, or why it is refused.

    Args:
        before: the one that it replaces.
    """
    try:
        found = password.checked(chosen.get_secret_value(), email)
    except password.WeakPassword as error:
        return Refusal(400, f"new_password: {error}.")
    if found == before:
        return Refusal(400, "new_password: is the one before; take another one.")
    return found


def _event(type_: str, person: Person, object_: str, network: str, request: Request) -> Event:
    return Event(
        type_,
        network=network,
        subject=person.id,
        organization=person.organization_id or "",
        object=object_,
        request_id=request_id(request),
    )


def _user_agent(request: Request) -> str:
    """As far as it is printable, so that a list of sessions shows what it says and nothing else."""
    sent = request.headers.get("user-agent", "")[:_USER_AGENT_LONGEST]
    return "".join(char if char.isprintable() else "?" for char in sent)
