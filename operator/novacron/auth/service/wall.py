"""The wall: what every request must pass before a route sees it (the specification's SecureAuthMiddleware). Pure ASGI.

Ten steps in order: 1 limit by network, 2 Authorization is there, 3 it is a bearer token, 4 the token is right, 5 its
subject is known, 6 and active, 7 its session stands, 8 rotation where it is due (auth alone), 9 the request gets its
identity, 10 it is counted. Every branch is counted and audited. What a client reads is the same for whatever is wrong
with a token, so nobody learns from it who exists.
"""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass
from typing import Protocol

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from novacron.adapters import clock
from novacron.auth.domain.claims import Claims
from novacron.auth.domain.client import UNKNOWN, Clients
from novacron.auth.domain.refusal import TokenRefused
from novacron.auth.service import audit as events
from novacron.auth.service import identity
from novacron.auth.service.audit import Audit, Event
from novacron.auth.service.authorization import NoBearer, bearer
from novacron.auth.service.limiter import Limiter
from novacron.auth.service.standing import Objection, Standing, Unavailable
from novacron.auth.service.wall_metrics import WallMetrics
from novacron.workload.service import problem
from novacron.workload.service.telemetry import UNMATCHED

_log = structlog.get_logger(__name__)

REALM = 'Bearer realm="novacron"'
_INVALID_TOKEN = f'{REALM}, error="invalid_token"'
_INVALID_REQUEST = f'{REALM}, error="invalid_request"'
_INSUFFICIENT = f'{REALM}, error="insufficient_scope"'
_TOKEN_TEXT = "The access token is not, or no longer, valid; get a new one."  # noqa: S105 - words
_NEW_TOKEN = b"x-new-session-token"

Rotate = Callable[[Claims], Awaitable[str | None]]
"""A new access token where the session is due for one."""


class Tokens(Protocol):
    """Judges a token by itself."""

    def validate(self, token: bytes, now: float) -> Claims:
        """Raises ``TokenRefused``, and ``Unavailable`` where there are no keys."""


class Seen(Protocol):
    """Told of each request of a session that passed."""

    def __call__(self, session: str, moment: float) -> None: ...


class SecureAuthMiddleware:
    """Wraps an application.

    Args:
        tokens: step 4.
        standing: steps 5 to 7.
        clients: whose address counts as whose.
        limiter: step 1; none where only our own workloads and administrators come in.
        open_paths: paths that anybody may ask for, within the limit; one that ends with a slash opens all below it.
        own_judges: paths, likewise, that see to all of this themselves: neither limited nor judged here.
        rotate: step 8.
        seen: activity of sessions.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        tokens: Tokens,
        standing: Standing,
        audit: Audit,
        metrics: WallMetrics,
        clients: Clients,
        limiter: Limiter | None = None,
        open_paths: Collection[str] = (),
        own_judges: Collection[str] = (),
        rotate: Rotate | None = None,
        seen: Seen | None = None,
    ) -> None:
        self._app = app
        self._tokens = tokens
        self._standing = standing
        self._audit = audit
        self._metrics = metrics
        self._clients = clients
        self._limiter = limiter
        self._open = Paths(open_paths)
        self._own_judges = Paths(own_judges)
        self._rotate = rotate
        self._seen = seen

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._own_judges.hold(scope["path"]):
            await self._app(scope, receive, send)
            return
        one = _One(scope, self._clients)
        refusal = self._limited(one)
        if refusal is None and not self._open.hold(scope["path"]):
            refusal = await self._judged(one)
        if refusal is not None:
            await self._refuse(one, refusal, receive, send)
            return
        try:
            await self._app(scope, receive, one.sender(send))
        finally:
            self._metrics.accepted(getattr(scope.get("route"), "path", UNMATCHED))

    def _limited(self, one: _One) -> _Refusal | None:
        """Step 1."""
        early = self._limiter.check(one.network) if self._limiter is not None else 0.0
        if not early:
            return None
        self._metrics.limited("requests")
        event, text = one.event(events.RATE_LIMIT_EXCEEDED, "requests"), "Too many requests from this network."
        return _Refusal(429, "rate_limited", event, text, retry_after=math.ceil(early))

    async def _judged(self, one: _One) -> _Refusal | None:
        """Steps 2 to 9."""
        now = clock.now().timestamp()
        try:
            token = bearer(one.authorization)
            claims = self._tokens.validate(token, now)
            objection = await self._standing.objection(claims, now)
        except NoBearer as error:
            return _unauthorized(error, one)
        except TokenRefused as error:
            self._metrics.token_refused(error.code)
            event = one.event(events.TOKEN_VALIDATION_FAILED, error.code)
            return _Refusal(401, "token_invalid", event, _TOKEN_TEXT, _INVALID_TOKEN)
        except Unavailable as error:
            event = one.event(events.AUTH_UNAVAILABLE, error.code)
            return _Refusal(503, "unavailable", event, str(error), retry_after=error.retry_after)
        if objection is not None:
            return _objected(objection, claims, one)
        if self._rotate is not None:
            one.new_token = await self._rotated(self._rotate, one, claims)
        identity.put(one.scope, claims)
        if self._seen is not None and claims.session is not None:
            self._seen(claims.session, now)
        return None

    async def _rotated(self, rotate: Rotate, one: _One, claims: Claims) -> str | None:
        """A failure is told, and the request goes on with the token that it has."""
        try:
            return await rotate(claims)
        except Exception as error:  # noqa: BLE001 - whatever it is: the token is right, so the request is
            _log.warning("session not rotated", kind=type(error).__name__)
            self._metrics.rotations_failed.inc()
            self._audit.refused(one.event(events.SESSION_ROTATION_FAILED, type(error).__name__, claims))
            return None

    async def _refuse(self, one: _One, refusal: _Refusal, receive: Receive, send: Send) -> None:
        self._metrics.refused(refusal.reason)
        self._audit.refused(refusal.event)
        headers = {"Connection": "close"} if one.has_body() else {}
        if refusal.challenge:
            headers["WWW-Authenticate"] = refusal.challenge
        if refusal.retry_after:
            headers["Retry-After"] = str(refusal.retry_after)
        answer = problem.response(refusal.status, refusal.text, headers=headers, request_id=one.request_id)
        await answer(one.scope, receive, send)


@dataclass(frozen=True, slots=True)
class _Refusal:
    """An answer that no route gives.

    Args:
        reason: one of wall_metrics.REASONS.
        challenge: WWW-Authenticate.
        retry_after: whole seconds; 0: no use in trying again.
    """

    status: int
    reason: str
    event: Event
    text: str
    challenge: str = ""
    retry_after: int = 0


class _One:
    """One request, as far as the wall knows it."""

    __slots__ = ("authorization", "network", "new_token", "request_id", "scope")

    def __init__(self, scope: Scope, clients: Clients) -> None:
        self.scope = scope
        self.authorization: list[bytes] = []
        self.new_token: str | None = None
        self.request_id: str = scope["state"]["request_id"]
        forwarded = b""
        for name, value in scope["headers"]:
            if name == b"authorization":
                self.authorization.append(value)
            elif name == b"x-forwarded-for":
                forwarded = forwarded + b"," + value if forwarded else value
        peer = scope["client"]
        self.network = clients.network(peer[0], forwarded) if peer else UNKNOWN

    def has_body(self) -> bool:
        """Nobody reads it where the request is refused, and its sender could take for ever over it."""
        lengths = [value for name, value in self.scope["headers"] if name in (b"content-length", b"transfer-encoding")]
        return any(value != b"0" for value in lengths)

    def event(self, type_: str, code: str, claims: Claims | None = None) -> Event:
        """Args:
        claims: where the token that was shown is right.
        """
        if claims is None:
            return Event(type_, code, self.network, request_id=self.request_id)
        return Event(
            type_,
            code,
            self.network,
            subject=claims.subject,
            organization=claims.organization or "",
            session=claims.session or "",
            request_id=self.request_id,
        )

    def sender(self, send: Send) -> Send:
        """Adds the header of step 8 where there is a new token."""
        token = self.new_token
        if token is None:
            return send

        async def with_token(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = [*message.get("headers", ()), (_NEW_TOKEN, token.encode("ascii"))]
                message = {**message, "headers": headers}
            await send(message)

        return with_token


class Paths:
    """Listed paths; one that ends with a slash stands for all below it too.

    Compared as the router compares them, so that both mean the same: decoded once, and never normalized.
    """

    def __init__(self, listed: Collection[str]) -> None:
        if "/" in listed:
            raise ValueError("a slash alone would open every path; name them")
        self._exact = frozenset(listed)
        self._below = tuple(path for path in self._exact if path.endswith("/"))

    def hold(self, path: str) -> bool:
        return path in self._exact or (bool(self._below) and path.startswith(self._below))


def _unauthorized(error: NoBearer, one: _One) -> _Refusal:
    """Steps 2 and 3: without an error code where no bearer token was tried (RFC 6750 3.1)."""
    if error.why == "missing":
        event = one.event(events.MISSING_TOKEN, "")
        return _Refusal(401, "missing_token", event, "This needs an access token.", REALM)
    event = one.event(events.INVALID_AUTHORIZATION, error.why)
    if error.why == "other_scheme":
        return _Refusal(401, "invalid_format", event, "This needs an access token: Authorization: Bearer.", REALM)
    return _Refusal(400, "invalid_format", event, f"The header Authorization is {error.why}.", _INVALID_REQUEST)


def _objected(objection: Objection, claims: Claims, one: _One) -> _Refusal:
    """Steps 5, 6 and 7."""
    event = one.event(_TYPES[objection.kind], objection.code, claims)
    if objection.kind == "user_inactive":
        return _Refusal(403, objection.kind, event, "This account may not do anything at present.", _INSUFFICIENT)
    return _Refusal(401, objection.kind, event, _TOKEN_TEXT, _INVALID_TOKEN)


_TYPES = {
    "user_not_found": events.USER_NOT_FOUND,
    "user_inactive": events.INACTIVE_USER_ACCESS,
    "session_invalid": events.SESSION_INVALID,
}
