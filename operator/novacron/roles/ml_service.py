"""The ml workload, put together: what it may take of memory and disk, its route, and the wall around it."""

from __future__ import annotations

import dataclasses

from starlette.middleware import Middleware
from starlette.requests import Request

from novacron.adapters import memory
from novacron.auth.service import identity
from novacron.ml.domain import capacity
from novacron.ml.domain.shares import Shares
from novacron.ml.service.admission import Admission
from novacron.ml.service.counts import Counts
from novacron.ml.service.features import FeaturesOfTables
from novacron.ml.service.health import MemoryDependency
from novacron.ml.service.jobs import Jobs
from novacron.ml.service.lingering import Lingering
from novacron.ml.service.settings import MlSettings
from novacron.ml.service.work import Extraction
from novacron.roles import guarded
from novacron.workload.service.context import Context, Service

_MEGABYTE = 1_000_000
_OWN_DISK = 20
"""Part of the disk, one in so many, that is left to the file system for its own: an emptyDir that is full evicts."""
_QUEUE_SECONDS = 10.0
_WAITING_A_PLACE = 2


def service(context: Context) -> Service:
    """Raises ``InvalidSettings``: settings.json lacks what ml needs."""
    settings = context.own(MlSettings)
    memory.keep()
    counts = Counts(context.telemetry.registry)
    limit = budget(settings, memory.limit() or memory.machine())
    disk = settings.spill_bytes - settings.spill_bytes // _OWN_DISK
    room = int(limit * settings.memory.warning) - memory.resident()
    places = capacity.places(room, disk)
    shares = Shares(disk, places)
    admission = Admission(places, shares, _WAITING_A_PLACE * places, _QUEUE_SECONDS)
    _watch(counts, admission, limit)
    context.dependencies.append(MemoryDependency(memory.limit(), settings.memory.critical))
    work = Extraction(settings, limit, max(capacity.JOB_BYTES, room // places))
    jobs = Jobs(work, admission, counts, settings.spill_directory)
    features = FeaturesOfTables(jobs, admission, counts, organization)
    found = guarded.service(context, features.operations(), limits=features.limits(context.settings.limits))
    return dataclasses.replace(found, middleware=[Middleware(Lingering), *found.middleware])


def budget(settings: MlSettings, limit: int) -> int:
    """Bytes that the process may use: never more than its container."""
    return min(settings.memory.max_mb * _MEGABYTE or limit, limit)


def organization(request: Request) -> str | None:
    """Of who asks, once the wall has let him pass."""
    return identity.claims_of(request).organization


def _watch(counts: Counts, admission: Admission, limit: int) -> None:
    counts.watch(
        {
            "memory_bytes": memory.resident,
            "memory_budget_bytes": lambda: limit,
            "jobs_running": lambda: admission.running,
            "jobs_waiting": lambda: admission.waiting,
            "places": lambda: admission.places,
            "spill_bytes": lambda: admission.shares.taken,
            "spill_limit_bytes": lambda: admission.shares.total,
        }
    )
