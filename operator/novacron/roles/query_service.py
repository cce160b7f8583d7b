"""The query workload, put together: its database, its routes, and the wall around them."""

from __future__ import annotations

from starlette.requests import Request

from novacron.auth.service import identity
from novacron.query.domain.caller import Caller
from novacron.query.service import outages
from novacron.query.service.asking import Asking
from novacron.query.service.counts import Counts
from novacron.query.service.ingest import Ingest
from novacron.query.service.percentiles import PercentilesOfNumbers
from novacron.query.service.settings import QuerySettings
from novacron.query.service.store.database import Database
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
    ingest, percentiles = Ingest(asking, counts), PercentilesOfNumbers()
    base = context.settings.limits
    return guarded.service(
        context,
        [*_operations(asking), *ingest.operations(), *percentiles.operations()],
        commands=redis.opened(context),
        limits={**ingest.limits(base), **percentiles.limits(base)},
        answering=outages.answering,
    )


def _operations(_asking: Asking) -> list[Operation]:
    return []


def caller(request: Request) -> Caller:
    """Who asks, once the wall has let him pass."""
    claims = identity.claims_of(request)
    return Caller(claims.subject, claims.role, claims.organization)
