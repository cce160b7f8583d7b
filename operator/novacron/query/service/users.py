"""``GET /api/v1/users``: people, for administrators; those of the own organization."""

from __future__ import annotations

import unicodedata
from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import AfterValidator, Field
from starlette.requests import Request
from starlette.responses import Response

from novacron.query.service import listing
from novacron.query.service.asking import ADMINS, TAGGED, Asking
from novacron.query.service.listing import ListQuery
from novacron.query.service.parameters import Id, Moment, Text, view
from novacron.query.service.store import users
from novacron.query.service.store.users import UserFilter
from novacron.workload.service import answers, pages
from novacron.workload.service.answers import Refusal, Sent
from novacron.workload.service.operations import Operation

PATH = "/api/v1/users"
OFFSET_MOST = 100_000
"""PostgreSQL reads all that it leaves out."""

Email = Annotated[Text, AfterValidator(lambda text: unicodedata.normalize("NFC", text).lower())]
Offset = Annotated[
    int,
    Field(ge=0, le=OFFSET_MOST, description="Items to leave out, for clients that know no cursor; without cursor."),
]
Status = Literal["active", "inactive"]


class UserQuery(ListQuery):
    organization: Id | None = Field(None, description="For platform-admins; others see their own alone.")
    email: Email | None = Field(None, description="The whole address, in any case of letters.")
    status: Status | None = None
    created_after: Moment | None = Field(None, description="That moment and later; RFC 3339 with an offset.")
    sort: Literal["created_at", "-created_at"] = "created_at"
    offset: Offset | None = None


class User(Sent):
    """Args:
    organization_id: null: of a platform-admin.
    """

    id: UUID
    email: str
    username: str
    status: Status
    created_at: datetime
    updated_at: datetime
    last_login: datetime | None
    role: Literal["viewer", "operator", "admin", "platform-admin"]
    organization_id: UUID | None


class UserPage(Sent):
    items: list[User]
    next: str | None


class Users:
    """The operation."""

    def __init__(self, asking: Asking) -> None:
        self._asking = asking

    def operations(self) -> list[Operation]:
        return [
            Operation("GET", PATH, self._list, "List people", ADMINS, query=UserQuery, answer=UserPage, headers=TAGGED)
        ]

    async def _list(self, request: Request) -> Response:
        wanted = answers.query(request, UserQuery)
        size = wanted.size(self._asking.settings.page_size)
        if wanted.offset is not None and wanted.cursor is not None:
            raise Refusal(400, "offset: is given beside cursor, which says where to go on; leave one of them out.")
        caller = self._asking.caller(request)
        filters = UserFilter(view(caller, wanted.organization), wanted.email, wanted.status, wanted.created_after)
        given = listing.given(filters)
        one = pages.List(f"users by {wanted.sort}", given)
        after = one.after(wanted.cursor)
        arguments = {**given, "sort": wanted.sort, "limit": size, "offset": wanted.offset}
        async with self._asking.database.reading("users", caller, arguments) as transaction:
            page = await users.listed(
                transaction, filters, wanted.sort, limit=size, after=after, offset=wanted.offset or 0
            )
            transaction.rows = page.shown
        return await listing.written(page, one).answer(request)
