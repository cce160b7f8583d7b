"""The query workload, put together: its database, its routes, and the wall around them."""

from __future__ import annotations

from typing import Protocol

from starlette.requests import Request

from novacron.auth.service import identity
from novacron.query.domain.caller import Caller
from novacron.query.service import outages
from novacron.query.service.asking import Asking
from novacron.query.service.cache import Cache
from novacron.query.service.counts import CacheCounts, Counts
from novacron.query.service.dashboard import Dashboard
from novacron.query.service.metrics import Metrics
from novacron.query.service.settings import QuerySettings
from novacron.query.service.store.database import Database
from novacron.query.service.users import Users
from novacron.query.service.vms import Vms
from novacron.roles import guarded
from novacron.workload.service import database, redis
from novacron.workload.service.context import Context, Service
from novacron.workload.service.operations import Operation
from novacron.workload.service.schema import SchemaDependency


def service(context: Context) -> Service:
    """Raises ``InvalidSettings``: settings.json lacks what query needs."""
    settings = context.own(QuerySettings)
    sessions = database.opened(context)
    context.dependencies.append(SchemaDependency(sessions, "query", settings.database.secret))
    counts = Counts(context.telemetry.registry)
    asking = Asking(settings, Database(sessions, settings.statement_timeout_seconds, counts), caller)
    metrics = Metrics(asking)
    cache = Cache(settings.cache_seconds, CacheCounts(context.telemetry.registry))
    return guarded.service(
        context,
        _operations(Users(asking), Vms(asking), metrics, Dashboard(asking, cache)),
        commands=redis.opened(context),
        limits=metrics.limits(context.settings.limits),
        answering=outages.answering,
    )


class _Family(Protocol):
    def operations(self) -> list[Operation]: ...


def _operations(*families: _Family) -> list[Operation]:
    return [operation for family in families for operation in family.operations()]


def caller(request: Request) -> Caller:
    """Who asks, once the wall has let him pass."""
    claims = identity.claims_of(request)
    return Caller(claims.subject, claims.role, claims.organization)
