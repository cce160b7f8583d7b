"""The wall around a workload that serves others' tokens: api, query and ml stand behind it; put together here once."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response

from novacron.adapters import plain_http
from novacron.auth.domain.client import Clients
from novacron.auth.domain.rate import per_minute
from novacron.auth.domain.revocation import Revocations
from novacron.auth.service import identity, permissions
from novacron.auth.service.activity import Activity
from novacron.auth.service.audit import Audit
from novacron.auth.service.feed import RevocationFeed
from novacron.auth.service.internal_port import InternalPort
from novacron.auth.service.keys import KeySetFile
from novacron.auth.service.limiter import Limiter
from novacron.auth.service.settings import RateLimitSettings, WallSettings
from novacron.auth.service.standing import Standing, SwitchedOff
from novacron.auth.service.verified import VerifiedTokens
from novacron.auth.service.wall import SecureAuthMiddleware, Seen
from novacron.auth.service.wall_metrics import WallMetrics
from novacron.workload.service import answers, openapi, outages
from novacron.workload.service.context import Context, Service
from novacron.workload.service.operations import Handler, Operation
from novacron.workload.service.operations import routes as operation_routes
from novacron.workload.service.settings import Limits

if TYPE_CHECKING:
    from novacron.adapters.redis import Commands

_NO_LIMITS: Mapping[str, Limits] = {}


def service(
    context: Context,
    operations: Sequence[Operation] = (),
    *,
    commands: Commands | None = None,
    limited: bool = False,
    limits: Mapping[str, Limits] = _NO_LIMITS,
    answering: Callable[[Handler], Handler] = outages.answering,
) -> Service:
    """A role's operations behind the wall, with one more that says who asks, and the document of all of them.

    Args:
        commands: Redis, where the role has one: news of revocations come through it.
        limited: whether clients enter here.
        limits: path -> limits that differ from those of the settings.
        answering: makes answers of what the operations raise.

    Raises:
        InvalidSettings: settings.json lacks what the wall needs.
    """
    settings = context.own(WallSettings)
    metrics = WallMetrics(context.telemetry.registry)
    audit = Audit()
    context.background.append(audit.run)
    tokens = VerifiedTokens(settings.token.max_age_seconds, metrics)
    context.dependencies.append(KeySetFile(context.settings.jwks_file, settings.token, tokens, context.telemetry))
    known = _known(context, settings, metrics, commands)
    limit = settings.rate_limit if limited else None
    clients = Clients(limit.trusted_proxies if limit else ())
    wall = Middleware(
        SecureAuthMiddleware,
        tokens=tokens,
        standing=known.standing,
        audit=audit,
        metrics=metrics,
        clients=clients,
        limiter=_limiter(limit),
        seen=known.seen,
    )
    title = f"NovaCron {context.settings.role}"
    documented = openapi.published(title, version("novacron"), [_ME, *operations], permissions.ANYBODY)
    guard = permissions.Guard(audit, metrics, functools.partial(identity.network_of, clients=clients))
    return Service(operation_routes(documented, guard, answering), middleware=[wall], limits=limits)


@dataclass(frozen=True, slots=True)
class _Known:
    """Where steps 5 to 7 ask, and who hears of activity."""

    standing: Standing
    seen: Seen | None = None


def _known(context: Context, settings: WallSettings, metrics: WallMetrics, commands: Commands | None) -> _Known:
    url = context.settings.peers.get("auth", {}).get("internal")
    if url is None:
        return _Known(SwitchedOff())
    internal = InternalPort(url, settings.internal_key_file, plain_http.ask)
    where, skew = urlsplit(url).netloc, settings.token.clock_skew_seconds
    feed = RevocationFeed(internal, Revocations(), metrics, skew=skew, where=where)
    activity = Activity(internal, metrics)
    context.dependencies.append(feed)
    context.background.extend((feed.run, activity.run))
    if commands is not None:
        from novacron.auth.service import hint  # a role without Redis need not hold its client

        context.background.append(hint.Hints(commands, hint.channel(settings.prefix), feed.hint).run)
    return _Known(feed, activity.seen)


def _limiter(limit: RateLimitSettings | None) -> Limiter | None:
    return Limiter(per_minute(limit.requests_per_minute)) if limit is not None else None


class Identity(answers.Sent):
    """Who asks, as this pod sees it.

    Args:
        organization: null for platform-admin only.
        session: null for a service account.
        expires: seconds since the epoch.
    """

    subject: str
    role: str
    organization: str | None
    session: str | None
    scopes: list[str]
    expires: int


async def me(request: Request) -> Response:
    claims = identity.claims_of(request)
    found = Identity(
        subject=claims.subject,
        role=claims.role,
        organization=claims.organization,
        session=claims.session,
        scopes=sorted(claims.scopes),
        expires=claims.expires,
    )
    return answers.sent(found)


_ME = Operation("GET", "/api/v1/me", me, "Who asks, as this pod sees it", permissions.ANYBODY, answer=Identity)
