"""The query workload, put together: its database, its routes, and the wall around them."""

from __future__ import annotations

from starlette.requests import Request

from novacron.auth.service import identity
from novacron.query.domain.caller import Caller
from novacron.query.service import outages
from novacron.query.service.asking import Asking
from novacron.query.service.cache import Cache
from novacron.query.service.counts import CacheCounts, Counts
from novacron.query.service.dashboard import Dashboard
from novacron.query.service.health import QueriesDependency
from novacron.query.service.ingest import Ingest
from novacron.query.service.metrics import Metrics
from novacron.query.service.percentiles import PercentilesOfNumbers
from novacron.query.service.settings import QuerySettings
from novacron.query.service.store.database import Database
from novacron.query.service.users import Users
from novacron.query.service.vms import Vms
from novacron.roles import guarded
from novacron.workload.service import database, redis
from novacron.workload.service.context import Context, Service
from novacron.workload.service.schema import SchemaDependency


def service(context: Context) -> Service:
    """Raises ``InvalidSettings``: settings.json lacks what query needs."""
    settings = context.own(QuerySettings)
    sessions = database.opened(context)
    counts = Counts(context.telemetry.registry)
    schema = SchemaDependency(sessions, "query", settings.database.secret)
    context.dependencies.extend((schema, QueriesDependency(sessions, counts)))
    asking = Asking(settings, Database(sessions, settings.statement_timeout_seconds, counts), caller)
    metrics, ingest, percentiles = Metrics(asking), Ingest(asking, counts), PercentilesOfNumbers(caller)
    operations = [
        *Users(asking).operations(),
        *Vms(asking).operations(),
        *metrics.operations(),
        *Dashboard(asking, Cache(settings.cache_seconds, CacheCounts(context.telemetry.registry))).operations(),
        *ingest.operations(),
        *percentiles.operations(),
    ]
    base = context.settings.limits
    return guarded.service(
        context,
        operations,
        commands=redis.opened(context),
        limits={**metrics.limits(base), **ingest.limits(base), **percentiles.limits(base)},
        answering=outages.answering,
    )


def caller(request: Request) -> Caller:
    """Who asks, once the wall has let him pass."""
    claims = identity.claims_of(request)
    return Caller(claims.subject, claims.role, claims.organization)
