"""``GET /api/v1/dashboard``: all virtual machines that one may see, as of one instant, and what they come to."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any
from uuid import UUID

import orjson
from pydantic import AwareDatetime, Field
from starlette.requests import Request
from starlette.responses import Response

from novacron.query.domain import dashboard as rules
from novacron.query.domain import plan
from novacron.query.domain.caller import Caller
from novacron.query.domain.dashboard import Judgement, OutOfSight, Question, Sort
from novacron.query.domain.plan import Plan
from novacron.query.domain.sample import AHEAD
from novacron.query.domain.vm import Status
from novacron.query.domain.windows import windows
from novacron.query.service.asking import PEOPLE, TAGGED, Asking
from novacron.query.service.cache import Answer, Cache
from novacron.query.service.parameters import Id, Moment, view
from novacron.query.service.store import dashboard as store
from novacron.query.service.store.page import at, microseconds
from novacron.workload.service import answers, pages
from novacron.workload.service.answers import Query, Refusal, Sent
from novacron.workload.service.operations import Operation
from novacron.workload.service.representation import Representation

PATH = "/api/v1/dashboard"

Instant = Annotated[AwareDatetime, Field(description="RFC 3339 with an offset.")]
Percent = Annotated[float, Field(ge=0, le=100)]


class DashboardQuery(Query):
    organization: Id | None = Field(None, description="For platform-admins; of others it can only be their own.")
    status: Status | None = None
    sort: Sort = Field("name", description="With a minus: the highest first, and the unknown ones last.")
    limit: Annotated[int, Field(ge=1, le=5000, description="Items of a page.")] = 1000
    cursor: pages.Cursor | None = None
    as_of: Moment | None = Field(None, description="RFC 3339 with an offset. Without it: now, or a little ago.")
    min_as_of: Moment | None = Field(None, description="An answer that is kept from before that will not do.")


class DashboardItem(Sent):
    """A virtual machine. Null: it was not measured then.

    Args:
        last_metric_time: of the newest sample of the hour before as_of; current_*: what it says.
        avg_cpu_5min: of the samples of the five minutes before as_of.
        cpu_status: critical above 90 %, warning above 75 %; memory: above 90 and 80.
    """

    id: UUID
    name: str
    status: Status
    cpu_cores: int
    memory_mb: int
    created_at: Instant
    organization_id: UUID
    last_metric_time: Instant | None
    current_cpu: Percent | None
    current_memory: Percent | None
    current_disk: Percent | None
    avg_cpu_5min: Percent | None
    avg_memory_5min: Percent | None
    max_cpu_1hour: Percent | None
    cpu_status: Judgement
    memory_status: Judgement


class DashboardSummary(Sent):
    """Of all virtual machines that the filter lets through, not of the page.

    Args:
        other: neither running nor stopped nor error.
        with_data: a sample of the hour before as_of is there.
        avg_cpu_usage: over those of which it is known; null: of none. avg_active_*: over the running ones of these.
    """

    total: int
    running: int
    stopped: int
    error: int
    other: int
    cpu_critical: int
    cpu_warning: int
    memory_critical: int
    memory_warning: int
    cpu_unknown: int
    memory_unknown: int
    with_data: int
    avg_cpu_usage: Percent | None
    avg_memory_usage: Percent | None
    avg_active_cpu: Percent | None
    avg_active_memory: Percent | None


class DashboardPage(Sent):
    """Args:
    as_of: windows end then; machines and their status are as they were when it was asked for.
    plan: how it was computed; the answer is the same either way.
    """

    as_of: Instant
    plan: Plan
    summary: DashboardSummary
    items: list[DashboardItem]
    next: str | None


class Dashboard:
    """The operation."""

    def __init__(self, asking: Asking, cache: Cache) -> None:
        self._asking = asking
        self._cache = cache
        self._retention = timedelta(seconds=asking.settings.retention_seconds)

    def operations(self) -> list[Operation]:
        summary = "Virtual machines with what was measured last, and a summary"
        return [
            Operation(
                "GET", PATH, self._get, summary, PEOPLE, query=DashboardQuery, answer=DashboardPage, headers=TAGGED
            )
        ]

    async def _get(self, request: Request) -> Response:
        wanted = answers.query(request, DashboardQuery)
        caller = self._asking.caller(request)
        organization = view(caller, wanted.organization)
        one = _list(wanted, organization)
        asked = _question(wanted, organization, one)
        if asked.as_of is not None and wanted.min_as_of is not None and asked.as_of < wanted.min_as_of:
            raise Refusal(400, "min_as_of: is after as_of, or after the page that cursor is of; leave it out.")
        key = (caller.role, asked)
        answer = await self._cache.answer(
            key, wanted.min_as_of, lambda: self._ask(caller, asked, wanted.min_as_of, one)
        )
        if wanted.min_as_of is not None and answer.as_of < wanted.min_as_of:
            raise Refusal(400, f"{rules.too_far('min_as_of')}.")
        response = await answer.representation.answer(request)
        self._cache.weigh(key)
        return response

    async def _ask(self, caller: Caller, asked: Question, oldest: datetime | None, one: pages.List) -> Answer:
        arguments = {
            "organization": asked.organization,
            "status": asked.status,
            "sort": asked.sort,
            "limit": asked.limit,
            "as_of": asked.as_of,
            "min_as_of": oldest,
            "after": asked.after,
        }
        async with self._asking.database.reading("dashboard", caller, arguments) as transaction:
            extent = await store.extent(transaction, asked)
            if oldest is not None and oldest > extent.now + AHEAD:
                oldest = None  # refused once this is answered, which others who asked for no such thing wait for
            as_of = _instant(extent.now, asked.as_of, oldest, self._retention)
            way = plan.chosen(extent.selected, extent.every)
            found = await store.found(transaction, way, asked, windows(as_of))
            transaction.rows = found.rows
        following = None
        if found.key is not None and found.id is not None:
            following = one.cursor(microseconds(as_of), found.key, found.id)
        return Answer(as_of, Representation(_document(as_of, way, found, following)))


def _list(wanted: DashboardQuery, organization: UUID | None) -> pages.List:
    """The page after a page is of the same instant, which its cursor holds."""
    filters: dict[str, Any] = {"view": organization, "status": wanted.status}
    if wanted.as_of is not None:
        filters["as_of"] = microseconds(wanted.as_of)
    return pages.List(f"dashboard by {wanted.sort}", filters)


def _question(wanted: DashboardQuery, organization: UUID | None, one: pages.List) -> Question:
    kind = pages.text if wanted.sort == "name" else _is_number
    position = one.position(wanted.cursor, pages.moment, kind, pages.identifier)
    as_of, after = wanted.as_of, None
    if position is not None:
        as_of, after = at(position[0]), (position[1], position[2])
    return Question(organization, wanted.status, wanted.sort, wanted.limit, as_of, after)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _instant(now: datetime, wanted: datetime | None, oldest: datetime | None, retention: timedelta) -> datetime:
    try:
        return rules.instant(now, wanted, oldest, retention)
    except OutOfSight as error:
        raise Refusal(400, f"{error}.") from None


def _document(as_of: datetime, way: Plan, found: store.Found, following: str | None) -> bytes:
    moment = as_of.astimezone(UTC).isoformat()
    head = f'{{"as_of":"{moment}","plan":"{way}","summary":{found.summary},"items":{found.items},"next":'
    return head.encode() + orjson.dumps(following) + b"}"
