"""Verdicts for gateways in front of foreign backends: may this request pass, and whose is it?

``/authz/auth-request`` is for nginx, whose ``auth_request`` knows 2xx, 401 and 403 and makes a 500 of all else: what
would be another status is a 403 here, with the reason in a header. ``/authz/ext-authz/*`` is for Envoy, which passes
any status on. nginx may ask for more than a valid token: ``?role=operator`` (at least) and ``?scope=metrics:write``.

Judged as in our other workloads: the token by itself and the revocation feed, without a look into the database.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from urllib.parse import quote, urlsplit

from starlette.requests import Request
from starlette.responses import Response

from novacron.adapters import clock
from novacron.auth.domain import roles
from novacron.auth.domain.claims import Claims
from novacron.auth.domain.client import UNKNOWN, Clients
from novacron.auth.domain.refusal import TokenRefused
from novacron.auth.service import audit, permissions
from novacron.auth.service.audit import Audit, Event
from novacron.auth.service.authorization import NoBearer, bearer
from novacron.auth.service.limiter import Limiter
from novacron.auth.service.standing import Standing, Unavailable
from novacron.auth.service.wall import Seen, Tokens
from novacron.auth.service.wall_metrics import WallMetrics
from novacron.workload.service import problem
from novacron.workload.service.answers import CHALLENGE, Query
from novacron.workload.service.operations import ANY, Operation

AUTH_REQUEST = "/authz/auth-request"
EXT_AUTHZ = "/authz/ext-authz/{path:path}"
REASON = "X-Novacron-Reason"
_UNCACHED = {"Cache-Control": "no-store"}
_INVALID = f'{CHALLENGE}, error="invalid_token"'
_PATH_LONGEST = 256


IDENTITY = (
    "X-Novacron-Subject",
    "X-Novacron-Role",
    "X-Novacron-Organization",
    "X-Novacron-Session",
    "X-Novacron-Scopes",
)


class Asked(Query):
    """What nginx asks for besides a valid token. Not Envoy: behind its path come the parameters of the client."""

    role: str | None = None
    scope: str | None = None


@dataclass(frozen=True, slots=True)
class _No:
    """Args:
    reason: one of ``wall_metrics.REASONS``.
    challenge: WWW-Authenticate of a 401 or 403.
    """

    status: int
    reason: str
    event: Event
    challenge: str = ""
    retry_after: int = 0


@dataclass(frozen=True, slots=True)
class _Original:
    """The request that the gateway asks about.

    Args:
        path: without its query, which may hold anything; for the audit log alone.
    """

    method: str
    path: str
    network: str
    request_id: str
    authorization: list[bytes] = field(repr=False)

    def event(self, type_: str, code: str, claims: Claims | None = None) -> Event:
        known = {"method": self.method, "path": self.path}
        details = {name: value for name, value in known.items() if value}
        if claims is None:
            return Event(type_, code, self.network, request_id=self.request_id, details=details)
        return Event(
            type_,
            code,
            self.network,
            subject=claims.subject,
            organization=claims.organization or "",
            session=claims.session or "",
            request_id=self.request_id,
            details=details,
        )


class Gatekeeper:
    """The routes. The wall leaves these paths to it.

    Args:
        limiter: of requests by network.
        seen: told of sessions that are in use.
    """

    def __init__(
        self,
        *,
        tokens: Tokens,
        standing: Standing,
        audit: Audit,
        metrics: WallMetrics,
        clients: Clients,
        limiter: Limiter,
        seen: Seen,
    ) -> None:
        self._tokens = tokens
        self._standing = standing
        self._audit = audit
        self._metrics = metrics
        self._clients = clients
        self._limiter = limiter
        self._seen = seen

    def operations(self) -> list[Operation]:
        """Open for the wall: what they judge is the request that the gateway asks about."""
        headers = dict.fromkeys(IDENTITY, "Of whoever asks; empty: has none.")
        refusals = {401: "No valid access token.", 403: f"Not permitted; {REASON} says why."}
        nginx = ("Judge a request for nginx: 2xx, 401 or 403", Asked)
        envoy = ("Judge a request for Envoy", None)
        judged = ((AUTH_REQUEST, self._auth_request, *nginx), (EXT_AUTHZ, self._ext_authz, *envoy))
        return [
            Operation(ANY, path, handler, summary, permissions.OPEN, query=query, refusals=refusals, headers=headers)
            for path, handler, summary, query in judged
        ]

    async def _auth_request(self, request: Request) -> Response:
        """nginx sends the original request in headers of its own."""
        method, url = (request.headers.get(f"x-original-{name}", "") for name in ("method", "url"))
        original = self._original(request, method, _path(url))
        found = await self._judged(original)
        if isinstance(found, Claims):
            found = _permitted(request, original, found)
        self._tell(found, AUTH_REQUEST)
        if isinstance(found, Claims):
            return _yes(found)
        status = found.status if found.status in (401, 403) else 403
        headers = {**_UNCACHED, REASON: found.reason}
        return Response(status_code=status, headers=headers | {"WWW-Authenticate": found.challenge or CHALLENGE})

    async def _ext_authz(self, request: Request) -> Response:
        """Envoy sends the original request as it is, below this path."""
        original = self._original(request, request.method, f"/{request.path_params['path']}")
        found = await self._judged(original)
        self._tell(found, EXT_AUTHZ)
        if isinstance(found, Claims):
            return _yes(found)
        headers = {REASON: found.reason}
        headers |= {"WWW-Authenticate": found.challenge} if found.challenge else {}
        headers |= {"Retry-After": str(found.retry_after)} if found.retry_after else {}
        return problem.response(found.status, headers=headers, request_id=request.state.request_id)

    async def _judged(self, original: _Original) -> Claims | _No:
        """The wall's steps, in its order."""
        return self._limited(original) or await self._identified(original)

    def _tell(self, found: Claims | _No, route: str) -> None:
        """Counts and audits a verdict."""
        if isinstance(found, _No):
            self._metrics.refused(found.reason)
            self._audit.refused(found.event)
            return
        self._metrics.accepted(route)
        if found.session is not None:
            self._seen(found.session, clock.now().timestamp())

    def _original(self, request: Request, method: str, path: str) -> _Original:
        forwarded = ",".join(request.headers.getlist("x-forwarded-for")).encode("latin-1")
        return _Original(
            method if method in ANY else "",
            "".join(char if char.isprintable() else "?" for char in path[:_PATH_LONGEST]),
            self._clients.network(request.client.host, forwarded) if request.client else UNKNOWN,
            request.state.request_id,
            [value for name, value in request.scope["headers"] if name == b"authorization"],
        )

    def _limited(self, original: _Original) -> _No | None:
        early = self._limiter.check(original.network)
        if not early:
            return None
        self._metrics.limited("requests")
        event = original.event(audit.RATE_LIMIT_EXCEEDED, "requests")
        return _No(429, "rate_limited", event, retry_after=math.ceil(early))

    async def _identified(self, original: _Original) -> Claims | _No:
        now = clock.now().timestamp()
        try:
            claims = self._tokens.validate(bearer(original.authorization), now)
            objection = await self._standing.objection(claims, now)
        except NoBearer as error:
            return _unproved(error, original)
        except TokenRefused as error:
            self._metrics.token_refused(error.code)
            return _No(401, "token_invalid", original.event(audit.TOKEN_VALIDATION_FAILED, error.code), _INVALID)
        except Unavailable as error:
            event = original.event(audit.AUTH_UNAVAILABLE, error.code)
            return _No(503, "unavailable", event, retry_after=error.retry_after)
        if objection is None:
            return claims
        if objection.kind == "user_inactive":
            event = original.event(audit.INACTIVE_USER_ACCESS, objection.code, claims)
            return _No(403, "user_inactive", event, CHALLENGE)
        type_ = audit.USER_NOT_FOUND if objection.kind == "user_not_found" else audit.SESSION_INVALID
        return _No(401, objection.kind, original.event(type_, objection.code, claims), _INVALID)


def _path(url: str) -> str:
    """Without its query; empty where it is no URL."""
    try:
        return urlsplit(url).path
    except ValueError:
        return ""


def _unproved(error: NoBearer, original: _Original) -> _No:
    """RFC 6750, 3.1: no error code where no token was tried."""
    if error.why == "missing":
        return _No(401, "missing_token", original.event(audit.MISSING_TOKEN, ""), CHALLENGE)
    event = original.event(audit.INVALID_AUTHORIZATION, error.why)
    if error.why == "other_scheme":
        return _No(401, "invalid_format", event, CHALLENGE)
    return _No(400, "invalid_format", event, f'{CHALLENGE}, error="invalid_request"')


def _permitted(request: Request, original: _Original, claims: Claims) -> Claims | _No:
    """What the gateway asks for besides. A role or scope that there is not is nobody's."""
    role, scope = request.query_params.get("role"), request.query_params.get("scope")
    if role is not None and not (role in roles.PEOPLE and roles.at_least(claims.role, role)):
        return _No(403, "not_permitted", original.event(audit.NOT_PERMITTED, "role", claims), CHALLENGE)
    if scope is not None and scope not in claims.scopes:
        challenge = f'{CHALLENGE}, error="insufficient_scope"'
        return _No(403, "not_permitted", original.event(audit.NOT_PERMITTED, "scope", claims), challenge)
    return claims


def _yes(claims: Claims) -> Response:
    """Each header is always there, and empty where there is nothing to say: a gateway that copies only what is there
    would let the client's own through.
    """
    scopes = " ".join(sorted(claims.scopes))
    who = (claims.subject, claims.role, claims.organization or "", claims.session or "", scopes)
    headers = {name: quote(value, safe=" :@+-._~/") for name, value in zip(IDENTITY, who, strict=True)}
    return Response(status_code=200, headers=headers | _UNCACHED)
