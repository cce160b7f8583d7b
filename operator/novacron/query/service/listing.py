"""Lists as they are answered: ``{items, next}``, of rows that PostgreSQL has written as JSON already."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Annotated, Any

import orjson
from pydantic import Field

from novacron.query.service.settings import PageSize
from novacron.query.service.store.page import Page
from novacron.workload.service import pages
from novacron.workload.service.answers import Query, Refusal
from novacron.workload.service.pages import List
from novacron.workload.service.representation import Representation

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

_LIMIT = "Items of a page; without it, and at most: spec.query.pageSize of the resource."


class ListQuery(Query):
    """Parameters of every list; a list's own filters are further ones."""

    limit: Annotated[int, Field(ge=1, le=10_000, description=_LIMIT)] | None = None
    cursor: pages.Cursor | None = None

    def size(self, known: PageSize) -> int:
        """Items of the page that is asked for. Raises ``Refusal``."""
        if self.limit is None:
            return known.default
        if self.limit > known.max:
            raise Refusal(400, f"limit: must be at most {known.max}; ask for less, and go on with next.")
        return self.limit


def given(filters: DataclassInstance) -> dict[str, Any]:
    """Members of a filter, for the audit log and for what a cursor is bound to; the caller's view is one of them."""
    return {one.name: getattr(filters, one.name) for one in fields(filters)}


def written(page: Page, one: List) -> Representation:
    """The answer."""
    following = one.cursor(*orjson.loads(page.last)) if page.more and page.last is not None else None
    return Representation(b'{"items":' + page.items.encode() + b',"next":' + orjson.dumps(following) + b"}")
