"""The ten steps, in their order, each with its answer, its count and its line of audit; and no way around them."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

import pytest
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from novacron.adapters import clock
from novacron.auth.domain.claims import Claims
from novacron.auth.domain.client import Clients
from novacron.auth.domain.rate import Rate
from novacron.auth.service import audit as events
from novacron.auth.service import identity
from novacron.auth.service.audit import Audit, Event
from novacron.auth.service.limiter import Limiter
from novacron.auth.service.standing import Objection, Unavailable
from novacron.auth.service.verified import VerifiedTokens
from novacron.auth.service.wall import Paths, Rotate, SecureAuthMiddleware
from novacron.auth.service.wall_metrics import REASONS, WallMetrics
from novacron.roles.guarded import me
from novacron.workload.service.application import Applications
from novacron.workload.service.readiness import Board
from novacron.workload.service.settings import Limits
from novacron.workload.service.telemetry import Telemetry
from tests.unit.auth.service.asgi import ask
from tests.unit.auth.service.feed_source import claims
from tests.unit.auth.service.judge import GOOD, Judge

BEARER = ("Authorization", f"Bearer {GOOD}")
UNTRIED = 'Bearer realm="novacron"'
INVALID = 'Bearer realm="novacron", error="invalid_token"'


class Known:
    """What is known of subjects and sessions."""

    def __init__(self) -> None:
        self.says: Objection | Unavailable | None = None

    async def objection(self, claims: Claims, now: float) -> Objection | None:
        if isinstance(self.says, Unavailable):
            raise self.says
        return self.says


async def _who(request: Request) -> Response:
    state = request.state
    return JSONResponse([state.claims.id, state.user.subject, state.user.active, state.session.id])


async def _crash(_request: Request) -> Response:
    raise ValueError("a defect")


@dataclass
class House:
    """A workload behind its wall."""

    limiter: Limiter | None = None
    rotate: Rotate | None = None
    trusted: tuple[str, ...] = ()
    known: Known = field(default_factory=Known)
    judge: Judge | None = field(default_factory=Judge)
    lines: list[Event] = field(default_factory=list)
    seen: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.telemetry = Telemetry("api")
        metrics = WallMetrics(self.telemetry.registry)
        tokens = VerifiedTokens(86400, metrics)
        tokens.adopt(self.judge)
        wall = Middleware(
            SecureAuthMiddleware,
            tokens=tokens,
            standing=self.known,
            audit=Audit(lambda event, _count: self.lines.append(event)),
            metrics=metrics,
            clients=Clients(self.trusted),
            limiter=self.limiter,
            open_paths=("/open", "/below/"),
            own_judges=("/authz/",),
            rotate=self.rotate,
            seen=lambda session, _moment: self.seen.append(session),
        )
        routes = [
            Route("/api/v1/me", me),
            Route("/vms/{id}", _who, methods=["GET", "DELETE"]),
            Route("/open", lambda _request: Response("open")),
            Route("/below/{more:path}", lambda _request: Response("below")),
            Route("/authz/{more:path}", lambda _request: Response("authz")),
            Route("/crash", _crash),
        ]
        board = Board([], self.telemetry, clock.monotonic)
        self.app = Applications(Limits(), board, self.telemetry).http(routes, [wall], {})

    def count(self, name: str, **labels: str) -> float:
        return self.telemetry.registry.get_sample_value(f"novacron_auth_{name}_total", labels) or 0.0

    def refused(self) -> dict[str, float]:
        """Reason -> count, of those that were counted."""
        return {reason: count for reason in REASONS if (count := self.count("refused", reason=reason))}


@dataclass(frozen=True)
class Branch:
    """One way to be refused."""

    status: int
    reason: str
    audit: str
    code: str = ""
    challenge: str = ""
    headers: tuple[tuple[str, str], ...] = (BEARER,)
    says: Objection | Unavailable | None = None
    retry: str = ""


def _shown(*values: str) -> tuple[tuple[str, str], ...]:
    return tuple(("Authorization", value) for value in values)


BRANCHES = {
    "2 no Authorization": Branch(401, "missing_token", events.MISSING_TOKEN, "", UNTRIED, ()),
    "3 another scheme": Branch(
        401, "invalid_format", events.INVALID_AUTHORIZATION, "other_scheme", UNTRIED, _shown("Basic YTpi")
    ),
    "3 nothing in it": Branch(
        400,
        "invalid_format",
        events.INVALID_AUTHORIZATION,
        "empty",
        'Bearer realm="novacron", error="invalid_request"',
        _shown("Bearer"),
    ),
    "3 twice": Branch(
        400,
        "invalid_format",
        events.INVALID_AUTHORIZATION,
        "doubled",
        'Bearer realm="novacron", error="invalid_request"',
        _shown(f"Bearer {GOOD}", f"Bearer {GOOD}"),
    ),
    "4 a token that is wrong": Branch(
        401, "token_invalid", events.TOKEN_VALIDATION_FAILED, "expired", INVALID, _shown("Bearer canary-of-a-token")
    ),
    "5 nobody": Branch(
        401, "user_not_found", events.USER_NOT_FOUND, "gone", INVALID, says=Objection("user_not_found", "gone")
    ),
    "6 somebody inactive": Branch(
        403,
        "user_inactive",
        events.INACTIVE_USER_ACCESS,
        "off",
        'Bearer realm="novacron", error="insufficient_scope"',
        says=Objection("user_inactive", "off"),
    ),
    "7 a session that has ended": Branch(
        401,
        "session_invalid",
        events.SESSION_INVALID,
        "session_ended",
        INVALID,
        says=Objection("session_invalid", "session_ended"),
    ),
    "it cannot be known": Branch(
        503,
        "unavailable",
        events.AUTH_UNAVAILABLE,
        "revocations_stale",
        says=Unavailable("revocations_stale", "no answer", 2),
        retry="2",
    ),
}


@pytest.mark.parametrize("branch", BRANCHES.values(), ids=BRANCHES)
@pytest.mark.parametrize("path", ["/api/v1/me", "/nothing/here"])
async def test_every_refusal_has_its_answer_its_count_and_its_line(branch: Branch, path: str) -> None:
    house = House()
    house.known.says = branch.says
    answer = await ask(house.app, path, *branch.headers)
    assert answer.status == branch.status
    assert answer.headers.get("www-authenticate", "") == branch.challenge
    assert answer.headers.get("retry-after", "") == branch.retry
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.json()["request_id"] == answer.headers["x-request-id"]
    assert house.refused() == {branch.reason: 1}
    (line,) = house.lines
    assert (line.type, line.code, line.network) == (branch.audit, branch.code, "192.0.2.1")
    assert line.request_id == answer.headers["x-request-id"]
    assert bool(line.subject) == (branch.says is not None and not isinstance(branch.says, Unavailable))
    assert house.seen == []
    assert "canary" not in f"{answer.body!r}{answer.headers}{house.lines}{house.telemetry.exposition()!r}"


async def test_too_many_requests_come_before_all_else() -> None:
    """Step 1."""
    house = House(limiter=Limiter(Rate(60, 2), lambda: 100.0))
    for _ in range(2):
        assert (await ask(house.app, "/api/v1/me")).status == 401
    house.lines.clear()
    for headers in ([], [BEARER], [("Authorization", "")]):
        answer = await ask(house.app, "/api/v1/me", *headers)
        assert (answer.status, answer.headers["retry-after"]) == (429, "1")
    assert house.refused() == {"missing_token": 2, "rate_limited": 3}
    assert house.count("limit_refusals", limit="requests") == 3
    assert [(line.type, line.network) for line in house.lines] == [(events.RATE_LIMIT_EXCEEDED, "192.0.2.1")]
    assert (await ask(house.app, "/api/v1/me", BEARER, peer=("192.0.2.2", 1))).status == 200


async def test_behind_a_proxy_each_client_has_its_own_limit() -> None:
    house = House(limiter=Limiter(Rate(60, 1), lambda: 100.0), trusted=("10.0.0.0/8",))

    async def status(*forwarded: str) -> int:
        headers = [("X-Forwarded-For", value) for value in forwarded]
        return (await ask(house.app, "/open", *headers, peer=("10.0.0.1", 1))).status

    assert [await status("192.0.2.1"), await status("192.0.2.1")] == [200, 429]
    assert [await status("192.0.2.1", "192.0.2.2"), await status("192.0.2.1, 192.0.2.2")] == [200, 429]


async def test_the_first_step_that_fails_is_the_one_that_is_told() -> None:
    house = House()
    house.known.says = Objection("user_inactive", "off")
    assert (await ask(house.app, "/api/v1/me", ("Authorization", "Bearer wrong"))).status == 401
    assert (await ask(house.app, "/api/v1/me", ("Authorization", "Basic x"))).status == 401
    assert house.refused() == {"token_invalid": 1, "invalid_format": 1}


async def test_nobody_learns_from_an_answer_what_is_wrong_with_a_token() -> None:
    """Forged, of nobody, revoked: the same words."""
    house, answers = House(), set()
    for says, token in (
        (None, "wrong"),
        (Objection("user_not_found", "gone"), GOOD),
        (Objection("session_invalid", "rotated"), GOOD),
        (Objection("session_invalid", "token_revoked"), GOOD),
    ):
        house.known.says = says
        answer = await ask(
            house.app, "/api/v1/me", ("Authorization", f"Bearer {token}"), ("X-Request-Id", "the-same-one")
        )
        answers.add((answer.status, json.dumps(answer.json(), sort_keys=True), str(sorted(answer.headers.items()))))
    assert len(answers) == 1


async def test_whoever_passes_is_known_to_the_route() -> None:
    """Steps 9 and 10."""
    house = House()
    answer = await ask(house.app, "/vms/secret-id", BEARER)
    assert answer.json() == ["token-1", "user-1", True, "session-1"]
    assert house.count("accepted", route="/vms/{id}") == 1
    assert "secret-id" not in house.telemetry.exposition().decode()
    assert house.seen == ["session-1"]
    assert house.lines == []
    assert house.refused() == {}


async def test_me() -> None:
    answer = await ask(House().app, "/api/v1/me", BEARER)
    assert answer.json() == {
        "subject": "user-1",
        "role": "viewer",
        "organization": "org-1",
        "session": "session-1",
        "scopes": [],
        "expires": GOOD_CLAIMS.expires,
    }
    assert answer.headers["cache-control"] == "no-store"


GOOD_CLAIMS = claims()


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "POST", "TRACE", "FOO"])
@pytest.mark.parametrize("path", ["/vms/1", "/nothing", "/", "/health/", "//health", "/open/x", "/openx", "/below"])
async def test_no_method_and_no_path_gets_by(method: str, path: str) -> None:
    house = House()
    answer = await ask(house.app, path, method=method)
    assert answer.status == 401
    assert house.refused() == {"missing_token": 1}


async def test_what_is_not_there_is_told_only_to_who_may_ask() -> None:
    house = House()
    assert (await ask(house.app, "/nothing", BEARER)).status == 404
    assert (await ask(house.app, "/vms/1", BEARER, method="POST")).status == 405
    assert house.count("accepted", route="(unmatched)") == 1


async def test_a_token_in_the_query_is_no_token() -> None:
    assert (await ask(House().app, "/api/v1/me", query=f"access_token={GOOD}")).status == 401


async def test_open_paths_are_limited_and_not_judged() -> None:
    house = House(limiter=Limiter(Rate(60, 2), lambda: 100.0))
    assert [(await ask(house.app, path)).status for path in ("/open", "/below/x", "/open")] == [200, 200, 429]


async def test_a_path_with_a_judge_of_its_own_is_left_to_it() -> None:
    house = House(limiter=Limiter(Rate(60, 1), lambda: 100.0))
    assert [(await ask(house.app, "/authz/x")).status for _ in range(3)] == [200] * 3


async def test_probes_stand_before_the_wall() -> None:
    house = House(limiter=Limiter(Rate(60, 1), lambda: 100.0))
    assert [(await ask(house.app, path)).status for path in ("/health", "/ready", "/health")] == [200] * 3


async def test_without_keys_nobody_can_be_judged() -> None:
    house = House(judge=None)
    answer = await ask(house.app, "/api/v1/me", BEARER)
    assert (answer.status, answer.headers["retry-after"]) == (503, "2")
    assert "keys" in answer.json()["detail"]
    assert (await ask(house.app, "/api/v1/me")).status == 401


async def test_a_defect_of_a_route_is_no_refusal() -> None:
    house = House()
    assert (await ask(house.app, "/crash", BEARER)).status == 500
    assert house.refused() == {}
    assert house.count("accepted", route="/crash") == 1


async def test_a_session_that_is_due_gets_a_new_token_with_its_answer() -> None:
    """Step 8."""

    async def rotate(claims: Claims) -> str | None:
        return f"new token of {claims.session}"

    answer = await ask(House(rotate=rotate).app, "/api/v1/me", BEARER)
    assert (answer.status, answer.headers["x-new-session-token"]) == (200, "new token of session-1")


async def test_a_session_that_is_not_due_gets_none() -> None:
    async def rotate(_claims: Claims) -> str | None:
        return None

    assert "x-new-session-token" not in (await ask(House(rotate=rotate).app, "/api/v1/me", BEARER)).headers


async def test_a_rotation_that_fails_is_told_and_stops_nobody() -> None:
    async def rotate(_claims: Claims) -> str | None:
        raise ConnectionError("canary: postgres://user:password@host")

    house = House(rotate=rotate)
    answer = await ask(house.app, "/api/v1/me", BEARER)
    assert (answer.status, "x-new-session-token" in answer.headers) == (200, False)
    assert house.count("rotations_failed") == 1
    (line,) = house.lines
    assert (line.type, line.code, line.subject) == (events.SESSION_ROTATION_FAILED, "ConnectionError", "user-1")


@pytest.mark.parametrize("says", [Objection("session_invalid", "rotated"), Unavailable("stale", "no answer")])
async def test_nobody_is_rotated_who_is_refused(says: Any) -> None:
    async def rotate(_claims: Claims) -> str | None:
        pytest.fail("rotated")

    house = House(rotate=rotate)
    house.known.says = says
    assert (await ask(house.app, "/api/v1/me", BEARER)).status in (401, 503)


async def test_a_client_without_an_address_is_limited_too() -> None:
    house = House(limiter=Limiter(Rate(60, 1), lambda: 100.0))
    assert [(await ask(house.app, "/open", peer=None)).status for _ in range(2)] == [200, 429]


async def test_whoever_is_refused_with_a_body_is_cut_off() -> None:
    """The rest of it would be waited for; requests without one keep their connection."""
    house = House()
    for header, closed in (
        (("Content-Length", "100"), True),
        (("Transfer-Encoding", "chunked"), True),
        (("Content-Length", "0"), False),
        (("Accept", "*/*"), False),
    ):
        answer = await ask(house.app, "/vms/1", header, method="POST")
        assert (answer.status, answer.headers.get("connection") == "close") == (401, closed)


def test_a_slash_alone_opens_nothing() -> None:
    with pytest.raises(ValueError, match="every path"):
        Paths(["/"])


async def test_who_asks_an_open_path_is_nobody() -> None:
    from starlette.requests import HTTPConnection

    scope = {"type": "http", "headers": [], "state": {}}
    with pytest.raises(TypeError, match="open"):
        identity.claims_of(HTTPConnection(scope))
