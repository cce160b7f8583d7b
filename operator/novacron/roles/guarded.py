"""The wall around a workload that serves others' tokens: api, query and ml stand behind it; put together here once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import orjson
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from novacron.adapters import plain_http
from novacron.auth.domain.client import Clients
from novacron.auth.domain.rate import per_minute
from novacron.auth.domain.revocation import Revocations
from novacron.auth.service import identity
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
from novacron.workload.service.context import Context, Service

if TYPE_CHECKING:
    from novacron.adapters.redis import Commands

_NO_STORE = {"Cache-Control": "no-store"}


def service(
    context: Context, routes: Sequence[BaseRoute] = (), *, commands: Commands | None = None, limited: bool = False
) -> Service:
    """A role's routes behind the wall, with one more that says who asks.

    Args:
        commands: Redis, where the role has one: news of revocations come through it.
        limited: whether clients enter here (decisions.md 28).

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
    wall = Middleware(
        SecureAuthMiddleware,
        tokens=tokens,
        standing=known.standing,
        audit=audit,
        metrics=metrics,
        clients=Clients(limit.trusted_proxies if limit else ()),
        limiter=_limiter(limit),
        seen=known.seen,
    )
    return Service([Route("/api/v1/me", me), *routes], middleware=[wall])


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


async def me(request: Request) -> Response:
    """``GET /api/v1/me``: who asks, as this pod sees it."""
    claims = identity.claims_of(request)
    found = {
        "subject": claims.subject,
        "role": claims.role,
        "organization": claims.organization,
        "session": claims.session,
        "scopes": sorted(claims.scopes),
        "expires": claims.expires,
    }
    return Response(orjson.dumps(found), media_type="application/json", headers=_NO_STORE)
