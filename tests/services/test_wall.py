"""The wall in real processes: tokens, revocations and limits as a client meets them; and what outages change."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.services.conftest import REDIS_PASSWORD, Account, RedisAccount
from tests.support.certificates import Authority
from tests.support.database import Database
from tests.support.feed_server import FeedServer
from tests.support.query_pods import OWN_SETTINGS
from tests.support.redis_server import RedisServer
from tests.support.service_process import INTERNAL_KEY, Answer, ServiceProcess
from tests.support.signer import Signer, key_set
from tests.support.waiting import lasting, until

FIRST, SECOND = Signer(), Signer()
ME = "/api/v1/me"
GENEROUS = {"requests_per_minute": 1_000_000, "trusted_proxies": ["127.0.0.0/8"]}
CHANNEL = "novacron:test:novacron:revocations"


@pytest.fixture
def feed() -> Iterator[FeedServer]:
    with FeedServer() as running:
        yield running


@pytest.fixture
def started(tmp_path: Path, feed: FeedServer) -> Iterator[Callable[..., ServiceProcess]]:
    """Starts a pod with keys and the feed; no token and no key may be in what it said when the test ends."""
    pods: list[ServiceProcess] = []

    def start(role: str = "ml", **members: Any) -> ServiceProcess:
        known = {"peers": {"auth": {"internal": feed.url}}}
        pod = ServiceProcess(role, tmp_path / f"{role}-{len(pods)}", members=known | members)
        pod.jwks.replace({"jwks.json": key_set(FIRST)})
        pods.append(pod)
        return pod.start()

    yield start
    for pod in pods:
        said = pod.log() + pod.metrics_page() + str(pod.ready())
        pod.__exit__(None, None, None)
        for secret in (INTERNAL_KEY, REDIS_PASSWORD, "eyJ", "canary"):
            assert secret not in said


def _me(pod: ServiceProcess, token: str, forwarded: str = "192.0.2.7") -> Answer:
    return pod.ask(ME, Authorization=f"Bearer {token}", X_Forwarded_For=forwarded)


def _until_status(pod: ServiceProcess, token: str, status: int, seconds: float) -> None:
    def seen() -> bool:
        answer = _me(pod, token)
        assert answer.status == status, answer
        return True

    until(seen, f"{ME} answers {status}", seconds, every=0.05)


@pytest.mark.parametrize("role", ["api", "query", "ml"])
def test_every_workload_stands_behind_the_wall(
    started: Callable[..., ServiceProcess],
    role: str,
    migrated: Database,
    account: Account,
    redis_server: RedisServer,
    redis_account: RedisAccount,
) -> None:
    stores = {"database": account.of_query(migrated), "redis": redis_account.settings(redis_server)}
    used = {"api": ["redis"], "query": ["database", "redis"], "ml": []}[role]
    own = OWN_SETTINGS if role == "query" else {}
    pod = started(role, rate_limit=GENEROUS, **own, **{name: stores[name] for name in used}).until_ready()
    session, subject, organization = (str(uuid.uuid4()) for _ in range(3))
    token = FIRST.token(sid=session, sub=subject, org=organization, scope="a b")
    answer = _me(pod, token)
    known = {"subject": subject, "organization": organization, "role": "viewer", "session": session}
    assert (answer.status, answer.json()) == (200, known | {"scopes": ["a", "b"], "expires": answer.json()["expires"]})
    refused = pod.ask(ME)
    assert (refused.status, refused.headers["www-authenticate"]) == (401, 'Bearer realm="novacron"')
    assert _me(pod, SECOND.token()).status == 401
    assert _me(pod, FIRST.token(exp=int(time.time()) - 60)).status == 401
    assert pod.ask("/nothing").status == 401
    assert pod.ask(ME, "OPTIONS").status == 401
    metrics = pod.metrics()
    assert metrics[f'novacron_auth_accepted_total{{route="{ME}"}}'] == 1
    assert metrics['novacron_auth_refused_total{reason="missing_token"}'] == 3
    assert metrics['novacron_auth_refused_total{reason="token_invalid"}'] == 2


def test_two_pods_hear_of_an_end_within_five_seconds_without_redis(
    started: Callable[..., ServiceProcess], feed: FeedServer
) -> None:
    pods = [started().until_ready(), started().until_ready()]
    ended, revoked, subject, stays = (str(uuid.uuid4()) for _ in range(4))
    now = int(time.time())
    tokens = {
        "its session ends": FIRST.token(sid=ended),
        "it is revoked": FIRST.token(jti=revoked),
        "its subject's tokens end": FIRST.token(sub=subject, iat=now - 1),
    }
    other = FIRST.token(sid=stays)
    for pod in pods:
        assert {_me(pod, token).status for token in (*tokens.values(), other)} == {200}
    feed.revoke(sid=ended)
    feed.revoke(jti=revoked)
    feed.revoke(sub=subject, not_before=int(time.time()))
    deadline = time.monotonic() + 5.0
    for pod in pods:
        for token in tokens.values():
            _until_status(pod, token, 401, deadline - time.monotonic())
        assert _me(pod, other).status == 200
        assert pod.metrics()["novacron_auth_revocations"] == 3


def test_somebody_deactivated_is_told_that_he_is(started: Callable[..., ServiceProcess], feed: FeedServer) -> None:
    pod, subject = started().until_ready(), str(uuid.uuid4())
    token = FIRST.token(sub=subject, iat=int(time.time()) - 5)
    assert _me(pod, token).status == 200
    feed.revoke(sub=subject, not_before=int(time.time()), active=False)
    _until_status(pod, token, 403, 5.0)
    (line,) = pod.lines("inactive_user_access")
    assert (line["subject"], line["logger"]) == (subject, "novacron.audit")


def test_a_word_through_redis_is_quicker_than_the_next_look(
    started: Callable[..., ServiceProcess], feed: FeedServer, redis_server: RedisServer, redis_account: RedisAccount
) -> None:
    pod = started("api", redis=redis_account.settings(redis_server), rate_limit=GENEROUS).until_ready()
    until(lambda: redis_server.command("PUBSUB", "NUMSUB", CHANNEL)[1] == 1, "the pod listens")
    session = str(uuid.uuid4())
    token = FIRST.token(sid=session)
    seen = len(feed.polls)
    until(lambda: len(feed.polls) > seen, "the feed was just read", every=0.005)
    feed.revoke(sid=session)
    redis_server.command("PUBLISH", CHANNEL, "")
    _until_status(pod, token, 401, 1.2)  # the next look without it is 1.6 s away at least


@pytest.mark.timeout(120)
def test_redis_away_and_back_closes_no_door(
    started: Callable[..., ServiceProcess], feed: FeedServer, authority: Authority, tmp_path: Path
) -> None:
    with RedisServer(authority, "", tls=False) as server:
        settings = {"host": "127.0.0.1", "port": server.port, "tls": False}
        pod = started("api", redis=settings, rate_limit=GENEROUS).until_ready()
        until(lambda: server.command("PUBSUB", "NUMSUB", CHANNEL)[1] == 1, "the pod listens")
        server.stop()
        pod.until_dependency("redis", "down", "Unreachable")
        assert pod.ready().status == 200
        session = str(uuid.uuid4())
        token = FIRST.token(sid=session)
        assert _me(pod, token).status == 200
        feed.revoke(sid=session)
        _until_status(pod, token, 401, 5.0)
        server.start()
        until(lambda: server.command("PUBSUB", "NUMSUB", CHANNEL)[1] == 1, "the pod listens again", 20.0)


def test_a_rotation_leaves_the_token_before_half_a_minute(
    started: Callable[..., ServiceProcess], feed: FeedServer
) -> None:
    pod, session = started().until_ready(), str(uuid.uuid4())
    tokens = [FIRST.token(sid=session, rot=rotation) for rotation in range(3)]
    feed.revoke(sid=session, rot=2)
    _until_status(pod, tokens[0], 401, 5.0)
    assert [_me(pod, token).status for token in tokens] == [401, 200, 200]
    long_ago = str(uuid.uuid4())
    feed.revoke(sid=long_ago, rot=2, at=time.time() - 31)
    _until_status(pod, FIRST.token(sid=long_ago, rot=1), 401, 5.0)


@pytest.mark.timeout(120)
def test_an_outage_of_auth_closes_the_door_and_takes_no_pod_out(
    started: Callable[..., ServiceProcess], feed: FeedServer
) -> None:
    pod = started().until_ready()
    token = FIRST.token()
    assert _me(pod, token).status == 200
    feed.stop()
    began = time.monotonic()
    _until_status(pod, token, 503, 20.0)
    assert time.monotonic() - began > 7.0  # what was known is believed for ten seconds
    answer = _me(pod, token)
    assert (answer.headers["retry-after"], answer.headers["content-type"]) == ("2", "application/problem+json")
    assert pod.ask(ME).status == 401
    found = pod.until_dependency("auth-feed", "down", "Unreachable")
    assert not found["required"]
    assert pod.ready().status == 200
    assert pod.metrics()["novacron_auth_feed_age_seconds"] > 10
    feed.start()
    _until_status(pod, token, 200, 8.0)


def test_a_pod_is_not_ready_before_it_has_read_all_of_the_feed(
    tmp_path: Path, started: Callable[..., ServiceProcess], feed: FeedServer
) -> None:
    revoked = str(uuid.uuid4())
    feed.revoke(jti=revoked)
    feed.stop()
    pod = started()
    found = pod.until_dependency("auth-feed", "down", "Unreachable")
    assert found["required"]
    assert pod.ready().status == 503
    assert _me(pod, FIRST.token()).status == 503
    feed.start()
    pod.until_ready()
    assert [_me(pod, FIRST.token(jti=revoked)).status, _me(pod, FIRST.token()).status] == [401, 200]


def test_a_feed_of_many_pages_is_read_to_its_end(
    tmp_path: Path, started: Callable[..., ServiceProcess], feed: FeedServer
) -> None:
    feed._page = 7
    revoked = [str(uuid.uuid4()) for _ in range(50)]
    for token in revoked:
        feed.revoke(jti=token)
    pod = started().until_ready()
    assert {_me(pod, FIRST.token(jti=token)).status for token in revoked} == {401}
    feed.forget_cursors()
    late = str(uuid.uuid4())
    feed.revoke(jti=late)
    _until_status(pod, FIRST.token(jti=late), 401, 5.0)
    assert pod.metrics()["novacron_auth_revocations"] == 51


def test_another_internal_key_is_told_and_a_new_one_is_used(
    started: Callable[..., ServiceProcess], feed: FeedServer
) -> None:
    feed.key = "another"
    pod = started()
    found = pod.until_dependency("auth-feed", "down", "Refused")
    assert "internal key" in found["message"]
    pod.internal_key.replace({"key": "another"})
    pod.until_ready()


def test_new_keys_are_taken_over_while_requests_go_on(started: Callable[..., ServiceProcess]) -> None:
    pod = started().until_ready()
    old, new = FIRST.token(), SECOND.token()
    assert [_me(pod, old).status, _me(pod, new).status] == [200, 401]
    pod.jwks.replace({"jwks.json": key_set(FIRST, SECOND)})
    _until_status(pod, new, 200, 10.0)
    assert _me(pod, old).status == 200
    pod.jwks.replace({"jwks.json": key_set(SECOND)})
    _until_status(pod, old, 401, 10.0)
    pod.jwks.replace({"jwks.json": "{"})
    pod.until_dependency("jwks", "down", "FileInvalid")
    assert _me(pod, new).status == 200
    assert pod.ready().status == 200


def test_without_auth_protected_routes_say_so(started: Callable[..., ServiceProcess]) -> None:
    pod = started(peers={}).until_ready()
    answer = _me(pod, FIRST.token())
    assert answer.status == 503
    assert "switched off" in answer.json()["detail"]
    assert "auth-feed" not in [one["name"] for one in pod.ready().json()["dependencies"]]


def test_without_keys_protected_routes_say_so(started: Callable[..., ServiceProcess]) -> None:
    pod = started()
    pod.jwks.replace({"jwks.json": key_set()})
    pod.until_ready()
    _until_status(pod, FIRST.token(), 503, 10.0)
    assert "keys" in _me(pod, FIRST.token()).json()["detail"]


def test_a_client_is_limited_where_it_enters(
    started: Callable[..., ServiceProcess], redis_server: RedisServer, redis_account: RedisAccount
) -> None:
    limit = {"requests_per_minute": 60, "trusted_proxies": ["127.0.0.0/8"]}
    pod = started("api", redis=redis_account.settings(redis_server), rate_limit=limit).until_ready()
    token = FIRST.token()
    statuses = [_me(pod, token, "192.0.2.1").status for _ in range(15)]
    assert statuses[:10] == [200] * 10
    assert statuses[-1] == 429
    refused = _me(pod, token, "203.0.113.9, 192.0.2.1")
    assert refused.status == 429
    assert 1 <= int(refused.headers["retry-after"]) <= 2
    assert _me(pod, token, "192.0.2.2").status == 200
    assert pod.ask("/health").status == 200
    assert [line["network"] for line in pod.lines("rate_limit_exceeded")] == ["192.0.2.1"]


def test_a_flood_of_refusals_is_a_few_lines(started: Callable[..., ServiceProcess]) -> None:
    pod = started().until_ready()
    for _ in range(60):
        assert pod.ask(ME).status == 401

    def told() -> bool:
        return sum(int(line["count"]) for line in pod.lines("missing_token")) == 60

    until(told, "every refusal was told", 25.0)
    assert len(pod.lines("missing_token")) <= 3


def test_activity_of_a_session_is_reported_once(started: Callable[..., ServiceProcess], feed: FeedServer) -> None:
    pod, session = started().until_ready(), str(uuid.uuid4())
    token = FIRST.token(sid=session)
    for _ in range(5):
        assert _me(pod, token).status == 200
    until(lambda: len(feed.active) > 0, "activity was reported", 15.0)
    assert [one["sid"] for one in feed.active] == [session]
    assert abs(feed.active[0]["at"] - time.time()) < 20
    lasting(lambda: len(feed.active) == 1, "nothing more is reported", 6.0)
