"""``/api/v1/auth/organizations``: made and ended by platform-admins; an admin sees the own one."""

from __future__ import annotations

from pydantic.json_schema import SkipJsonSchema
from starlette.requests import Request
from starlette.responses import Response

from novacron.auth.domain.administration import Actor
from novacron.auth.service import audit, permissions
from novacron.auth.service.administration import (
    ACTIVE,
    CHANGED,
    DEACTIVATED,
    INACTIVE,
    VERSION,
    Act,
    Administration,
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
from novacron.auth.service.store import organizations
from novacron.auth.service.store.organizations import OrganizationRow
from novacron.workload.service import answers, pages
from novacron.workload.service.answers import Body, Change, Sent
from novacron.workload.service.operations import Operation

ORGANIZATIONS = "/api/v1/auth/organizations"
ORGANIZATION = "/api/v1/auth/organizations/{id}"


class OrganizationCreation(Body):
    name: Name


class OrganizationChange(Change):
    name: Name | SkipJsonSchema[None] = None
    status: Status | SkipJsonSchema[None] = None


class OrganizationQuery(pages.PageQuery):
    status: Status | None = None


class Organization(Sent):
    id: str
    name: str
    status: Status
    created_at: Moment
    updated_at: Moment


class OrganizationPage(Sent):
    items: list[Organization]
    next: str | None


class Organizations:
    """The operations."""

    def __init__(self, authority: Authority) -> None:
        self._authority = authority
        self._administration = Administration(authority)

    def operations(self) -> list[Operation]:
        admins, platform_admins = permissions.ADMINS, permissions.PLATFORM_ADMINS
        gone = {404: "There is no such organization, or it is not yours."}
        taken = {409: "The name is taken."}
        return [
            Operation(
                "GET",
                ORGANIZATIONS,
                self._list,
                "List organizations: all for a platform-admin, the own one for an admin",
                admins,
                query=OrganizationQuery,
                answer=OrganizationPage,
            ),
            Operation(
                "POST",
                ORGANIZATIONS,
                self._create,
                "Create an organization",
                platform_admins,
                body=OrganizationCreation,
                answer=Organization,
                status=201,
                refusals=taken,
                headers={"Location": "Of the new one.", **VERSION},
            ),
            Operation(
                "GET",
                ORGANIZATION,
                self._read,
                "Read an organization",
                admins,
                answer=Organization,
                refusals=gone,
                headers=VERSION,
            ),
            Operation(
                "PATCH",
                ORGANIZATION,
                self._change,
                "Change an organization's name or status",
                platform_admins,
                body=OrganizationChange,
                answer=Organization,
                refusals=gone | taken | CHANGED,
                headers=VERSION,
            ),
            Operation(
                "DELETE",
                ORGANIZATION,
                self._deactivate,
                "Deactivate an organization: as PATCH with status inactive; nobody in it may do anything any more",
                platform_admins,
                status=204,
                refusals=gone | CHANGED,
            ),
        ]

    async def _list(self, request: Request) -> Response:
        wanted = answers.query(request, OrganizationQuery)
        organization, bound = view(request, None)
        one = pages.List("organizations by created_at", {**wanted.filters(), **bound})
        async with self._authority.database.transaction() as transaction:
            found = await organizations.listed(
                transaction,
                organization_id=organization,
                active=wanted.status == ACTIVE if wanted.status else None,
                limit=wanted.limit + 1,
                after=one.after(wanted.cursor),
            )
        page = one.page(found, wanted.limit)
        return answers.sent(OrganizationPage(items=[_shown(row) for row in page.items], next=page.next))

    async def _read(self, request: Request) -> Response:
        async with self._authority.database.transaction() as transaction:
            found = _seen(await organizations.by_id(transaction, identified(request)), viewer(request))
        return answers.sent(_shown(found), headers=tag(found.version))

    async def _create(self, request: Request) -> Response:
        given = await answers.body(request, OrganizationCreation)
        async with self._administration.act(request, permissions.PLATFORM_ADMINS) as act:
            made = await organizations.added(act.transaction, given.name)
            await act.record(audit.ORGANIZATION_CREATED, made.id, made.id)
        location = {"Location": f"{ORGANIZATIONS}/{made.id}"}
        return answers.sent(_shown(made), 201, {**location, **tag(made.version)})

    async def _change(self, request: Request) -> Response:
        given = await answers.body(request, OrganizationChange)
        async with self._administration.act(request, permissions.PLATFORM_ADMINS) as act:
            changed = await _changed(request, act, given)
        return answers.sent(_shown(changed), headers=tag(changed.version))

    async def _deactivate(self, request: Request) -> Response:
        async with self._administration.act(request, permissions.PLATFORM_ADMINS) as act:
            await _changed(request, act, OrganizationChange(status=INACTIVE))
        return answers.nothing()


async def _changed(request: Request, act: Act, given: OrganizationChange) -> OrganizationRow:
    before = _seen(await organizations.locked(act.transaction, identified(request)), act.actor)
    check_version(request, before.version)
    name = given.name or before.name
    active = given.status == ACTIVE if given.status else before.active
    if (name, active) == (before.name, before.active):
        return before
    await organizations.change(act.transaction, before.id, name=name, active=active)
    if name != before.name:
        await act.record(audit.ORGANIZATION_CHANGED, before.id, before.id)
    if active != before.active:
        if not active:
            await organizations.end_sessions(act.transaction, before.id, DEACTIVATED)
        await organizations.refuse_tokens(act.transaction, before.id)
        type_ = audit.ORGANIZATION_REACTIVATED if active else audit.ORGANIZATION_DEACTIVATED
        await act.record(type_, before.id, before.id)
    return _seen(await organizations.by_id(act.transaction, before.id), act.actor)


def _seen(row: OrganizationRow | None, actor: Actor) -> OrganizationRow:
    """Raises ``Refusal``."""
    if row is None or not actor.sees(row.id):
        raise missing()
    return row


def _shown(row: OrganizationRow) -> Organization:
    status: Status = "active" if row.active else "inactive"
    return Organization(id=row.id, name=row.name, status=status, created_at=row.created_at, updated_at=row.updated_at)
