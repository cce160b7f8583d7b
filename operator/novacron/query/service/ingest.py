"""``POST /api/v1/vms/metrics``: samples of an organization's virtual machines, taken row by row.

Whatever is acknowledged is committed. A client that had no answer sends the same again: what is there already is
counted as duplicate and changes nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Annotated, Any
from uuid import UUID

from pydantic import AwareDatetime, Field
from starlette.requests import Request
from starlette.responses import Response

from novacron.core import duration
from novacron.query.domain import sample as rules
from novacron.query.domain.sample import InvalidSample, Sample, SampleReader
from novacron.query.service.asking import METRICS_WRITE, Asking
from novacron.query.service.counts import Counts
from novacron.query.service.intake import Intake
from novacron.query.service.parameters import view
from novacron.query.service.store import ingest
from novacron.workload.service import answers
from novacron.workload.service.answers import Body, Refusal, Sent
from novacron.workload.service.operations import Operation
from novacron.workload.service.settings import Limits

PATH = "/api/v1/vms/metrics"
MOST_SAMPLES = 10_000
LARGEST_BODY = 8 << 20
_HELD_BYTES = 4 * LARGEST_BODY
_BLOCK = 500
"""Samples that are read before others have their turn: a millisecond."""

Percent = Annotated[float, Field(ge=0, le=100)]
Counter = Annotated[int, Field(ge=0, lt=2**63, description="Bytes since the virtual machine's start.")]


# for the OpenAPI document alone: rows are read by domain/sample.py, for which one that is wrong is no end
class SentSample(Body):
    """One that cannot be taken costs the others nothing.

    Args:
        timestamp: RFC 3339 with an offset.
        cpu_usage, memory_usage, disk_usage: percent; null: not measured.
        network_in_bytes, network_out_bytes: counters since the virtual machine's start; null: not measured.
    """

    vm_id: UUID
    timestamp: AwareDatetime
    cpu_usage: Percent | None = None
    memory_usage: Percent | None = None
    disk_usage: Percent | None = None
    network_in_bytes: Counter | None = None
    network_out_bytes: Counter | None = None


class SampleBatch(Body):
    samples: Annotated[list[SentSample], Field(max_length=MOST_SAMPLES)]


class _Batch(Body):
    samples: Annotated[list[Any], Field(max_length=MOST_SAMPLES)]


class Rejected(Sent):
    """Args:
    row: which one, counted from 0.
    """

    row: int
    reason: str


class Ingested(Sent):
    """What became of each sample; the three add up.

    Args:
        accepted: new ones, which are kept.
        duplicate: those of a machine and moment that there is a sample of already, which stays as it is.
    """

    accepted: int
    duplicate: int
    rejected: list[Rejected]


class Ingest:
    """The operation."""

    def __init__(self, asking: Asking, counts: Counts) -> None:
        self._asking = asking
        self._counts = counts
        self._intake = Intake(_HELD_BYTES)
        self._reading = asyncio.Lock()
        self._behind = rules.taken_for(timedelta(seconds=asking.settings.retention_seconds))
        self._reasons = _reasons(self._behind)

    def operations(self) -> list[Operation]:
        summary = f"Send samples of virtual machines, at most {MOST_SAMPLES:,} at once"
        return [
            Operation("POST", PATH, self._ingest, summary, METRICS_WRITE, body=SampleBatch, answer=Ingested),
        ]

    def limits(self, base: Limits) -> Mapping[str, Limits]:
        return {PATH: base.model_copy(update={"body_bytes": LARGEST_BODY})}

    async def _ingest(self, request: Request) -> Response:
        organization = self._asking.caller(request).organization
        async with self._intake.body(request, LARGEST_BODY, organization) as body:
            samples, rejected = await self._read(body)
            kept = await self._kept(request, samples)
        rejected += [
            Rejected(row=row, reason=self._reasons[problem])
            for row, problem in zip(kept.rows, kept.problems, strict=True)
        ]
        rejected.sort(key=lambda one: one.row)
        duplicate = kept.valid - kept.accepted
        self._counts.sampled(accepted=kept.accepted, duplicate=duplicate, rejected=len(rejected))
        return answers.sent(Ingested(accepted=kept.accepted, duplicate=duplicate, rejected=rejected))

    async def _read(self, body: bytearray) -> tuple[list[tuple[int, Sample]], list[Rejected]]:
        """Samples with their rows, and those rows that are none.

        One body at a time: what the parser makes of it takes several times its size.
        """
        async with self._reading:
            sent = _parsed(body)
            reader = SampleReader()
            samples: list[tuple[int, Sample]] = []
            rejected: list[Rejected] = []
            for first in range(0, len(sent), _BLOCK):
                for row, one in enumerate(sent[first : first + _BLOCK], first):
                    try:
                        samples.append((row, reader.read(one)))
                    except InvalidSample as error:
                        rejected.append(Rejected(row=row, reason=str(error)))
                await asyncio.sleep(0)
        return samples, rejected

    async def _kept(self, request: Request, samples: Sequence[tuple[int, Sample]]) -> ingest.Kept:
        """Returns when they are committed."""
        if not samples:
            return ingest.Kept(0, 0, [], [])
        caller = self._asking.caller(request)
        organization = view(caller, None)
        async with self._asking.database.writing("ingest", caller, {"samples": len(samples)}) as transaction:
            kept = await ingest.kept(transaction, organization, samples, behind=self._behind, ahead=rules.AHEAD)
            transaction.rows = kept.accepted
        return kept


def _parsed(body: bytearray) -> Sequence[Any]:
    """Raises ``Refusal``; before it parses, where that would make far more objects than so many samples have."""
    if body.count(b",") > MOST_SAMPLES * len(Sample._fields):
        raise Refusal(400, f"samples: hold more than {MOST_SAMPLES:,} samples can; send fewer at once.")
    return answers.modelled(_Batch, answers.parsed(body)).samples


def _reasons(behind: timedelta) -> Mapping[str, str]:
    """What a client reads of a problem. Of another organization's virtual machine, and of none: the same."""
    oldest, ahead = (duration.written(round(length.total_seconds())) for length in (behind, rules.AHEAD))
    return {
        "late": f"timestamp: is more than {oldest} ago, for which no samples are taken any more; leave it out",
        "early": f"timestamp: is more than {ahead} in the future; correct the clock that it was taken by",
        "unknown": "vm_id: is no virtual machine of your organization; PUT it before, or leave it out",
    }
