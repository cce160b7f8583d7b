"""``/api/v1/auth/service-accounts``: machines of one organization, with scopes instead of a role.

A secret is shown once, when it is made. There is one for each account: a new one ends the one before and its tokens.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field
from pydantic.json_schema import SkipJsonSchema
from starlette.requests import Request
from starlette.responses import Response

from novacron.auth.domain import roles
from novacron.auth.domain.administration import Actor
from novacron.auth.service import audit, one_time, permissions
from novacron.auth.service.administration import (
    ACTIVE,
    CHANGED,
    INACTIVE,
    VERSION,
    Act,
    Administration,
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
from novacron.auth.service.store import accounts, service_accounts
from novacron.auth.service.store.service_accounts import AccountRow
from novacron.workload.service import answers, pages
from novacron.workload.service.answers import Body, Change, Sent
from novacron.workload.service.operations import Operation

ACCOUNTS = "/api/v1/auth/service-accounts"
ACCOUNT = "/api/v1/auth/service-accounts/{id}"
SECRET = "/api/v1/auth/service-accounts/{id}/secret"  # noqa: S105 - a path


def _sorted(scopes: list[str]) -> list[str]:
    if len(set(scopes)) < len(scopes):
        raise ValueError("must not name a scope twice")
    return sorted(scopes)


Scope = Literal["metrics:write", "token:introspect"]
Scopes = Annotated[list[Scope], Field(min_length=1, max_length=len(roles.SCOPES)), AfterValidator(_sorted)]


class AccountCreation(Body):
    """Args:
    organization_id: default: your own; a platform-admin must name one.
    """

    name: Name
    scopes: Scopes
    organization_id: Id | None = None


class AccountChange(Change):
    name: Name | SkipJsonSchema[None] = None
    scopes: Scopes | SkipJsonSchema[None] = None
    status: Status | SkipJsonSchema[None] = None


class AccountQuery(pages.PageQuery):
    status: Status | None = None
    organization_id: Id | None = None


class Account(Sent):
    """Args:
    id: also the client_id.
    """

    id: str
    organization_id: str
    name: str
    scopes: list[str]
    status: Status
    last_used: Moment | None
    created_at: Moment
    updated_at: Moment


class NewAccount(Account):
    """Args:
    client_secret: shown here and never again.
    """

    client_secret: str


class NewSecret(Sent):
    client_id: str
    client_secret: str


class AccountPage(Sent):
    items: list[Account]
    next: str | None


class ServiceAccounts:
    """The operations."""

    def __init__(self, authority: Authority) -> None:
        self._authority = authority
        self._administration = Administration(authority)

    def operations(self) -> list[Operation]:
        admins = permissions.ADMINS
        gone = {404: "There is no such service account, or not in your organization."}
        taken = {409: "The name is taken in this organization."}
        return [
            Operation(
                "GET", ACCOUNTS, self._list, "List service accounts", admins, query=AccountQuery, answer=AccountPage
            ),
            Operation(
                "POST",
                ACCOUNTS,
                self._create,
                "Create a service account; its secret is shown this once",
                admins,
                body=AccountCreation,
                answer=NewAccount,
                status=201,
                refusals=taken,
                headers={"Location": "Of the new one.", **VERSION},
            ),
            Operation(
                "GET",
                ACCOUNT,
                self._read,
                "Read a service account",
                admins,
                answer=Account,
                refusals=gone,
                headers=VERSION,
            ),
            Operation(
                "PATCH",
                ACCOUNT,
                self._change,
                "Change a service account's name, scopes or status; in force everywhere within 5 seconds",
                admins,
                body=AccountChange,
                answer=Account,
                refusals=gone | taken | CHANGED,
                headers=VERSION,
            ),
            Operation(
                "DELETE",
                ACCOUNT,
                self._deactivate,
                "Deactivate a service account: as PATCH with status inactive; the record stays",
                admins,
                status=204,
                refusals=gone | CHANGED,
            ),
            Operation(
                "POST",
                SECRET,
                self._rotate,
                "Make a new secret, shown this once; the one before and its tokens end",
                admins,
                answer=NewSecret,
                refusals=gone,
            ),
        ]

    async def _list(self, request: Request) -> Response:
        wanted = answers.query(request, AccountQuery)
        organization, bound = view(request, wanted.organization_id)
        one = pages.List("service accounts by created_at", {**wanted.filters(), **bound})
        async with self._authority.database.transaction() as transaction:
            found = await service_accounts.listed(
                transaction,
                organization_id=organization,
                active=wanted.status == ACTIVE if wanted.status else None,
                limit=wanted.limit + 1,
                after=one.after(wanted.cursor),
            )
        page = one.page(found, wanted.limit)
        return answers.sent(AccountPage(items=[_shown(row) for row in page.items], next=page.next))

    async def _read(self, request: Request) -> Response:
        async with self._authority.database.transaction() as transaction:
            found = _seen(await service_accounts.by_id(transaction, identified(request)), viewer(request))
        return answers.sent(_shown(found), headers=tag(found.version))

    async def _create(self, request: Request) -> Response:
        given = await answers.body(request, AccountCreation)
        secret = one_time.secret()
        async with self._administration.act(request, permissions.ADMINS) as act:
            home = act.actor.home(roles.SERVICE, given.organization_id) or ""
            await act.joinable(home)
            made = await service_accounts.added(
                act.transaction,
                organization_id=home,
                name=given.name,
                scopes=given.scopes,
                secret_sha256=one_time.digest(secret),
            )
            await act.record(audit.SERVICE_ACCOUNT_CREATED, made.id, home, scopes=" ".join(made.scopes))
        answer = NewAccount(**_shown(made).model_dump(), client_secret=secret)
        return answers.sent(answer, 201, {"Location": f"{ACCOUNTS}/{made.id}", **tag(made.version)})

    async def _change(self, request: Request) -> Response:
        given = await answers.body(request, AccountChange)
        async with self._administration.act(request, permissions.ADMINS) as act:
            changed = await _changed(request, act, given)
        return answers.sent(_shown(changed), headers=tag(changed.version))

    async def _deactivate(self, request: Request) -> Response:
        async with self._administration.act(request, permissions.ADMINS) as act:
            await _changed(request, act, AccountChange(status=INACTIVE))
        return answers.nothing()

    async def _rotate(self, request: Request) -> Response:
        secret = one_time.secret()
        async with self._administration.act(request, permissions.ADMINS) as act:
            row = _seen(await service_accounts.locked(act.transaction, identified(request)), act.actor)
            await service_accounts.set_secret(act.transaction, row.id, one_time.digest(secret))
            await accounts.refuse_tokens(act.transaction, row.id)
            await act.record(audit.SECRET_ROTATED, row.id, row.organization_id)
        return answers.sent(NewSecret(client_id=row.id, client_secret=secret))


async def _changed(request: Request, act: Act, given: AccountChange) -> AccountRow:
    before = _seen(await service_accounts.locked(act.transaction, identified(request)), act.actor)
    check_version(request, before.version)
    name, scopes = given.name or before.name, [*given.scopes] if given.scopes else sorted(before.scopes)
    active = given.status == ACTIVE if given.status else before.active
    if (name, scopes, active) == (before.name, sorted(before.scopes), before.active):
        return before
    await service_accounts.change(act.transaction, before.id, name=name, scopes=scopes, active=active)
    if (scopes, active) != (sorted(before.scopes), before.active):
        await accounts.refuse_tokens(act.transaction, before.id)
    if active != before.active:
        type_ = audit.SERVICE_ACCOUNT_REACTIVATED if active else audit.SERVICE_ACCOUNT_DEACTIVATED
        await act.record(type_, before.id, before.organization_id)
    if (name, scopes) != (before.name, sorted(before.scopes)):
        await act.record(audit.SERVICE_ACCOUNT_CHANGED, before.id, before.organization_id, scopes=" ".join(scopes))
    return _seen(await service_accounts.by_id(act.transaction, before.id), act.actor)


def _seen(row: AccountRow | None, actor: Actor) -> AccountRow:
    """Raises ``Refusal``."""
    if row is None or not actor.sees(row.organization_id):
        raise missing()
    return row


def _shown(row: AccountRow) -> Account:
    return Account(
        id=row.id,
        organization_id=row.organization_id,
        name=row.name,
        scopes=sorted(row.scopes),
        status="active" if row.active else "inactive",
        last_used=row.last_used,
        created_at=row.created_at,
        updated_at=row.updated_at,
    )
