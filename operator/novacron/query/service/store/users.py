"""People as query sees them: the view `auth.user_directory`, which holds no credentials."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import LiteralString
from uuid import UUID

from novacron.query.service.store.database import Transaction
from novacron.query.service.store.page import EMPTY, MICROSECONDS, Page, at, conditions, paged

_ROWS: LiteralString = """SELECT id, email, username, status, created_at, updated_at, last_login, role, organization_id
    FROM auth.user_directory"""
_POSITION: LiteralString = MICROSECONDS.format(column="(item).created_at") + ", (item).id"
_FILTERS: Mapping[str, LiteralString] = {
    "organization": "organization_id = %(organization)s",
    "email": "lower(email) = lower(%(email)s)",
    "status": "status = %(status)s",
    "created_after": "created_at >= %(created_after)s",
}
_SORTS: Mapping[str, tuple[LiteralString, LiteralString]] = {
    "created_at": ("(created_at, id) > (%(at)s, %(id)s)", " ORDER BY created_at, id"),
    "-created_at": ("(created_at, id) < (%(at)s, %(id)s)", " ORDER BY created_at DESC, id DESC"),
}
"""What comes after a position, and the order."""
SORTS = tuple(_SORTS)
"""What a client may name."""


@dataclass(frozen=True, slots=True)
class UserFilter:
    """None: whatever it is."""

    organization: UUID | None = None
    email: str | None = field(default=None, repr=False)
    status: str | None = None
    created_after: datetime | None = None


async def listed(
    transaction: Transaction,
    wanted: UserFilter,
    sort: str,
    *,
    limit: int,
    after: tuple[int, str] | None = None,
    offset: int = 0,
) -> Page:
    """Args:
    after: position of the last one that was seen.
    """
    given = {name: value for name in _FILTERS if (value := getattr(wanted, name)) is not None}
    following, order = _SORTS[sort]
    wheres = [_FILTERS[name] for name in given]
    if after is not None:
        wheres.append(following)
        given |= {"at": at(after[0]), "id": UUID(after[1])}
    statement = paged(_ROWS + conditions(wheres) + order, _POSITION)
    return await transaction.first(Page, statement, **given, limit=limit, offset=offset) or EMPTY
