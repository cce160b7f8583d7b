"""A pod of auth and what is mounted into it: keys that turn, settings, limits, and a schema that is not there yet."""

from __future__ import annotations

import base64
import json
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from novacron.auth.domain import key_ring, ring_document
from tests.services.conftest import REDIS_PASSWORD
from tests.support.auth_pods import AuthPods, form, given, post, refreshed, sessions
from tests.support.postgres import Postgres
from tests.support.redis_server import RedisServer
from tests.support.service_process import ServiceProcess
from tests.support.waiting import until

Start = Callable[..., AuthPods]
TOKEN = {"audience": "novacron-api", "clock_skew_seconds": 30, "max_age_seconds": 86_400, "min_key_size": 2048}


@pytest.fixture
def made(postgres: Postgres, redis_server: RedisServer, tmp_path: Path) -> Start:
    def pods(**members: Any) -> AuthPods:
        files: dict[str, str | bytes] = {"password": REDIS_PASSWORD, "ca.crt": redis_server.ca}
        return AuthPods(tmp_path, postgres, redis_server, files, **members)

    return pods


@pytest.fixture
def started(made: Start) -> Iterator[Start]:
    with ExitStack() as stack:
        yield lambda **members: stack.enter_context(made(**members))


def kid(access: str) -> str:
    part = access.partition(".")[0]
    found: str = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))["kid"]
    return found


def turn(auth: AuthPods) -> str:
    """Another key signs, and the one before still verifies; the new one's id."""
    now = int(time.time())
    new = ring_document.made(rsa.generate_private_key(65537, 2048), now)
    (old,) = auth.keys.ring.keys
    retired = replace(old, state="retired", retired=now, until=now + 3600)
    active = replace(new.key, state="active", activated=now, lifetime=3600)
    ring = key_ring.KeyRing((retired, active))
    for pod in auth.pods:
        pod.jwks.replace({"jwks.json": key_ring.key_set(ring.keys)})
    auth.keys.volume.replace(ring_document.written(ring, {new.key.kid: new.pem}))
    return new.key.kid


def test_old_tokens_stay_good_when_the_key_turns(started: Start) -> None:
    auth = started()
    old = auth.log_in(auth.person())
    turn(auth)
    until(lambda: len(auth.pod.ask("/.well-known/jwks.json").json()["keys"]) == 2, "both keys are shown", 10)
    assert sessions(auth.pod, old).status == 200


def test_keys_turn_under_load_and_no_valid_token_is_refused(started: Start) -> None:
    """Shown, then active, then the one before retired: tokens of every age are accepted by both pods throughout."""
    auth = started(pods=2)
    people = [auth.person() for _ in range(3)]
    held = [auth.log_in(person) for person in people]
    seen, refused, stop = set[str](), list[str](), threading.Event()

    def client(number: int) -> None:
        tokens = held[number]
        while not stop.is_set():
            for pod in auth.pods:
                answers = [sessions(pod, tokens), pod.ask("/authz/auth-request", Authorization=tokens.bearer)]
                refused.extend(repr(one) for one in answers if one.status != 200)
            answer = refreshed(auth.pods[number % 2], tokens.refresh)
            if answer.status == 200:
                tokens = given(answer)
                seen.add(kid(tokens.access))
            else:
                refused.append(repr(answer))

    def taken() -> list[float]:
        """How often each pod took over public keys."""
        return [pod.metrics()['novacron_reloads_total{outcome="applied",source="jwks"}'] for pod in auth.pods]

    with ThreadPoolExecutor(len(people)) as pool:
        asked = [pool.submit(client, number) for number in range(len(people))]
        try:
            until(lambda: seen, "the load runs", 10)
            now = int(time.time())
            new = ring_document.made(rsa.generate_private_key(65537, 2048), now)
            (old,) = auth.keys.ring.keys
            before = taken()
            for pod in auth.pods:  # next
                pod.jwks.replace({"jwks.json": key_ring.key_set((old, new.key))})
            until(lambda: all(now > then for now, then in zip(taken(), before, strict=True)), "both pods know it", 10)
            retired = replace(old, state="retired", retired=now, until=now + 3600)
            active = replace(new.key, state="active", activated=now, lifetime=3600)
            ring = key_ring.KeyRing((retired, active))
            auth.keys.volume.replace(ring_document.written(ring, {new.key.kid: new.pem}))
            until(lambda: new.key.kid in seen, "the new key signs", 10)
            assert len(seen) == 2
            until(lambda: all(_signs(pod, auth, new.key.kid) for pod in auth.pods), "on both pods", 10)
        finally:
            stop.set()
        for one in asked:
            one.result()
    assert not refused


def _signs(pod: ServiceProcess, auth: AuthPods, new: str) -> bool:
    return kid(auth.log_in(auth.person(), pod).access) == new


BROKEN: dict[str, dict[str, str | bytes]] = {
    "no ring": {"other": "x"},
    "rubbish": {"ring.json": "canary"},
    "no active key": {"ring.json": json.dumps({"version": 1, "keys": [], "request": "", "forced": False})},
}


@pytest.mark.parametrize("files", BROKEN.values(), ids=BROKEN)
def test_keys_that_cannot_be_used_leave_those_before(started: Start, files: dict[str, str | bytes]) -> None:
    auth = started()
    person = auth.person()
    auth.keys.volume.replace(files)

    def degraded() -> bool:
        found = auth.pod.dependency("signing-keys")
        assert (found["state"], found["secret"]) == ("degraded", "novacron-signing-keys"), found
        assert "canary" not in json.dumps(found)
        return True

    until(degraded, "the pod says so", 10)
    assert auth.pod.ready().status == 200
    assert sessions(auth.pod, auth.log_in(person)).status == 200


def test_without_a_key_the_pod_is_not_ready_and_says_503(made: Start) -> None:
    auth = made()
    written = ring_document.written(auth.keys.ring, auth.keys.pems)
    auth.keys.volume.replace({"other": "x"})
    with auth.pod as pod:
        pod.until_dependency("signing-keys", "down", "FileMissing")
        pod.until_dependency("database", "ok", "Reached")
        person = auth.person()
        answer = post(pod, "/api/v1/auth/login", email=person.email, password=person.password)
        assert answer.status == 503, answer
        assert answer.headers["retry-after"]
        count = "SELECT count(*) FROM auth.sessions WHERE user_id = %s"
        assert auth.database.sql(count, person.id) == [(0,)]
        auth.keys.volume.replace(written)
        pod.until_ready()
        assert sessions(pod, auth.log_in(person)).status == 200


def test_a_schema_that_is_not_there_is_an_outage_that_ends(made: Start) -> None:
    auth = made()
    auth.database.sql("ALTER SCHEMA auth RENAME TO later")
    with auth.pod as pod:
        found = pod.until_dependency("schema", "down", "SchemaOutdated")
        assert "novacron migrate" in found["message"]
        answer = post(pod, "/api/v1/auth/login", email="someone@example.invalid", password="anything")
        assert answer.status == 503, answer
        auth.database.sql("ALTER SCHEMA later RENAME TO auth")
        pod.until_ready()


def test_metadata_of_an_issuer_with_a_url(started: Start) -> None:
    issuer = "https://auth.example.invalid/base"
    auth = started(token=TOKEN | {"issuer": issuer})
    assert auth.pod.ask("/.well-known/oauth-authorization-server").status == 404
    answer = auth.pod.ask("/.well-known/oauth-authorization-server/base")
    assert answer.status == 200, answer
    found = answer.json()
    assert found["issuer"] == issuer
    assert found["token_endpoint"] == f"{issuer}/api/v1/auth/token"
    assert found["jwks_uri"] == f"{issuer}/.well-known/jwks.json"
    assert found["grant_types_supported"] == ["client_credentials"]
    assert sessions(auth.pod, auth.log_in(auth.person())).status == 200


def limit(requests: int, logins: int, proxies: tuple[str, ...] = ()) -> dict[str, Any]:
    return {"requests_per_minute": requests, "logins_per_minute": logins, "trusted_proxies": proxies}


def test_logins_of_one_network_are_limited_by_all_pods_together(started: Start) -> None:
    auth = started(pods=2, rate_limit=limit(100_000, 8, ("127.0.0.1/32",)))
    person = auth.person()

    def log_in(number: int, network: str) -> int:
        pod, headers = auth.pods[number % 2], {"X-Forwarded-For": network}
        answer = post(pod, "/api/v1/auth/login", headers, email=person.email, password=person.password)
        assert answer.status == 200 or int(answer.headers["retry-after"]) > 0
        return answer.status

    assert [log_in(number, "192.0.2.1") for number in range(6)] == [200] * 4 + [429] * 2
    assert log_in(0, "192.0.2.2") == 200
    assert [log_in(number, f"2001:db8::{number + 1}") for number in range(6)] == [200] * 4 + [429] * 2
    revoked = form(auth.pod, "/api/v1/auth/revoke", {"X-Forwarded-For": "192.0.2.1"}, token="x")
    assert revoked.status == 429


def test_a_gateway_hears_of_a_limit_in_its_own_way(started: Start) -> None:
    auth = started(rate_limit=limit(6, 1000))
    answers = [auth.pod.ask(path) for path in ("/authz/auth-request", "/authz/auth-request", "/authz/ext-authz/x")]
    assert [(one.status, one.headers["x-novacron-reason"]) for one in answers] == [
        (401, "missing_token"),
        (403, "rate_limited"),
        (429, "rate_limited"),
    ]
    assert int(answers[2].headers["retry-after"]) > 0


def test_settings_that_lack_something_are_told_in_one_line(made: Start) -> None:
    auth = made(session={"rotation_seconds": 1})
    done = auth.pod.run()
    assert done.returncode == 2
    assert b"settings.json: session.idle_seconds: " in done.stderr
    assert done.stderr.count(b"\n") == 1
