"""The auth workload, put together: its stores, its keys, its routes, and the wall around them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib.metadata import version

from starlette.middleware import Middleware
from starlette.routing import Route

from novacron.auth.domain.client import Clients
from novacron.auth.domain.rate import Rate, per_minute
from novacron.auth.domain.revocation import Revocations
from novacron.auth.service import (
    audit_search,
    authority,
    hint,
    jwks,
    login,
    metadata,
    organizations,
    outages,
    permissions,
    refresh,
    service_accounts,
    sessions,
    tokens,
    users,
)
from novacron.auth.service.activity import Activity
from novacron.auth.service.announcer import Announcer
from novacron.auth.service.audit import Audit
from novacron.auth.service.audit_rows import AuditRows
from novacron.auth.service.authority import Authority
from novacron.auth.service.authz import Gatekeeper
from novacron.auth.service.counts import Counts
from novacron.auth.service.failures import FailedLogins
from novacron.auth.service.feed import RevocationFeed
from novacron.auth.service.internal import InternalKey, InternalRoutes
from novacron.auth.service.issuing import Issuer
from novacron.auth.service.keys import KeySetFile
from novacron.auth.service.limiter import Limiter
from novacron.auth.service.own_feed import OwnFeed
from novacron.auth.service.own_settings import AuthSettings
from novacron.auth.service.own_standing import OwnStanding
from novacron.auth.service.passwords import Passwords, cores
from novacron.auth.service.shared_limiter import SharedLimiter
from novacron.auth.service.signing import SigningKeys
from novacron.auth.service.store.database import Database, Transaction
from novacron.auth.service.tidying import Tidying
from novacron.auth.service.verified import VerifiedTokens
from novacron.auth.service.wall import SecureAuthMiddleware
from novacron.auth.service.wall_metrics import WallMetrics
from novacron.workload.service import database, openapi, redis
from novacron.workload.service.context import Context, Service
from novacron.workload.service.operations import Operation
from novacron.workload.service.operations import routes as operation_routes
from novacron.workload.service.schema import SchemaDependency
from novacron.workload.service.settings import Limits

_AUTHZ = "/authz/"
_BODY_BYTES = 16 << 10
"""Of all that this role takes from clients: a token of 6 KiB, escaped."""


@dataclass(frozen=True, slots=True)
class _Judging:
    """What judges access tokens in this process: each by itself, and by the feed."""

    tokens: VerifiedTokens
    feed: RevocationFeed
    activity: Activity


class AuthService:
    """Builds each part once.

    Raises:
        InvalidSettings: settings.json lacks what auth needs.
    """

    def __init__(self, context: Context) -> None:
        self._context = context
        self._settings = settings = context.own(AuthSettings)
        registry = context.telemetry.registry
        self._metrics, self._counts = WallMetrics(registry), Counts(registry)
        self._connections = database.opened(context)
        self._commands = redis.opened(context, required=False)
        self._announcer = Announcer(self._commands, hint.channel(settings.prefix), self._counts)
        self._keys = SigningKeys(settings.signing_keys, context.telemetry)
        self._database = Database(self._connections, self._revocation_seconds, self._committed)
        rows = AuditRows(self._database, self._counts)
        self._audit = Audit(rows.write)
        self._internal_key = InternalKey(settings.internal_key_file, context.telemetry)
        self._feed = OwnFeed(self._database, settings.session.idle_seconds)
        self._authority = self._made()
        self._judging = self._judges()
        tidying = Tidying(self._database, settings.session.idle_seconds)
        context.background.extend((self._audit.run, rows.run, self._announcer.run, tidying.run))
        secret = context.settings.database.secret if context.settings.database else ""
        schema = SchemaDependency(self._connections, "auth", secret)
        context.dependencies.extend((schema, self._keys, self._internal_key))

    def service(self) -> Service:
        judging, clients = self._judging, self._authority.clients
        limiter = Limiter(per_minute(self._settings.rate_limit.requests_per_minute))
        own = OwnStanding(self._database, self._authority.rules, self._authority.issuer, self._counts)
        gatekeeper = Gatekeeper(
            tokens=judging.tokens,
            standing=judging.feed,
            audit=self._audit,
            metrics=self._metrics,
            clients=clients,
            limiter=limiter,
            seen=judging.activity.seen,
        )
        operations = [*self._operations(own), *gatekeeper.operations()]
        documented = openapi.published("NovaCron auth", version("novacron"), operations, permissions.ANYBODY)
        wall = Middleware(
            SecureAuthMiddleware,
            tokens=judging.tokens,
            standing=own,
            audit=self._audit,
            metrics=self._metrics,
            clients=clients,
            limiter=limiter,
            open_paths=_open(documented),
            own_judges=(_AUTHZ,),
            rotate=own.rotated,
            seen=judging.activity.seen,
        )
        guard = permissions.Guard(self._audit, self._metrics, self._authority.network)
        routes = operation_routes(documented, guard, outages.answering)
        internal = InternalRoutes(self._feed, self._internal_key).routes()
        return Service(routes, internal, [wall], self._limits(routes))

    def _operations(self, standing: OwnStanding) -> list[Operation]:
        settings, max_age = self._settings, self._settings.jwks_max_age_seconds
        return [
            *login.Login(self._authority).operations(),
            *refresh.Refresh(self._authority).operations(),
            *sessions.OwnSessions(self._authority).operations(),
            *tokens.TokenRoutes(self._authority, self._judging.tokens, standing).operations(),
            *users.Users(self._authority).operations(),
            *organizations.Organizations(self._authority).operations(),
            *service_accounts.ServiceAccounts(self._authority).operations(),
            *audit_search.AuditSearch(self._authority).operations(),
            *jwks.PublishedKeys(self._context.settings.jwks_file, max_age).operations(),
            *metadata.operations(settings.token.issuer, max_age),
        ]

    def _made(self) -> Authority:
        settings, limit = self._settings, self._settings.rate_limit
        passwords = Passwords(cores(), self._counts.password_checks.inc)
        self._context.background.append(passwords.run)
        rate = Rate(limit.logins_per_minute, max(1, limit.logins_per_minute // 2))
        token = settings.token
        return Authority(
            database=self._database,
            passwords=passwords,
            issuer=Issuer(token.issuer, token.audience, settings.access_token_seconds, self._keys),
            rules=settings.session.rules(),
            refresh_seconds=settings.refresh_token_seconds,
            failures=FailedLogins(self._commands, settings.prefix, self._metrics.shared_limit_fallback.inc),
            limits=SharedLimiter(self._commands, settings.prefix, {authority.LOGINS: rate}, self._metrics),
            clients=Clients(limit.trusted_proxies),
            audit=self._audit,
            counts=self._counts,
        )

    def _judges(self) -> _Judging:
        """As in every other workload, but for where the feed comes from."""
        context, token = self._context, self._settings.token
        verified = VerifiedTokens(token.max_age_seconds, self._metrics)
        feed = RevocationFeed(
            self._feed, Revocations(), self._metrics, skew=token.clock_skew_seconds, where="the database"
        )
        activity = Activity(self._feed, self._metrics)
        context.dependencies.extend((KeySetFile(context.settings.jwks_file, token, verified, context.telemetry), feed))
        hints = hint.Hints(self._commands, hint.channel(self._settings.prefix), feed.hint)
        context.background.extend((feed.run, activity.run, hints.run))
        return _Judging(verified, feed, activity)

    def _revocation_seconds(self) -> int:
        return self._settings.revocation_seconds(self._keys.lifetime)

    def _committed(self, transaction: Transaction) -> None:
        """What others are told of a transaction, once it is in force."""
        if transaction.revoked:
            self._announcer.announce()
        for event in transaction.events:
            self._audit.record(event)

    def _limits(self, routes: list[Route]) -> Mapping[str, Limits]:
        """Nothing that this role takes is large."""
        small = self._context.settings.limits.model_copy(update={"body_bytes": _BODY_BYTES})
        return {route.path: small for route in routes}


def _open(operations: Iterable[Operation]) -> list[str]:
    """Paths without an access token: they prove nothing, or their clients prove themselves otherwise.

    Also where there is no metadata, which a 404 is to say.
    """
    paths = [operation.path for operation in operations if operation.access.open]
    return [metadata.PATH, *(path for path in paths if not path.startswith(_AUTHZ))]
