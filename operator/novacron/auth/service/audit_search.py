"""``GET /api/v1/auth/audit``: the audit log's table, the newest first, of what one may see of it."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator, AwareDatetime, Field
from starlette.requests import Request
from starlette.responses import Response

from novacron.auth.service import audit, permissions
from novacron.auth.service.administration import Id, Moment, view
from novacron.auth.service.authority import Authority
from novacron.auth.service.store import audit_search
from novacron.auth.service.store.audit_search import AuditFilter, AuditRow
from novacron.workload.service import answers, pages
from novacron.workload.service.answers import Refusal, Sent
from novacron.workload.service.operations import Operation

PATH = "/api/v1/auth/audit"


def _known(text: str) -> str:
    if text not in audit.TYPES:
        raise ValueError("is no type of an event; the OpenAPI document lists them")
    return text


Type = Annotated[str, AfterValidator(_known), Field(json_schema_extra={"enum": sorted(audit.TYPES)})]
Reference = Annotated[str, Field(min_length=1, max_length=128, pattern=r"^[\x21-\x7e]+$")]


class AuditQuery(pages.PageQuery):
    type: Type | None = None
    subject: Reference | None = Field(None, description="Id of who did it.")
    object: Reference | None = Field(None, description="Id of what it was done to.")
    organization_id: Id | None = None
    since: AwareDatetime | None = Field(None, description="That moment and later; RFC 3339 with an offset.")
    until: AwareDatetime | None = Field(None, description="Before that moment.")


class AuditEntry(Sent):
    id: int
    at: Moment
    type: str
    organization_id: str | None
    subject: str | None
    object: str | None
    network: str | None
    request_id: str | None
    details: dict[str, Any]


class AuditPage(Sent):
    items: list[AuditEntry]
    next: str | None


class AuditSearch:
    """The operation."""

    def __init__(self, authority: Authority) -> None:
        self._authority = authority

    def operations(self) -> list[Operation]:
        summary = "Search the audit log: logins, sessions, administration"
        return [Operation("GET", PATH, self._list, summary, permissions.ADMINS, query=AuditQuery, answer=AuditPage)]

    async def _list(self, request: Request) -> Response:
        wanted = answers.query(request, AuditQuery)
        if wanted.since is not None and wanted.until is not None and wanted.since >= wanted.until:
            raise Refusal(400, "until: is not later than since; exchange the two.")
        organization, bound = view(request, wanted.organization_id)
        one = pages.List("audit by at descending", {**wanted.filters(), **bound})
        filters = AuditFilter(wanted.type, wanted.subject, wanted.object, organization, wanted.since, wanted.until)
        before = one.position(wanted.cursor, pages.moment, pages.number)
        async with self._authority.database.transaction() as transaction:
            found = await audit_search.found(transaction, filters, wanted.limit + 1, before)
        page = one.page(found, wanted.limit)
        return answers.sent(AuditPage(items=[_shown(row) for row in page.items], next=page.next))


def _shown(row: AuditRow) -> AuditEntry:
    return AuditEntry.model_validate({name: getattr(row, name) for name in AuditEntry.model_fields})
