"""``POST /api/v1/vms/metrics/query``: samples of up to 1,000 VMs in a range of time, as they came or by intervals."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import BeforeValidator, Field
from starlette.requests import Request
from starlette.responses import Response

from novacron.query.domain import spans
from novacron.query.domain.spans import InvalidSpan
from novacron.query.service import listing
from novacron.query.service.asking import PEOPLE, Asking
from novacron.query.service.parameters import Id, Moment, view
from novacron.query.service.store import metrics
from novacron.query.service.store.metrics import SampleFilter
from novacron.query.service.store.page import EMPTY
from novacron.workload.service import answers, pages
from novacron.workload.service.answers import Body, Refusal, Sent
from novacron.workload.service.operations import Operation
from novacron.workload.service.settings import Limits

PATH = "/api/v1/vms/metrics/query"
IDS_MOST = 1000
ROWS_DEFAULT, ROWS_MOST = 1000, 10_000
_LARGEST_BODY = 256 << 10


def _not_too_many(sent: Any) -> Any:
    if isinstance(sent, list) and len(sent) > IDS_MOST:
        raise ValueError(f"too many VM IDs requested (max: {IDS_MOST}); ask several times")
    return sent


Ids = Annotated[list[Id], BeforeValidator(_not_too_many), Field(json_schema_extra={"maxItems": IDS_MOST})]
Interval = Annotated[str, Field(max_length=spans.INTERVAL_LONGEST)]


class MetricsQuery(Body):
    """Args:
    vm_ids: those that are not there, or not in your organization, have no samples.
    start, end: both included; at most as far apart as samples are kept.
    interval: 30s, 5m or 1h say; one item for each that has samples, instead of the samples: averages of usages, and the
        last values of counters. It is named by its end, which belongs to it; its begin does not.
    limit: items of a page.
    cursor: member next of the page before.
    """

    vm_ids: Ids
    start: Moment
    end: Moment
    interval: Interval | None = None
    limit: Annotated[int, Field(ge=1, le=ROWS_MOST)] = ROWS_DEFAULT
    cursor: pages.Cursor | None = None


class Sample(Sent):
    """Args:
    cpu_usage, memory_usage, disk_usage: percent; null: not measured.
    network_in_bytes, network_out_bytes: counters since the VM's start.
    samples: that an interval had; without an interval it is not there.
    """

    vm_id: UUID
    timestamp: datetime
    cpu_usage: float | None
    memory_usage: float | None
    disk_usage: float | None
    network_in_bytes: int | None
    network_out_bytes: int | None
    samples: int | None = None


class SamplePage(Sent):
    items: list[Sample]
    next: str | None


class Metrics:
    """The operation."""

    def __init__(self, asking: Asking) -> None:
        self._asking = asking

    def operations(self) -> list[Operation]:
        summary = "Samples of virtual machines, by VM, the newest first"
        return [Operation("POST", PATH, self._query, summary, PEOPLE, body=MetricsQuery, answer=SamplePage)]

    def limits(self, base: Limits) -> Mapping[str, Limits]:
        return {PATH: base.model_copy(update={"body_bytes": _LARGEST_BODY})}

    async def _query(self, request: Request) -> Response:
        wanted = await answers.body(request, MetricsQuery, _LARGEST_BODY)
        caller = self._asking.caller(request)
        filters = self._filter(wanted, view(caller, None))
        given = filters.given()
        one = pages.List("samples by vm_id and timestamp descending", given)
        after = one.after(wanted.cursor)
        page = EMPTY
        if filters.ids:
            arguments = {**given, "limit": wanted.limit}
            async with self._asking.database.reading("vm_metrics", caller, arguments) as transaction:
                page = await metrics.queried(transaction, filters, limit=wanted.limit, after=after)
                transaction.rows = page.shown
        return await listing.written(page, one).answer(request)

    def _filter(self, wanted: MetricsQuery, organization: UUID | None) -> SampleFilter:
        """Raises ``Refusal``."""
        longest = self._asking.settings.retention_seconds
        try:
            span = spans.span(wanted.start, wanted.end, longest)
            interval = None if wanted.interval is None else spans.interval(wanted.interval, longest)
        except InvalidSpan as error:
            raise Refusal(400, f"{error}.") from None
        return SampleFilter(organization, sorted(set(wanted.vm_ids)), span, interval)
