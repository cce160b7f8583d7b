"""What the routes of administration share: who acts, in which transaction, seen by whom, and told of in the audit log.

An act is decided on what is in the database while nobody else acts: also on the role that who acts has now, which need
not be the token's any more. What is not to be seen is a 404; what the role does not allow, a 403.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import AfterValidator, Field
from starlette.requests import Request

from novacron.auth.domain import administration as rules
from novacron.auth.domain import naming, password, roles
from novacron.auth.domain.administration import Actor, NotAllowed
from novacron.auth.service import audit, identity, permissions
from novacron.auth.service.audit import Event
from novacron.auth.service.authority import Authority, request_id
from novacron.auth.service.store import administration as store
from novacron.auth.service.store import audit as rows
from novacron.auth.service.store import organizations, people
from novacron.auth.service.store.administration import Taken
from novacron.auth.service.store.database import Transaction
from novacron.workload.service.answers import Refusal
from novacron.workload.service.operations import Access

DEACTIVATED = "deactivated"
"""Why sessions ended."""
VERSION = {"ETag": "The version, for If-Match."}
CHANGED = {412: "It was changed meanwhile: If-Match names another version."}

Status = Literal["active", "inactive"]
ACTIVE: Status = "active"
INACTIVE: Status = "inactive"
Moment = Annotated[datetime, AfterValidator(lambda value: value.astimezone(UTC))]


def _plain_name(text: str) -> str:
    try:
        return naming.name(text)
    except naming.InvalidName as error:
        raise ValueError(str(error)) from None


def _plain_email(text: str) -> str:
    try:
        return naming.email(text)
    except naming.InvalidName as error:
        raise ValueError(str(error)) from None


def _canonical(text: str) -> str:
    try:
        return str(UUID(text))
    except ValueError:
        raise ValueError("must be a UUID") from None


Name = Annotated[str, Field(min_length=1, max_length=naming.LONGEST), AfterValidator(_plain_name)]
Email = Annotated[
    str,
    Field(min_length=3, max_length=password.EMAIL_LONGEST, json_schema_extra={"format": "email"}),
    AfterValidator(_plain_email),
]
Id = Annotated[str, Field(max_length=45, json_schema_extra={"format": "uuid"}), AfterValidator(_canonical)]


@dataclass(frozen=True, slots=True)
class Act:
    """One act, in its transaction.

    Args:
        actor: as the database has them now.
    """

    transaction: Transaction
    actor: Actor
    network: str
    request_id: str
    session: str

    async def record(self, type_: str, object_: str, organization: str | None, **details: str) -> None:
        """Its row of the audit log, which belongs to the organization that it was done in."""
        event = Event(
            type_,
            network=self.network,
            subject=self.actor.id,
            organization=organization or "",
            object=object_,
            session=self.session,
            request_id=self.request_id,
            details=details,
        )
        await rows.add(self.transaction, event)

    async def joinable(self, organization_id: str | None) -> str | None:
        """An organization that may get members, none for who belongs to none. Raises ``NotAllowed``."""
        if organization_id is None:
            return None
        found = await organizations.by_id(self.transaction, organization_id)
        if found is None or not found.active:
            raise rules.unknown_organization()
        return organization_id


class Administration:
    """Opens acts, and looks."""

    def __init__(self, authority: Authority) -> None:
        self.authority = authority

    @asynccontextmanager
    async def act(self, request: Request, access: Access) -> AsyncIterator[Act]:
        """Acts are done one after the other. Raises ``Refusal``, also for what the block raises of the rules'.

        Args:
            access: what who acts must still be allowed.
        """
        claims, authority = identity.claims_of(request), self.authority
        try:
            async with authority.database.transaction() as transaction:
                await store.lock(transaction)
                person = await people.by_id(transaction, claims.subject)
                if person is None or not person.active or not roles.at_least(person.role, access.role):
                    self._refused(request, "rank_lost")
                    raise permissions.refusal(access)
                actor = Actor(person.id, person.role, person.organization_id)
                network = authority.network(request)
                yield Act(transaction, actor, network, request_id(request), claims.session or "")
        except NotAllowed as error:
            self._refused(request, error.code)
            raise _not_allowed(error) from None
        except Taken as error:
            self._refused(request, f"{error.field}_taken")
            raise Refusal(409, f"{error}.", code=f"{error.field}_taken") from None

    def _refused(self, request: Request, code: str) -> None:
        claims = identity.claims_of(request)
        event = Event(
            audit.ADMINISTRATION_REFUSED,
            code,
            self.authority.network(request),
            subject=claims.subject,
            organization=claims.organization or "",
            session=claims.session or "",
            request_id=request_id(request),
        )
        self.authority.audit.refused(event)


def _not_allowed(error: NotAllowed) -> Refusal:
    if error.code == rules.RANK:
        return Refusal(403, str(error), {"WWW-Authenticate": permissions.INSUFFICIENT}, code=error.code)
    return Refusal(409 if error.code == rules.OWN_ACCOUNT else 400, str(error), code=error.code)


def viewer(request: Request) -> Actor:
    """Who looks, by the token, which the wall has just held against the database."""
    claims = identity.claims_of(request)
    return Actor(claims.subject, claims.role, claims.organization)


def view(request: Request, asked: str | None) -> tuple[str | None, Mapping[str, Any]]:
    """The organization that a list is of, None: all; and what its cursors are bound to.

    Args:
        asked: the filter.

    Raises:
        Refusal: it is not to be seen, or not there.
    """
    actor = viewer(request)
    if asked is not None and not actor.sees(asked):
        raise Refusal(400, f"{rules.unknown_organization()}")
    everything = actor.role == roles.PLATFORM_ADMIN
    found = asked or (None if everything else actor.organization or "")
    return found, {"organization": found}


def identified(request: Request) -> str:
    """The path's id. Raises ``Refusal``."""
    try:
        return str(UUID(request.path_params["id"]))
    except ValueError:
        raise missing() from None


def missing() -> Refusal:
    """Of what is not there, and of what is another organization's."""
    return Refusal(404, "There is none of that id, or it is not yours to see; list them.")


def tag(version: int) -> dict[str, str]:
    """ETag (RFC 9110, 8.8.3) of a version."""
    return {"ETag": f'"{version:x}"'}


def check_version(request: Request, version: int) -> None:
    """Raises ``Refusal`` where If-Match names other versions (RFC 9110, 13.1.1). Without it, the last one wins."""
    asked = request.headers.get("if-match")
    if asked is None:
        return
    tags = [one.strip() for one in asked.split(",")]
    if "*" not in tags and tag(version)["ETag"] not in tags:
        raise Refusal(412, "It was changed meanwhile; read it again, and send its ETag as If-Match.")
