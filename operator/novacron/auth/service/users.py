"""``/api/v1/auth/users``: people, for administrators. Passwords that they give away are good once, for a day."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field, SecretStr
from pydantic.json_schema import SkipJsonSchema
from starlette.requests import Request
from starlette.responses import Response

from novacron.auth.domain import password
from novacron.auth.domain.administration import Actor
from novacron.auth.service import audit, one_time, permissions
from novacron.auth.service.administration import (
    CHANGED,
    DEACTIVATED,
    INACTIVE,
    VERSION,
    Act,
    Administration,
    Email,
    Id,
    Moment,
    Name,
    Status,
    check_version,
    identified,
    missing,
    tag,
    view,
    viewer,
)
from novacron.auth.service.authority import Authority
from novacron.auth.service.store import people, users
from novacron.auth.service.store.users import UserFilter, UserRow
from novacron.workload.service import answers, pages
from novacron.workload.service.answers import Body, Change, Refusal, Sent
from novacron.workload.service.operations import Operation

USERS = "/api/v1/auth/users"
USER = "/api/v1/auth/users/{id}"
PASSWORD = "/api/v1/auth/users/{id}/password"  # noqa: S105 - a path

_CHANGEABLE = ("username", "role", "status", "organization_id")
_PASSWORD_RESET = "password_reset"  # noqa: S105 - why sessions ended

Role = Literal["viewer", "operator", "admin", "platform-admin"]
GivenPassword = Annotated[SecretStr, Field(min_length=1, max_length=password.LONGEST)]


class UserCreation(Body):
    """Args:
    organization_id: default: your own; a platform-admin belongs to none.
    username: default: what stands before the @.
    password: default: one is made up. Either is good once, for a day.
    """

    email: Email
    role: Role
    username: Name | None = None
    organization_id: Id | None = None
    password: GivenPassword | None = None


class UserChange(Change):
    """Args:
    organization_id: for platform-admins; with role where somebody ceases to be a platform-admin.
    """

    username: Name | SkipJsonSchema[None] = None
    role: Role | SkipJsonSchema[None] = None
    status: Status | SkipJsonSchema[None] = None
    organization_id: Id | SkipJsonSchema[None] = None


class PasswordReset(Body):
    """Args:
    password: default: one is made up. Either is good once, for a day.
    """

    password: GivenPassword | None = None


class UserQuery(pages.PageQuery):
    email: Email | None = None
    role: Role | None = None
    status: Status | None = None
    organization_id: Id | None = None


class User(Sent):
    """Args:
    organization_id: null: of a platform-admin.
    password_expires_at: until then a one-time password must be used; null: its owner chose it.
    """

    id: str
    organization_id: str | None
    email: str
    username: str
    role: Role
    status: Status
    last_login: Moment | None
    password_expires_at: Moment | None
    created_at: Moment
    updated_at: Moment


class NewUser(User):
    """Args:
    one_time_password: shown here and never again; null where you gave one.
    """

    one_time_password: str | None


class OneTimePassword(Sent):
    one_time_password: str | None
    password_expires_at: Moment


class UserPage(Sent):
    items: list[User]
    next: str | None


class Users:
    """The operations."""

    def __init__(self, authority: Authority) -> None:
        self._authority = authority
        self._administration = Administration(authority)

    def operations(self) -> list[Operation]:
        admins = permissions.ADMINS
        gone = {404: "There is no such person, or not in your organization."}
        own = {409: "It is the own account, which nobody changes here."}
        taken = {409: "The e-mail address is taken, in whichever organization."}
        made = {"Location": "Of the new one.", **VERSION}
        return [
            Operation("GET", USERS, self._list, "List people", admins, query=UserQuery, answer=UserPage),
            Operation(
                "POST",
                USERS,
                self._create,
                "Create a person, with a one-time password",
                admins,
                body=UserCreation,
                answer=NewUser,
                status=201,
                refusals=taken,
                headers=made,
            ),
            Operation("GET", USER, self._read, "Read a person", admins, answer=User, refusals=gone, headers=VERSION),
            Operation(
                "PATCH",
                USER,
                self._change,
                "Change a person's name, role, organization or status; in force everywhere within 5 seconds",
                admins,
                body=UserChange,
                answer=User,
                refusals=gone | own | CHANGED,
                headers=VERSION,
            ),
            Operation(
                "DELETE",
                USER,
                self._deactivate,
                "Deactivate a person: as PATCH with status inactive; the record stays",
                admins,
                status=204,
                refusals=gone | own | CHANGED,
            ),
            Operation(
                "POST",
                PASSWORD,
                self._reset,
                "Give a person a one-time password; ends all of the person's sessions",
                admins,
                body=PasswordReset,
                answer=OneTimePassword,
                refusals=gone | own,
            ),
        ]

    async def _list(self, request: Request) -> Response:
        wanted = answers.query(request, UserQuery)
        organization, bound = view(request, wanted.organization_id)
        one = pages.List("users by created_at", {**wanted.filters(), **bound})
        filters = UserFilter(organization, wanted.email, wanted.role, wanted.status)
        async with self._authority.database.transaction() as transaction:
            found = await users.listed(transaction, filters, wanted.limit + 1, one.after(wanted.cursor))
        page = one.page(found, wanted.limit)
        return answers.sent(UserPage(items=[_shown(row) for row in page.items], next=page.next))

    async def _read(self, request: Request) -> Response:
        async with self._authority.database.transaction() as transaction:
            found = _seen(await users.by_id(transaction, identified(request)), viewer(request))
        return answers.sent(_shown(found), headers=tag(found.version))

    async def _create(self, request: Request) -> Response:
        given = await answers.body(request, UserCreation)
        chosen = _password(given.password, given.email)
        password_hash = await self._authority.passwords.hashed(chosen)
        async with self._administration.act(request, permissions.ADMINS) as act:
            act.actor.check_grant(given.role)
            home = await act.joinable(act.actor.home(given.role, given.organization_id))
            made = await users.added(
                act.transaction,
                organization_id=home,
                email=given.email,
                username=given.username or given.email.partition("@")[0],
                role=given.role,
                password_hash=password_hash,
                password_seconds=one_time.SECONDS,
            )
            await act.record(audit.USER_CREATED, made.id, home, role=made.role)
        shown = None if given.password is not None else chosen
        answer = NewUser(**_shown(made).model_dump(), one_time_password=shown)
        return answers.sent(answer, 201, {"Location": f"{USERS}/{made.id}", **tag(made.version)})

    async def _change(self, request: Request) -> Response:
        given = await answers.body(request, UserChange)
        async with self._administration.act(request, permissions.ADMINS) as act:
            changed = await self._changed(request, act, given)
        return answers.sent(_shown(changed), headers=tag(changed.version))

    async def _deactivate(self, request: Request) -> Response:
        async with self._administration.act(request, permissions.ADMINS) as act:
            await self._changed(request, act, UserChange(status=INACTIVE))
        return answers.nothing()

    async def _changed(self, request: Request, act: Act, given: UserChange) -> UserRow:
        before = _seen(await users.locked(act.transaction, identified(request)), act.actor)
        check_version(request, before.version)
        if given.model_fields_set - {"username"}:
            act.actor.check_other(before.id)
        role = given.role or before.role
        act.actor.check_grant(role)
        home = act.actor.home(role, given.organization_id, before.organization_id)
        wanted = replace(
            before,
            organization_id=home,
            username=given.username or before.username,
            role=role,
            status=given.status or before.status,
        )
        differing = [name for name in _CHANGEABLE if getattr(before, name) != getattr(wanted, name)]
        if not differing:
            return before
        if "organization_id" in differing:
            await act.joinable(home)
        await users.change(act.transaction, wanted)
        await _effects(act, before, wanted, differing)
        return _seen(await users.by_id(act.transaction, before.id), act.actor)

    async def _reset(self, request: Request) -> Response:
        given = await answers.body(request, PasswordReset)
        user_id = identified(request)
        async with self._authority.database.transaction() as transaction:
            email = _seen(await users.by_id(transaction, user_id), viewer(request)).email
        chosen = _password(given.password, email)
        password_hash = await self._authority.passwords.hashed(chosen)
        async with self._administration.act(request, permissions.ADMINS) as act:
            before = _seen(await users.locked(act.transaction, user_id), act.actor)
            act.actor.check_other(before.id)
            act.actor.check_grant(before.role)
            await people.set_password(act.transaction, before.id, password_hash, expires_in=one_time.SECONDS)
            await people.cut_off(act.transaction, before.id, _PASSWORD_RESET)
            await act.record(audit.PASSWORD_RESET, before.id, before.organization_id)
            after = _seen(await users.by_id(act.transaction, user_id), act.actor)
        shown = None if given.password is not None else chosen
        return answers.sent(OneTimePassword(one_time_password=shown, password_expires_at=_expiry(after)))


async def _effects(act: Act, before: UserRow, after: UserRow, differing: Sequence[str]) -> None:
    """What others must hear of a change, in its transaction: its tokens, its sessions, its rows of the audit log."""
    if "status" in differing and after.status == INACTIVE:
        await people.cut_off(act.transaction, after.id, DEACTIVATED)
    elif {"status", "role", "organization_id"} & set(differing):
        await people.refuse_tokens(act.transaction, after.id)
    if "status" in differing:
        type_ = audit.USER_DEACTIVATED if after.status == INACTIVE else audit.USER_REACTIVATED
        await act.record(type_, after.id, after.organization_id)
    if set(differing) - {"status"}:
        details = {"changed": " ".join(differing), "role_before": before.role, "role": after.role}
        for home in dict.fromkeys((before.organization_id, after.organization_id)):  # both hear of who moves
            await act.record(audit.USER_CHANGED, after.id, home, **details)


def _shown(row: UserRow) -> User:
    known = {name: getattr(row, name) for name in User.model_fields}
    return User.model_validate(known)


def _expiry(row: UserRow) -> datetime:
    if row.password_expires_at is None:
        raise TypeError("a password that was just made for somebody else has a time by which it must be changed")
    return row.password_expires_at


def _seen(row: UserRow | None, actor: Actor) -> UserRow:
    """Raises ``Refusal``."""
    if row is None or not actor.sees(row.organization_id):
        raise missing()
    return row


def _password(given: SecretStr | None, email: str) -> str:
    """A given one in the form that is hashed, or one that is made up. Raises ``Refusal``."""
    if given is None:
        return one_time.password_for(email)
    try:
        return password.checked(given.get_secret_value(), email)
    except password.WeakPassword as error:
        raise Refusal(400, f"password: {error}.") from None
