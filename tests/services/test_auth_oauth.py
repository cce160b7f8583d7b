"""OAuth's endpoints, verdicts for gateways, public keys and the internal port: a pod on real datastores."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import pytest

from tests.services.conftest import REDIS_PASSWORD
from tests.support.auth_pods import AuthPods, Machine, feed, form, given, post, refreshed, sessions
from tests.support.postgres import Postgres
from tests.support.redis_server import RedisServer
from tests.support.service_process import Answer, ServiceProcess
from tests.support.waiting import until

TOKEN, INTROSPECT, REVOKE = "/api/v1/auth/token", "/api/v1/auth/introspect", "/api/v1/auth/revoke"
METADATA = "/.well-known/oauth-authorization-server"


@pytest.fixture(scope="module")
def auth(postgres: Postgres, redis_server: RedisServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[AuthPods]:
    files: dict[str, str | bytes] = {"password": REDIS_PASSWORD, "ca.crt": redis_server.ca}
    with AuthPods(tmp_path_factory.mktemp("auth"), postgres, redis_server, files, pods=2) as pods:
        yield pods


def token(auth: AuthPods, machine: Machine, **fields: str) -> Answer:
    return form(auth.pod, TOKEN, {"Authorization": machine.basic}, **{"grant_type": "client_credentials", **fields})


def access(auth: AuthPods, machine: Machine) -> str:
    found: str = token(auth, machine).json()["access_token"]
    return found


def introspected(auth: AuthPods, machine: Machine, text: str) -> dict[str, Any]:
    answer = form(auth.pod, INTROSPECT, {"Authorization": f"Bearer {access(auth, machine)}"}, token=text)
    assert answer.status == 200, answer
    assert answer.headers["cache-control"] == "no-store"
    found: dict[str, Any] = answer.json()
    return found


def gate(pod: ServiceProcess, bearer: str = "", query: str = "") -> Answer:
    """As nginx asks."""
    known = {"X-Original-URL": "https://app.example.invalid/x?canary", "X-Original-Method": "GET"}
    known |= {"Authorization": bearer} if bearer else {}
    return pod.ask(f"/authz/auth-request{query}", body=None, port=pod.port, **known)


# Tokens of service accounts


def test_a_service_account_gets_a_token(auth: AuthPods) -> None:
    machine = auth.machine("metrics:write", "token:introspect")
    for answer in (
        token(auth, machine),
        form(auth.pod, TOKEN, grant_type="client_credentials", client_id=machine.id, client_secret=machine.secret),
    ):
        assert answer.status == 200, answer
        assert answer.headers["cache-control"] == "no-store"
        members = answer.json()
        assert set(members) == {"access_token", "token_type", "expires_in", "scope"}
        assert members["scope"] == "metrics:write token:introspect"
        assert members["expires_in"] == 600
    assert token(auth, machine, scope="metrics:write").json()["scope"] == "metrics:write"


def test_a_token_of_a_service_account_lives_for_an_hour_at_most(
    postgres: Postgres, redis_server: RedisServer, auth: AuthPods
) -> None:
    found = introspected(auth, auth.machine("token:introspect"), access(auth, auth.machine("metrics:write")))
    assert found == {"active": False}  # of another organization
    machine = auth.machine("token:introspect")
    found = introspected(auth, machine, access(auth, machine))
    assert found["exp"] - found["iat"] == 600
    assert "sid" not in found


REFUSED: dict[str, tuple[dict[str, str], int, str]] = {
    "another grant": ({"grant_type": "password"}, 400, "unsupported_grant_type"),
    "a scope that it lacks": ({"scope": "token:introspect"}, 400, "invalid_scope"),
    "a scope that there is not": ({"scope": "canary"}, 400, "invalid_scope"),
    "twice": ({"client_secret": "canary"}, 400, "invalid_request"),
}


@pytest.mark.parametrize(("fields", "status", "error"), REFUSED.values(), ids=REFUSED)
def test_a_request_that_is_refused(auth: AuthPods, fields: dict[str, str], status: int, error: str) -> None:
    answer = token(auth, auth.machine("metrics:write"), **fields)
    assert (answer.status, answer.json()["error"]) == (status, error), answer
    assert answer.headers["content-type"] == "application/problem+json"
    assert b"canary" not in answer.body


def test_whatever_is_wrong_with_a_client_the_answer_is_the_same(auth: AuthPods) -> None:
    known, inactive = auth.machine("metrics:write"), auth.machine("metrics:write")
    auth.database.sql("UPDATE auth.service_accounts SET active = false WHERE id = %s", inactive.id)
    clients = [
        Machine(known.id, "canary", ""),
        Machine(str(uuid4()), known.secret, ""),
        Machine("no-uuid", known.secret, ""),
        inactive,
    ]
    seen = [(one.status, {**one.json(), "request_id": ""}) for one in (token(auth, client) for client in clients)]
    assert seen[0][0] == 401
    assert seen[0][1]["error"] == "invalid_client"
    assert all(one == seen[0] for one in seen)


@pytest.mark.parametrize("header", ["Basic canary", "Basic", "Bearer canary", "Basic " + "Y2FuYXJ5", "Basic canarÿ"])
def test_a_header_that_proves_nothing(auth: AuthPods, header: str) -> None:
    answer = form(auth.pod, TOKEN, {"Authorization": header}, grant_type="client_credentials")
    assert answer.status in (400, 401), answer
    assert b"canary" not in answer.body


@pytest.mark.parametrize("form_of", ["urn:uuid:{}", " {}", "{} ", "\u0660{}", "{{{}}}", "1_{}"])
def test_a_client_id_in_another_form_is_nobody(auth: AuthPods, form_of: str) -> None:
    """Python reads more spellings of a UUID than PostgreSQL does."""
    machine = auth.machine("metrics:write")
    for text in (machine.id, machine.id.replace("-", ""), machine.id.replace("-", "")[1:]):
        answer = token(auth, Machine(form_of.format(text), machine.secret, ""))
        assert (answer.status, answer.json()["error"]) == (401, "invalid_client"), answer


@pytest.mark.parametrize(
    "body", [b"grant_type=a&grant_type=b", b"\xff=1", b"a=%ff", b"x", b"&".join([b"a%d=1" % n for n in range(20)])]
)
def test_a_form_that_is_none(auth: AuthPods, body: bytes) -> None:
    machine = auth.machine("metrics:write")
    headers = {"Content_Type": "application/x-www-form-urlencoded", "Authorization": machine.basic}
    answer = auth.pod.ask(TOKEN, "POST", body=body, port=auth.pod.port, **headers)
    assert (answer.status, answer.json()["error"]) == (400, "invalid_request"), answer


# What a token says


def test_introspection_tells_of_tokens_of_its_organization(auth: AuthPods) -> None:
    person = auth.person("operator")
    mine = auth.log_in(person)
    machine = auth.machine("token:introspect", organization=person.organization or "")
    found = introspected(auth, machine, mine.access)
    assert found["active"] is True
    assert (found["sub"], found["role"], found["org"]) == (person.id, "operator", person.organization)
    assert (found["sid"], found["client_id"], found["token_type"]) == (mine.session, "novacron", "Bearer")
    assert introspected(auth, machine, auth.log_in(auth.person("platform-admin")).access)["active"] is True
    assert introspected(auth, machine, auth.log_in(auth.person()).access) == {"active": False}
    assert introspected(auth, machine, mine.refresh) == {"active": False}
    assert introspected(auth, machine, "canary") == {"active": False}
    post(auth.pods[1], "/api/v1/auth/logout", {"Authorization": mine.bearer})
    assert introspected(auth, machine, mine.access) == {"active": False}


def test_introspection_is_for_accounts_with_its_scope(auth: AuthPods) -> None:
    person = auth.log_in(auth.person("platform-admin"))
    machine = access(auth, auth.machine("metrics:write"))
    for bearer in (person.access, machine):
        answer = form(auth.pod, INTROSPECT, {"Authorization": f"Bearer {bearer}"}, token="x")
        assert answer.status == 403, answer
        assert 'error="insufficient_scope"' in answer.headers["www-authenticate"]
    assert form(auth.pod, INTROSPECT, token="x").status == 401


# The end of a token


def test_a_refresh_token_is_revoked_with_its_session(auth: AuthPods) -> None:
    mine = auth.log_in(auth.person())
    assert form(auth.pod, REVOKE, token=mine.refresh, token_type_hint="refresh_token").status == 200
    assert sessions(auth.pods[1], mine).status == 401
    assert refreshed(auth.pod, mine.refresh).status == 401
    assert form(auth.pod, REVOKE, token=mine.refresh).status == 200


def test_an_access_token_is_revoked_alone(auth: AuthPods) -> None:
    mine = auth.log_in(auth.person())
    assert form(auth.pod, REVOKE, token=mine.access).status == 200
    assert [sessions(pod, mine).status for pod in auth.pods] == [401, 401]
    assert refreshed(auth.pod, mine.refresh).status == 200


def test_a_token_that_is_not_known_is_revoked_already(auth: AuthPods) -> None:
    for text in ("canary", "ncr_" + "A" * 43, "a.b.c"):
        assert form(auth.pod, REVOKE, token=text).status == 200
    assert form(auth.pod, REVOKE).status == 400


def test_only_its_own_client_revokes_a_token(auth: AuthPods) -> None:
    machine, other, mine = auth.machine("metrics:write"), auth.machine("metrics:write"), auth.log_in(auth.person())
    text = access(auth, machine)
    assert form(auth.pod, REVOKE, token=text).status == 400
    assert form(auth.pod, REVOKE, {"Authorization": other.basic}, token=text).status == 400
    assert form(auth.pod, REVOKE, {"Authorization": other.basic}, token=mine.refresh).status == 400
    assert gate(auth.pod, f"Bearer {text}").status == 200
    assert form(auth.pod, REVOKE, {"Authorization": machine.basic}, token=text).status == 200
    for pod in auth.pods:
        until(lambda pod=pod: gate(pod, f"Bearer {text}").status == 401, "every gateway hears of it", 5)  # type: ignore[misc]
    wrong = Machine(machine.id, "canary", "")
    assert form(auth.pod, REVOKE, {"Authorization": wrong.basic}, token=text).status == 401


# Verdicts for gateways


def test_a_gateway_learns_who_asks(auth: AuthPods) -> None:
    person = auth.person("operator")
    mine = auth.log_in(person)
    for answer in (
        gate(auth.pod, mine.bearer),
        auth.pod.ask("/authz/ext-authz/some/path?canary", "DELETE", Authorization=mine.bearer),
        auth.pod.ask("/authz/ext-authz/", Authorization=mine.bearer),
    ):
        assert answer.status == 200, answer
        assert answer.headers["cache-control"] == "no-store"
        assert {name: answer.headers[f"x-novacron-{name}"] for name in ("subject", "role", "organization")} == {
            "subject": person.id,
            "role": "operator",
            "organization": person.organization,
        }
        assert (answer.headers["x-novacron-session"], answer.headers["x-novacron-scopes"]) == (mine.session, "")
    machine = auth.machine("metrics:write", "token:introspect")
    answer = gate(auth.pod, f"Bearer {access(auth, machine)}")
    assert (answer.headers["x-novacron-session"], answer.headers["x-novacron-role"]) == ("", "service")
    assert answer.headers["x-novacron-scopes"] == "metrics:write token:introspect"


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
def test_a_gateway_may_use_any_method(auth: AuthPods, method: str) -> None:
    assert auth.pod.ask("/authz/auth-request", method).status == 401
    assert auth.pod.ask("/authz/ext-authz/x", method).status == 401


HEADERS: dict[str, tuple[str, int, int, str]] = {
    "none": ("", 401, 401, "missing_token"),
    "another scheme": ("Basic canary", 401, 401, "invalid_format"),
    "an empty one": ("Bearer ", 403, 400, "invalid_format"),
    "rubbish": ("Bearer canary", 401, 401, "token_invalid"),
}


@pytest.mark.parametrize(("header", "nginx", "envoy", "reason"), HEADERS.values(), ids=HEADERS)
def test_a_gateway_hears_no(auth: AuthPods, header: str, nginx: int, envoy: int, reason: str) -> None:
    sent = {"Authorization": header} if header else {}
    answers = [
        auth.pod.ask(path, body=None, port=auth.pod.port, **sent)
        for path in ("/authz/auth-request", "/authz/ext-authz/x")
    ]
    assert [one.status for one in answers] == [nginx, envoy]
    for one in answers:
        assert one.headers["x-novacron-reason"] == reason
        assert one.headers["www-authenticate"].startswith('Bearer realm="novacron"')
        assert not [name for name in one.headers if name.startswith("x-novacron-") and name != "x-novacron-reason"]


@pytest.mark.parametrize(
    ("role", "query", "status"),
    [
        ("viewer", "?role=viewer", 200),
        ("viewer", "?role=operator", 403),
        ("admin", "?role=operator", 200),
        ("admin", "?role=canary", 403),
        ("admin", "?role=service", 403),
        ("platform-admin", "?scope=metrics:write", 403),
    ],
)
def test_a_gateway_asks_for_more(auth: AuthPods, role: str, query: str, status: int) -> None:
    assert gate(auth.pod, auth.log_in(auth.person(role)).bearer, query).status == status


def test_the_query_of_a_client_asks_for_nothing(auth: AuthPods) -> None:
    """Envoy appends the original request's, as it is."""
    mine = auth.log_in(auth.person("viewer"))
    assert auth.pod.ask("/authz/ext-authz/x?role=admin&scope=canary", Authorization=mine.bearer).status == 200


@pytest.mark.parametrize("url", ["http://[", "", "canary", "https://x/" + "y" * 5000, "\xff\xfe"])
def test_an_original_url_that_is_none_changes_nothing(auth: AuthPods, url: str) -> None:
    mine = auth.log_in(auth.person())
    answers = [
        auth.pod.ask("/authz/auth-request", X_Original_URL=url, Authorization=bearer)
        for bearer in (mine.bearer, "Bearer x")
    ]
    assert [one.status for one in answers] == [200, 401]


def test_a_service_account_has_scopes_and_no_rank(auth: AuthPods) -> None:
    bearer = f"Bearer {access(auth, auth.machine('metrics:write'))}"
    assert gate(auth.pod, bearer, "?scope=metrics:write").status == 200
    assert gate(auth.pod, bearer, "?scope=token:introspect").status == 403
    assert gate(auth.pod, bearer, "?role=viewer").status == 403


def test_every_gateway_hears_of_an_end_within_seconds(auth: AuthPods) -> None:
    mine = auth.log_in(auth.person())
    assert [gate(pod, mine.bearer).status for pod in auth.pods] == [200, 200]
    post(auth.pod, "/api/v1/auth/logout", {"Authorization": mine.bearer})
    for pod in auth.pods:
        until(lambda pod=pod: gate(pod, mine.bearer).status == 401, "the gateway refuses", 5)  # type: ignore[misc]


# Keys and metadata


def test_the_public_keys_are_there_for_everybody(auth: AuthPods) -> None:
    answer = auth.pod.ask("/.well-known/jwks.json")
    assert answer.status == 200
    assert answer.headers["cache-control"] == "public, max-age=300"
    assert answer.headers["content-type"] == "application/jwk-set+json"
    assert answer.json() == json.loads(auth.keys.key_set)
    tag = answer.headers["etag"]
    for given_tag in (tag, f'"other", W/{tag}', "*"):
        again = auth.pod.ask("/.well-known/jwks.json", If_None_Match=given_tag)
        assert (again.status, again.body, again.headers["etag"]) == (304, b"", tag)
    assert auth.pod.ask("/.well-known/jwks.json", If_None_Match='"other"').status == 200
    assert auth.pod.ask("/.well-known/jwks.json", "HEAD").status == 200


def test_nothing_private_is_ever_published(auth: AuthPods) -> None:
    pod = auth.pods[1]
    (key,) = json.loads(auth.keys.key_set)["keys"]
    try:
        pod.jwks.replace({"jwks.json": json.dumps({"keys": [{**key, "d": "canary", "p": "canary"}]})})
        assert b"canary" not in pod.ask("/.well-known/jwks.json").body
        pod.jwks.replace({"jwks.json": "rubbish"})
        assert pod.ask("/.well-known/jwks.json").json() == {"keys": [key]}
    finally:
        pod.jwks.replace({"jwks.json": auth.keys.key_set})


def test_there_is_no_metadata_of_an_issuer_without_a_url(auth: AuthPods) -> None:
    assert auth.pod.ask(METADATA).status == 404


# The internal port


def test_the_internal_port_needs_its_key(auth: AuthPods) -> None:
    for key in ("", "canary", "canary-of-the-internal-ke"):
        assert feed(auth.pod, key=key).status == 401
    assert auth.pod.ask("/internal/v1/revocations", port=auth.pod.internal_port).status == 401
    assert auth.pod.ask("/internal/v1/activity", "POST", body=b"{}", port=auth.pod.internal_port).status == 401
    assert auth.pod.ask("/internal/v1/revocations").status in (401, 404)


def items(answer: Answer, **members: Any) -> list[dict[str, Any]]:
    """Those of the feed that have these members."""
    assert answer.status == 200, answer
    return [one for one in answer.json()["items"] if all(one.get(name) == value for name, value in members.items())]


def followed(pod: ServiceProcess) -> list[dict[str, Any]]:
    """All of the feed, page by page."""
    page: dict[str, Any] = {"cursor": "", "more": True}
    found: list[dict[str, Any]] = []
    while page.get("more"):
        page = feed(pod, page["cursor"]).json()
        found += page["items"]
    return found


def test_the_feed_tells_what_happened_since(auth: AuthPods) -> None:
    before = feed(auth.pod)
    cursor = before.json()["cursor"]
    assert abs(before.json()["as_of"] - time.time()) < 5
    person = auth.person()
    mine = auth.log_in(person)
    assert items(feed(auth.pods[1], cursor)) == []
    second = given(refreshed(auth.pod, mine.refresh))
    (rotated,) = items(feed(auth.pods[1], cursor))
    assert (rotated["sid"], rotated["rot"]) == (mine.session, 1)
    assert rotated["expires"] >= time.time() + 600
    form(auth.pod, REVOKE, token=second.access)
    change = {"current_password": person.password, "new_password": "canary other words which nobody would guess"}
    third = given(refreshed(auth.pod, second.refresh))
    post(auth.pod, "/api/v1/auth/password", {"Authorization": third.bearer}, **change)
    told = feed(auth.pods[1], cursor).json()
    kinds = [{name for name in one if name not in ("at", "expires")} for one in told["items"]]
    assert kinds == [{"sid", "rot"}, {"jti"}, {"sid", "rot"}, {"sid"}, {"sub", "not_before", "active"}]
    assert told["items"][-1]["sub"] == person.id
    assert items(feed(auth.pod, told["cursor"])) == []


def test_redis_says_that_there_is_news(auth: AuthPods, redis_server: RedisServer) -> None:
    def published() -> int:
        found: dict[str, dict[str, int]] = redis_server.command("INFO", "commandstats")
        return found.get("cmdstat_publish", {}).get("calls", 0)

    mine = auth.log_in(auth.person())
    before = published()
    assert post(auth.pod, "/api/v1/auth/logout", {"Authorization": mine.bearer}).status == 204
    until(lambda: published() > before, "it was published", 5)


@pytest.mark.parametrize("cursor", ["canary", "1", "999999999.1", "1.1", "-1.0", "9" * 40 + ".1", "x" * 2000])
def test_a_cursor_that_is_not_known_begins_anew(auth: AuthPods, cursor: str) -> None:
    assert feed(auth.pod, cursor).status == 410


def test_the_feed_misses_nothing_of_writers_side_by_side(auth: AuthPods) -> None:
    """Whoever follows the cursor sees each id, whatever commits when."""
    opened = [auth.log_in(auth.person()) for _ in range(6)]
    seen: set[tuple[str, int]] = set()
    stop = threading.Event()

    def follow(pod: ServiceProcess) -> set[tuple[str, int]]:
        cursor, found = "", set()
        while True:
            last = stop.is_set()
            answer = feed(pod, cursor).json()
            cursor = answer["cursor"]
            found |= {(one["sid"], one["rot"]) for one in answer["items"] if "rot" in one}
            if last:
                return found

    def turn(number: int) -> int:
        tokens = opened[number]
        for turned in range(15):
            answer = refreshed(auth.pods[(number + turned) % 2], tokens.refresh)
            assert answer.status == 200, answer
            tokens = given(answer)
        return number

    with ThreadPoolExecutor(8) as pool:
        followers = [pool.submit(follow, pod) for pod in auth.pods]
        assert sorted(pool.map(turn, range(6))) == list(range(6))
        stop.set()
        for one in followers:
            seen = one.result()
            assert {(opened[number].session, rot) for number in range(6) for rot in range(1, 16)} <= seen


def test_a_long_feed_comes_in_pages(auth: AuthPods) -> None:
    cursor = feed(auth.pod).json()["cursor"]
    auth.database.sql(
        "INSERT INTO auth.revocations (jti, expires_at) SELECT 'page-' || n, now() + interval '1 min'"
        " FROM generate_series(1, 5001) AS n"
    )
    first = feed(auth.pod, cursor).json()
    assert (len(first["items"]), first["more"]) == (5000, True)
    second = feed(auth.pod, first["cursor"]).json()
    assert (len(second["items"]), second.get("more", False)) == (1, False)


def active(auth: AuthPods, **seen: float) -> Answer:
    headers = {"Authorization": "Bearer canary-of-the-internal-key", "Content-Type": "application/json"}
    body = json.dumps({"sessions": [{"sid": sid.replace("_", "-"), "at": at} for sid, at in seen.items()]}).encode()
    return auth.pod.ask("/internal/v1/activity", "POST", body=body, port=auth.pod.internal_port, **headers)


def last_active(auth: AuthPods, sid: str) -> float:
    rows = auth.database.sql("SELECT extract(epoch FROM last_active_at)::float8 FROM auth.sessions WHERE id = %s", sid)
    return float(rows[0][0])


def test_activity_moves_forward_and_never_beyond_now(auth: AuthPods) -> None:
    mine = auth.log_in(auth.person())
    sid = mine.session
    assert active(auth, **{sid: last_active(auth, sid) - 100}).status == 204
    before = last_active(auth, sid)
    assert active(auth, **{sid: time.time() + 1000, str(uuid4()): 1.0, "no-uuid": 1.0}).status == 204
    assert before < last_active(auth, sid) <= time.time()
    auth.database.sql("UPDATE auth.sessions SET last_active_at = now() - interval '31 min' WHERE id = %s", sid)
    idle = last_active(auth, sid)
    assert active(auth, **{sid: time.time()}).status == 204
    assert last_active(auth, sid) == idle  # it was idle too long: what is over stays over


def test_a_report_is_bounded(auth: AuthPods) -> None:
    headers = {"Authorization": "Bearer canary-of-the-internal-key", "Content-Type": "application/json"}
    for body in (b"{}", b'{"sessions": [{"sid": "x"}]}', b'{"sessions": [{"sid": "x", "at": "canary"}]}'):
        answer = auth.pod.ask("/internal/v1/activity", "POST", body=body, port=auth.pod.internal_port, **headers)
        assert answer.status == 400, answer
    many = {str(uuid4()): time.time() for _ in range(1001)}
    assert active(auth, **many).status == 400


def test_sessions_that_were_idle_too_long_end_for_everybody(auth: AuthPods) -> None:
    mine = auth.log_in(auth.person())
    auth.database.sql("UPDATE auth.sessions SET last_active_at = now() - interval '1 h' WHERE id = %s", mine.session)
    until(lambda: mine.session in [one.get("sid") for one in followed(auth.pod)], "the feed tells of its end", 30)
    until(lambda: gate(auth.pod, mine.bearer).status == 401, "a gateway refuses", 5)


def test_spent_answers_are_forgotten(auth: AuthPods) -> None:
    mine = auth.log_in(auth.person())
    refreshed(auth.pod, mine.refresh)
    kept = "SELECT count(*) FROM auth.refresh_tokens WHERE session_id = %s AND successor IS NOT NULL"
    assert auth.database.sql(kept, mine.session) == [(1,)]
    until(lambda: auth.database.sql(kept, mine.session) == [(0,)], "the answer is gone", 40)
