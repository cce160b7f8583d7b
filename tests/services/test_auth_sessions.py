"""Login, refresh, sessions and passwords: two pods of auth as real processes on a real PostgreSQL and Redis."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import pytest

from tests.services.conftest import REDIS_PASSWORD
from tests.support.auth_pods import PASSWORD, AuthPods, Tokens, feed, given, post, refreshed, sessions
from tests.support.postgres import Postgres
from tests.support.redis_server import RedisServer
from tests.support.service_process import Answer
from tests.support.waiting import until

NEW_PASSWORD = "canary other words which nobody would guess"


@pytest.fixture(scope="module")
def auth(postgres: Postgres, redis_server: RedisServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[AuthPods]:
    files: dict[str, str | bytes] = {"password": REDIS_PASSWORD, "ca.crt": redis_server.ca}
    with AuthPods(tmp_path_factory.mktemp("auth"), postgres, redis_server, files, pods=2) as pods:
        yield pods


def claims(access: str) -> dict[str, Any]:
    """What a token says, unverified."""
    part = access.split(".")[1]
    found: dict[str, Any] = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    return found


def log_in(auth: AuthPods, email: str, password: str, **more: str) -> Answer:
    return post(auth.pod, "/api/v1/auth/login", email=email, password=password, **more)


# Login


def test_a_login_gives_a_session_and_tokens_that_every_pod_accepts(auth: AuthPods) -> None:
    person = auth.person("operator")
    answer = log_in(auth, person.email, person.password)
    assert answer.status == 200, answer
    assert answer.headers["cache-control"] == "no-store"
    members = answer.json()
    assert set(members) == {"access_token", "token_type", "expires_in", "refresh_token", "session_id"}
    assert members["token_type"] == "Bearer"
    assert members["refresh_token"].startswith("ncr_")
    found = claims(members["access_token"])
    assert (found["sub"], found["role"], found["org"]) == (person.id, "operator", person.organization)
    assert (found["sid"], found["rot"], found["client_id"]) == (members["session_id"], 0, "novacron")
    assert found["exp"] - found["iat"] == 600
    for pod in auth.pods:
        listed = sessions(pod, given(answer))
        assert listed.status == 200, listed
        (item,) = listed.json()["items"]
        assert (item["id"], item["current"], item["network"]) == (members["session_id"], True, "127.0.0.1")


def test_the_database_holds_no_token(auth: AuthPods) -> None:
    tokens = auth.log_in(auth.person())
    rows = auth.database.sql("SELECT encode(sha256, 'escape'), encode(successor, 'escape') FROM auth.refresh_tokens")
    assert rows
    assert tokens.refresh not in str(rows)
    assert tokens.refresh.removeprefix("ncr_") not in str(rows)


def test_an_email_is_the_same_in_any_case(auth: AuthPods) -> None:
    person = auth.person(email=f"Straße-{uuid4().hex[:8]}@Example.invalid")
    assert log_in(auth, person.email.upper().replace("SS", "ß"), person.password).status == 200


def test_whatever_is_wrong_the_answer_is_the_same(auth: AuthPods) -> None:
    person, inactive = auth.person(), auth.person(status="inactive")
    answers = [
        log_in(auth, person.email, "canary wrong password of somebody"),
        log_in(auth, f"nobody-{uuid4().hex}@example.invalid", "canary wrong password of somebody"),
        log_in(auth, inactive.email, inactive.password),
        log_in(auth, inactive.email, "canary wrong password of somebody"),
    ]
    seen = [
        (one.status, {**one.json(), "request_id": ""}, sorted(one.headers), one.headers["www-authenticate"])
        for one in answers
    ]
    assert seen[0][0] == 401
    assert all(one == seen[0] for one in seen)


@pytest.mark.parametrize("who", ["somebody", "nobody", "inactive"])
def test_whatever_is_wrong_the_work_is_the_same(auth: AuthPods, who: str) -> None:
    """One password is verified; that takes nearly all of the time, and the same time for each."""
    email = f"nobody-{uuid4().hex}@example.invalid"
    if who != "nobody":
        email = auth.person(status="inactive" if who == "inactive" else "active").email
    before = auth.pod.metrics()["novacron_auth_password_checks_total"]
    assert log_in(auth, email, "canary wrong password of somebody").status == 401
    assert auth.pod.metrics()["novacron_auth_password_checks_total"] == before + 1


def test_a_person_of_an_inactive_organization_cannot_log_in(auth: AuthPods) -> None:
    person = auth.person()
    auth.database.sql("UPDATE auth.organizations SET active = false WHERE id = %s", person.organization)
    assert log_in(auth, person.email, person.password).status == 401


def test_a_hash_with_other_parameters_is_made_anew(auth: AuthPods) -> None:
    person = auth.person()
    statement = "SELECT password_hash FROM auth.users WHERE id = %s"
    before = auth.database.sql(statement, person.id)
    auth.log_in(person)
    after = auth.database.sql(statement, person.id)
    assert before != after
    assert "$m=19456,t=2,p=1$" in after[0][0]
    auth.log_in(person)
    assert auth.database.sql(statement, person.id) == after


BODIES: dict[str, tuple[bytes, str, int]] = {
    "no JSON": (b"{", "application/json", 400),
    "a list": (b"[]", "application/json", 400),
    "a form": (b"email=a%40b&password=c", "application/x-www-form-urlencoded", 415),
    "nothing": (b"", "application/json", 400),
    "no password": (b'{"email": "a@b.c"}', "application/json", 400),
    "no e-mail address": (b'{"email": "canary", "password": "canary"}', "application/json", 400),
    "a number": (b'{"email": "a@b.c", "password": 123456}', "application/json", 400),
    "a member too many": (b'{"email": "a@b.c", "password": "canary", "canary": 1}', "application/json", 400),
    "NUL": (b'{"email": "a\\u0000@b.c", "password": "canary"}', "application/json", 400),
    "a long password": (b'{"email": "a@b.c", "password": "' + b"canary" * 30 + b'"}', "application/json", 400),
    "a long e-mail address": (b'{"email": "a@' + b"canary" * 50 + b'", "password": "x"}', "application/json", 400),
    "a large body": (b'{"email": "' + b"a" * 20_000 + b'"}', "application/json", 413),
}


@pytest.mark.parametrize(("body", "media_type", "status"), BODIES.values(), ids=BODIES)
def test_a_body_that_is_not_as_it_should_be(auth: AuthPods, body: bytes, media_type: str, status: int) -> None:
    answer = auth.pod.ask("/api/v1/auth/login", "POST", body=body, Content_Type=media_type)
    assert answer.status == status, answer
    assert answer.headers["content-type"] == "application/problem+json"
    assert b"canary" not in answer.body


# One-time passwords


def test_a_one_time_password_must_be_changed(auth: AuthPods) -> None:
    person = auth.person(password_expires_at="2100-01-01")
    answer = log_in(auth, person.email, person.password)
    assert (answer.status, answer.json()["code"]) == (403, "password_change_required")
    for weak in ("short", person.password, "NovaCron for ever and ever", "aaaaaaaaaaaaaaaaaaaa", person.email):
        refused = log_in(auth, person.email, person.password, new_password=weak)
        assert refused.status == 400, refused
        assert refused.json()["detail"].startswith("new_password: ")
    assert log_in(auth, person.email, person.password, new_password=NEW_PASSWORD).status == 200
    assert log_in(auth, person.email, person.password).status == 401
    assert log_in(auth, person.email, NEW_PASSWORD).status == 200


def test_a_one_time_password_that_ran_out_is_wrong(auth: AuthPods) -> None:
    person = auth.person(password_expires_at="2020-01-01")
    assert log_in(auth, person.email, person.password, new_password=NEW_PASSWORD).status == 401


def test_an_own_password_is_not_changed_by_a_login(auth: AuthPods) -> None:
    person = auth.person()
    assert log_in(auth, person.email, person.password, new_password=NEW_PASSWORD).status == 400
    assert log_in(auth, person.email, person.password).status == 200


# Back-off


def test_failed_logins_make_one_network_wait_and_no_other(auth: AuthPods) -> None:
    person = auth.person()
    wrong = [log_in(auth, person.email, "canary wrong password of somebody") for _ in range(5)]
    assert [one.status for one in wrong] == [401] * 5
    waiting = [post(pod, "/api/v1/auth/login", email=person.email, password=person.password) for pod in auth.pods]
    assert [one.status for one in waiting] == [429] * 2
    assert all(0 < int(one.headers["retry-after"]) <= 1 for one in waiting)
    until(lambda: log_in(auth, person.email, person.password).status == 200, "the wait is over", 5)
    assert log_in(auth, person.email, "canary wrong password of somebody").status == 401


def test_guesses_side_by_side_count_all(auth: AuthPods) -> None:
    person = auth.person()
    with ThreadPoolExecutor(12) as pool:
        answers = [
            pool.submit(log_in, auth, person.email, f"canary wrong password number {number}") for number in range(12)
        ]
    statuses = sorted(answer.result().status for answer in answers)
    assert statuses.count(401) <= 6
    assert set(statuses) == {401, 429}


def test_redis_knows_neither_address_nor_token(auth: AuthPods, redis_server: RedisServer) -> None:
    person = auth.person()
    log_in(auth, person.email, "canary wrong password of somebody")
    keys = redis_server.command("KEYS", "novacron:*:login:*")
    assert keys
    assert person.email.partition("@")[0] not in str(redis_server.command("KEYS", "*"))


# Refresh


def test_a_refresh_gives_the_next_tokens_and_both_pods_know(auth: AuthPods) -> None:
    person = auth.person()
    first = auth.log_in(person)
    answer = refreshed(auth.pods[1], first.refresh)
    assert answer.status == 200, answer
    assert answer.headers["cache-control"] == "no-store"
    second = given(answer)
    assert second.session == first.session
    assert second.refresh != first.refresh
    assert claims(second.access)["rot"] == 1
    assert [sessions(pod, second).status for pod in auth.pods] == [200, 200]


def test_a_repeated_refresh_gets_the_same_answer(auth: AuthPods) -> None:
    first = auth.log_in(auth.person())
    answers = [refreshed(pod, first.refresh) for pod in (auth.pods[0], auth.pods[1], auth.pods[0])]
    assert [one.status for one in answers] == [200] * 3
    assert len({one.body for one in answers}) == 1


def test_refreshes_side_by_side_have_one_successor(auth: AuthPods) -> None:
    first = auth.log_in(auth.person())
    with ThreadPoolExecutor(8) as pool:
        asked = [pool.submit(refreshed, auth.pods[number % 2], first.refresh) for number in range(8)]
    answers = [one.result() for one in asked]
    assert [one.status for one in answers] == [200] * 8
    assert len({one.body for one in answers}) == 1
    assert claims(given(answers[0]).access)["rot"] == 1
    count = "SELECT count(*) FROM auth.refresh_tokens WHERE session_id = %s"
    assert auth.database.sql(count, first.session) == [(2,)]


def test_a_used_token_ends_the_session(auth: AuthPods) -> None:
    first = auth.log_in(auth.person())
    second = given(refreshed(auth.pod, first.refresh))
    auth.database.sql(
        "UPDATE auth.refresh_tokens SET used_at = used_at - interval '11 s' WHERE used_at IS NOT NULL"
        " AND session_id = %s",
        first.session,
    )
    assert refreshed(auth.pods[1], first.refresh).status == 401
    assert [sessions(pod, second).status for pod in auth.pods] == [401, 401]
    assert refreshed(auth.pod, second.refresh).status == 401
    rows = auth.database.sql("SELECT type FROM auth.audit WHERE object = %s ORDER BY id", first.session)
    assert [type_ for (type_,) in rows] == ["login_succeeded", "refresh_token_reused"]


def test_a_refresh_never_outlives_its_session(auth: AuthPods) -> None:
    first = auth.log_in(auth.person())
    rows = auth.database.sql(
        "SELECT r.expires_at <= s.expires_at FROM auth.refresh_tokens r JOIN auth.sessions s ON s.id = r.session_id"
        " WHERE s.id = %s",
        first.session,
    )
    assert rows == [(True,)]
    auth.database.sql("UPDATE auth.sessions SET expires_at = now() - interval '1 s' WHERE id = %s", first.session)
    assert refreshed(auth.pod, first.refresh).status == 401
    assert sessions(auth.pod, first).status == 401


@pytest.mark.parametrize("token", ["", "canary", "ncr_" + "A" * 43, "ncr_" + "A" * 44, "ncr_\u00e9" + "A" * 42])
def test_an_unknown_refresh_token(auth: AuthPods, token: str) -> None:
    assert refreshed(auth.pod, token).status in (400, 401)


def test_idle_sessions_end(auth: AuthPods) -> None:
    first = auth.log_in(auth.person())
    auth.database.sql(
        "UPDATE auth.sessions SET last_active_at = now() - interval '31 min' WHERE id = %s", first.session
    )
    assert sessions(auth.pods[1], first).status == 401
    assert refreshed(auth.pod, first.refresh).status == 401


def test_somebody_who_was_deactivated_cannot_refresh(auth: AuthPods) -> None:
    person = auth.person()
    first = auth.log_in(person)
    auth.database.sql("UPDATE auth.users SET status = 'inactive' WHERE id = %s", person.id)
    assert refreshed(auth.pod, first.refresh).status == 401
    assert sessions(auth.pod, first).status == 403


# Rotation


def age(auth: AuthPods, session: str) -> None:
    """Makes its rotation due."""
    auth.database.sql("UPDATE auth.sessions SET rotated_at = now() - interval '31 min' WHERE id = %s", session)


def test_a_session_rotated_on_one_pod_is_valid_on_the_other_at_once(auth: AuthPods) -> None:
    first = auth.log_in(auth.person())
    assert "x-new-session-token" not in sessions(auth.pod, first).headers
    age(auth, first.session)
    new = sessions(auth.pods[0], first).headers["x-new-session-token"]
    assert claims(new)["rot"] == 1
    assert claims(new)["sid"] == first.session
    other = auth.pods[1].ask("/api/v1/auth/sessions", Authorization=f"Bearer {new}")
    assert other.status == 200, other
    assert sessions(auth.pods[1], first).status == 200  # for 30 s
    auth.database.sql("UPDATE auth.sessions SET rotated_at = now() - interval '31 s' WHERE id = %s", first.session)
    assert sessions(auth.pods[1], first).status == 401


def test_rotations_side_by_side_have_one_successor(auth: AuthPods) -> None:
    first = auth.log_in(auth.person())
    age(auth, first.session)
    with ThreadPoolExecutor(8) as pool:
        asked = [pool.submit(sessions, auth.pods[number % 2], first) for number in range(8)]
    answers = [one.result() for one in asked]
    assert [one.status for one in answers] == [200] * 8
    assert sum("x-new-session-token" in one.headers for one in answers) == 1
    assert auth.database.sql("SELECT rotation FROM auth.sessions WHERE id = %s", first.session) == [(1,)]


FEED_LOCK = 0x6E6F766172657631


@pytest.mark.parametrize("way", ["refresh", "rotation"])
def test_no_token_with_a_role_that_was_taken_away_while_it_was_issued(auth: AuthPods, way: str) -> None:
    """What issues it waits for the feed, behind which the change of role waits; both go on in a later second."""
    person = auth.person("admin")
    boss, tokens = auth.log_in(auth.person("platform-admin")), auth.log_in(person)
    age(auth, tokens.session)

    def issued() -> str:
        if way == "refresh":
            return given(refreshed(auth.pod, tokens.refresh)).access
        return sessions(auth.pod, tokens).headers["x-new-session-token"]

    def demoted() -> Answer:
        sent = {"Content-Type": "application/json", "Authorization": boss.bearer}
        body = b'{"role": "viewer"}'
        return auth.pod.ask(f"/api/v1/auth/users/{person.id}", "PATCH", body=body, port=auth.pod.port, **sent)

    with ThreadPoolExecutor(2) as pool, auth.database.connect() as holder:
        holder.execute("SELECT pg_advisory_lock(%s)", (FEED_LOCK,))
        token = pool.submit(issued)
        until(lambda: waiting(auth) == 1, "the feed is waited for", every=0.02)
        change = pool.submit(demoted)
        until(lambda: waiting(auth) == 2, "the change waits behind it", every=0.02)
        second = whole_second(auth)  # the bound of a change made by now is the next one at most
        until(lambda: whole_second(auth) > second, "the next second has begun", every=0.02)
        holder.execute("SELECT pg_advisory_unlock(%s)", (FEED_LOCK,))
        assert change.result(10).status == 200, change.result()
        access = token.result(10)
    answer = auth.pod.ask("/api/v1/auth/users", Authorization=f"Bearer {access}")
    assert (claims(access)["role"], answer.status) == ("admin", 401), answer


def whole_second(auth: AuthPods) -> int:
    """Of the database's clock."""
    return int(auth.database.sql("SELECT floor(extract(epoch FROM clock_timestamp()))::int")[0][0])


def waiting(auth: AuthPods) -> int:
    """Sessions of the database that wait for a lock."""
    statement = "SELECT count(*) FROM pg_stat_activity WHERE datname = %s AND wait_event_type = 'Lock'"
    return int(auth.database.sql(statement, auth.database.name)[0][0])


# The owner's sessions


def test_no_more_sessions_than_allowed_and_the_oldest_ends(auth: AuthPods) -> None:
    person = auth.person()
    opened = [auth.log_in(person) for _ in range(4)]
    assert [sessions(auth.pods[1], one).status for one in opened] == [401, 200, 200, 200]


def test_no_more_sessions_than_allowed_of_logins_side_by_side(auth: AuthPods) -> None:
    person = auth.person()
    auth.log_in(person)  # else all of them would race for the new hash
    with ThreadPoolExecutor(5) as pool:
        asked = [pool.submit(auth.log_in, person, auth.pods[number % 2]) for number in range(5)]
    opened = [one.result() for one in asked]
    assert sum(sessions(auth.pod, one).status == 200 for one in opened) == 3
    unended = "SELECT count(*) FROM auth.sessions WHERE user_id = %s AND ended_at IS NULL"
    assert auth.database.sql(unended, person.id) == [(3,)]


def test_logout_ends_the_session_everywhere(auth: AuthPods) -> None:
    first = auth.log_in(auth.person())
    assert post(auth.pod, "/api/v1/auth/logout", {"Authorization": first.bearer}).status == 204
    assert [sessions(pod, first).status for pod in auth.pods] == [401, 401]
    assert refreshed(auth.pod, first.refresh).status == 401


def test_an_end_is_told_for_as_long_as_any_token_lives_that_a_kept_key_signed(auth: AuthPods) -> None:
    """tokenTTL was an hour when the key began to sign, and is ten minutes now: tokens of before live on."""
    tokens = auth.log_in(auth.person())
    longest = max(key.lifetime for key in auth.keys.ring.keys)
    assert longest > claims(tokens.access)["exp"] - claims(tokens.access)["iat"]
    assert post(auth.pod, "/api/v1/auth/logout", {"Authorization": tokens.bearer}).status == 204
    (told,) = (item for item in feed(auth.pod).json()["items"] if item.get("sid") == tokens.session)
    assert told["expires"] - told["at"] >= longest + 30  # the skew


def test_one_session_is_ended_from_another(auth: AuthPods) -> None:
    person = auth.person()
    first, second = auth.log_in(person), auth.log_in(person)
    path = f"/api/v1/auth/sessions/{first.session}"
    assert auth.pod.ask(path, "DELETE", Authorization=second.bearer).status == 204
    assert auth.pod.ask(path, "DELETE", Authorization=second.bearer).status == 404
    assert sessions(auth.pods[1], first).status == 401
    assert sessions(auth.pods[1], second).status == 200


@pytest.mark.parametrize("sid", ["canary", "00000000-0000-0000-0000-000000000000"])
def test_there_is_no_such_session(auth: AuthPods, sid: str) -> None:
    mine = auth.log_in(auth.person())
    assert auth.pod.ask(f"/api/v1/auth/sessions/{sid}", "DELETE", Authorization=mine.bearer).status == 404


def test_nobody_ends_the_session_of_somebody_else(auth: AuthPods) -> None:
    mine, theirs = auth.log_in(auth.person("admin")), auth.log_in(auth.person())
    path = f"/api/v1/auth/sessions/{theirs.session}"
    assert auth.pod.ask(path, "DELETE", Authorization=mine.bearer).status == 404
    assert sessions(auth.pod, theirs).status == 200


def change(auth: AuthPods, bearer: str, current: str, new: str) -> Answer:
    return post(
        auth.pod, "/api/v1/auth/password", {"Authorization": bearer}, current_password=current, new_password=new
    )


def test_a_new_password_ends_all_sessions_and_opens_new_ones_at_once(auth: AuthPods) -> None:
    person = auth.person()
    first, second = auth.log_in(person), auth.log_in(person)
    assert change(auth, first.bearer, "canary wrong password of somebody", NEW_PASSWORD).status == 403
    assert change(auth, first.bearer, PASSWORD, PASSWORD).status == 400
    assert change(auth, first.bearer, PASSWORD, NEW_PASSWORD).status == 204
    assert [sessions(auth.pods[1], one).status for one in (first, second)] == [401, 401]
    assert log_in(auth, person.email, PASSWORD).status == 401
    answer = log_in(auth, person.email, NEW_PASSWORD)
    assert answer.status == 200, answer
    assert [sessions(pod, given(answer)).status for pod in auth.pods] == [200, 200]


# What may be told


def changed(auth: AuthPods, tokens: Tokens, current: str, new: str = NEW_PASSWORD) -> Answer:
    sent = {"Authorization": tokens.bearer}
    return post(auth.pod, "/api/v1/auth/password", sent, current_password=current, new_password=new)


def test_guesses_of_the_current_password_are_slowed_down_and_told(auth: AuthPods) -> None:
    """Whoever has a stolen token may try it."""
    person = auth.person()
    tokens = auth.log_in(person)
    assert [changed(auth, tokens, "canary guess").status for _ in range(6)] == [403] * 5 + [429]
    statement = """SELECT details->>'code', sum(coalesce((details->>'count')::int, 1))::int
                   FROM auth.audit WHERE subject = %s AND type = %s GROUP BY 1"""

    def told() -> dict[str, int]:
        return dict(auth.database.sql(statement, person.id, "password_change_refused"))

    until(lambda: told() == {"wrong_password": 5, "must_wait": 1}, "the guesses stand in the audit log", 30)


def test_a_new_password_that_is_refused_is_no_guess(auth: AuthPods) -> None:
    person = auth.person()
    tokens = auth.log_in(person)
    assert [changed(auth, tokens, PASSWORD, "weak").status for _ in range(8)] == [400] * 8
    assert changed(auth, tokens, PASSWORD).status == 204


def test_no_secret_reaches_log_or_audit(auth: AuthPods) -> None:
    person = auth.person()
    tokens = auth.log_in(person)
    given(refreshed(auth.pod, tokens.refresh))
    log_in(auth, person.email, "canary wrong password of somebody")
    failed = "SELECT count(*) FROM auth.audit WHERE type = 'login_failed' AND subject = %s"
    until(lambda: auth.database.sql(failed, person.id) != [(0,)], "the failed login has a row", 10)
    rows = str(auth.database.sql("SELECT * FROM auth.audit"))
    for text in [rows, *(pod.log() for pod in auth.pods)]:
        assert "canary" not in text
        assert person.email not in text
        assert "ncr_" not in text
        assert tokens.access.split(".")[2] not in text


def test_nobody_means_no_rows(auth: AuthPods) -> None:
    count = "SELECT count(*) FROM auth.audit"
    before = auth.database.sql(count)
    log_in(auth, f"nobody-{uuid4().hex}@example.invalid", "canary wrong password of somebody")
    person = auth.person()
    log_in(auth, person.email, "canary wrong password of somebody")
    failed = "SELECT count(*) FROM auth.audit WHERE type = 'login_failed' AND subject = %s"
    until(lambda: auth.database.sql(failed, person.id) == [(1,)], "the failed login of somebody has a row", 10)
    assert auth.database.sql(count)[0][0] == before[0][0] + 1
