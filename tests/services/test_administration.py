"""Administration over HTTP: who may do what to whom, on two pods of auth with a real PostgreSQL and Redis."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest

from novacron.auth.service import audit
from tests.services.conftest import REDIS_PASSWORD
from tests.support.administrator import ACCOUNTS, AUDIT, ORGANIZATIONS, ROOT, USERS, Caller, logged_in, machine, person
from tests.support.auth_pods import AuthPods, Machine, feed, form, given, post, refreshed
from tests.support.postgres import Postgres
from tests.support.redis_server import RedisServer
from tests.support.service_process import Answer

NEW_PASSWORD = "canary other words which nobody would guess"
NOBODY = "00000000-0000-4000-8000-000000000000"


@pytest.fixture(scope="module")
def auth(postgres: Postgres, redis_server: RedisServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[AuthPods]:
    files: dict[str, str | bytes] = {"password": REDIS_PASSWORD, "ca.crt": redis_server.ca}
    with AuthPods(tmp_path_factory.mktemp("auth"), postgres, redis_server, files, pods=2) as pods:
        yield pods


@pytest.fixture
def root(auth: AuthPods) -> Caller:
    return person(auth, "platform-admin")


def problem(answer: Answer, status: int, said: str = "") -> dict[str, Any]:
    """The members of a refusal, but for the request's id."""
    assert (answer.status, answer.headers["content-type"]) == (status, "application/problem+json"), answer
    found: dict[str, Any] = answer.json()
    assert said in found["detail"], found
    found.pop("request_id")
    return found


def address() -> str:
    return f"someone-{uuid4().hex[:10]}@example.invalid"


# Who may: every operation of the document, by every kind of caller

LEAST: dict[str, dict[str, str]] = {
    "/.well-known/jwks.json": {"get": "open"},
    "/api/v1/auth/audit": {"get": "admin"},
    "/api/v1/auth/introspect": {"post": "token:introspect"},
    "/api/v1/auth/login": {"post": "open"},
    "/api/v1/auth/organizations": {"get": "admin", "post": "platform-admin"},
    "/api/v1/auth/organizations/{id}": {
        "get": "admin",
        "patch": "platform-admin",
        "delete": "platform-admin",
    },
    "/api/v1/auth/password": {"post": "viewer"},
    "/api/v1/auth/refresh": {"post": "open"},
    "/api/v1/auth/revoke": {"post": "open"},
    "/api/v1/auth/service-accounts": {"get": "admin", "post": "admin"},
    "/api/v1/auth/service-accounts/{id}": {"get": "admin", "patch": "admin", "delete": "admin"},
    "/api/v1/auth/service-accounts/{id}/secret": {"post": "admin"},
    "/api/v1/auth/sessions": {"get": "viewer"},
    "/api/v1/auth/sessions/{id}": {"delete": "viewer"},
    "/api/v1/auth/token": {"post": "open"},
    "/api/v1/auth/users": {"get": "admin", "post": "admin"},
    "/api/v1/auth/users/{id}": {"get": "admin", "patch": "admin", "delete": "admin"},
    "/api/v1/auth/users/{id}/password": {"post": "admin"},
    "/openapi.json": {"get": "anybody"},
    "/api/v1/auth/logout": {"post": "viewer"},  # the last: it ends the session that asks
}
PASSES = {
    "viewer": {"open", "anybody", "viewer"},
    "operator": {"open", "anybody", "viewer"},
    "admin": {"open", "anybody", "viewer", "admin"},
    "platform-admin": {"open", "anybody", "viewer", "admin", "platform-admin"},
    "metrics:write": {"open", "anybody"},
    "token:introspect": {"open", "anybody", "token:introspect"},
}
FORMS = {"/api/v1/auth/introspect", "/api/v1/auth/revoke", "/api/v1/auth/token"}


def test_the_table_is_of_all_operations_and_says_what_the_document_says(root: Caller) -> None:
    paths = root.get("/openapi.json").json()["paths"]
    said: dict[str, dict[str, str]] = {}
    for path, item in paths.items():
        if path.startswith("/authz/"):  # they judge requests of others, by a table of their own
            continue
        for method in item.keys() - {"parameters"}:
            operation = item[method]
            least = operation.get("x-novacron-least-role") or operation.get("x-novacron-scope")
            proof = "anybody" if operation["security"] == [{"bearer": []}] else "open"
            said.setdefault(path, {})[method] = least or proof
    assert said == LEAST


@pytest.mark.parametrize("kind", PASSES)
def test_every_cell_of_role_and_route(auth: AuthPods, kind: str) -> None:
    caller = machine(auth, auth.machine(kind)) if ":" in kind else person(auth, kind)
    for path, methods in LEAST.items():
        for method, least in methods.items():
            url = path.replace("{id}", NOBODY)
            if path in FORMS:
                answer = form(auth.pod, url, {"Authorization": caller.bearer}, token="none")
            else:
                answer = caller.ask(method.upper(), url, {} if method in ("post", "patch") else None)
            cell = f"{kind} {method} {path}: {answer}"
            if least not in PASSES[kind]:
                assert answer.status == 403, cell
                assert 'error="insufficient_scope"' in answer.headers["www-authenticate"], cell
            elif path in FORMS and least == "open":  # an access token proves no client
                assert answer.status == 401, cell
                assert answer.headers["www-authenticate"].startswith("Basic "), cell
            else:
                assert answer.status in (200, 204, 400, 404), cell


@pytest.mark.parametrize("path", [path for path, methods in LEAST.items() if "open" not in methods.values()])
def test_without_a_token_nothing_is_served(auth: AuthPods, path: str) -> None:
    for method in LEAST[path]:
        answer = Caller(auth.pod, "").ask(method.upper(), path.replace("{id}", NOBODY), {})
        assert (answer.status, answer.headers["www-authenticate"]) == (401, 'Bearer realm="novacron"')


def test_who_is_refused_stands_in_the_audit_lines(auth: AuthPods) -> None:
    viewer = person(auth, "viewer")
    answer = viewer.get(USERS)
    line = auth.pod.line("not_permitted", answer.headers["x-request-id"])
    assert (line["code"], line["subject"], line["organization"]) == ("role", viewer.id, viewer.organization)


# What is not to be seen is not there


def test_another_organization_is_as_if_it_were_not(auth: AuthPods, root: Caller) -> None:
    admin = person(auth, "admin")
    stranger = person(auth, "viewer")
    account = auth.machine("metrics:write")
    for path, there in ((USERS, stranger.id), (USERS, root.id), (ACCOUNTS, account.id)):
        for method, body in (("GET", None), ("PATCH", {"status": "inactive"}), ("DELETE", None)):
            there_answer = problem(admin.ask(method, f"{path}/{there}", body), 404)
            assert there_answer == problem(admin.ask(method, f"{path}/{NOBODY}", body), 404)
            assert there_answer == problem(admin.ask(method, f"{path}/no-uuid", body), 404)
    assert problem(admin.post(f"{USERS}/{stranger.id}/password"), 404) == problem(
        admin.post(f"{USERS}/{NOBODY}/password"), 404
    )
    assert problem(admin.post(f"{ACCOUNTS}/{account.id}/secret"), 404)
    assert problem(admin.get(f"{ORGANIZATIONS}/{stranger.organization}"), 404) == problem(
        admin.get(f"{ORGANIZATIONS}/{NOBODY}"), 404
    )
    for path in (USERS, ACCOUNTS, AUDIT):
        there_answer = problem(admin.get(path, organization_id=stranger.organization), 400)
        assert there_answer == problem(admin.get(path, organization_id=NOBODY), 400)
    assert root.get(f"{USERS}/{stranger.id}").json()["status"] == "active"


def test_lists_hold_what_is_to_be_seen(auth: AuthPods, root: Caller) -> None:
    admin = person(auth, "admin")
    other = person(auth, "admin")
    account = auth.machine("metrics:write", organization=str(admin.organization))
    auth.machine("metrics:write", organization=str(other.organization))
    assert [one["id"] for one in admin.get(USERS).json()["items"]] == [admin.id]
    assert [one["id"] for one in admin.get(ORGANIZATIONS).json()["items"]] == [admin.organization]
    assert [one["id"] for one in admin.get(ACCOUNTS).json()["items"]] == [account.id]
    assert {one["organization_id"] for one in admin.events(limit=1000)} == {admin.organization}
    everybody = {one["id"] for one in root.get(USERS, limit=1000).json()["items"]}
    assert {admin.id, other.id, root.id} <= everybody
    only = root.get(USERS, organization_id=other.organization).json()["items"]
    assert [one["id"] for one in only] == [other.id]


def test_an_admin_may_not_put_anybody_into_another_organization(auth: AuthPods) -> None:
    admin, other = person(auth, "admin"), auth.organization()
    for where in (other, NOBODY):
        problem(admin.post(USERS, email=address(), role="viewer", organization_id=where), 400, "organization_id")
        problem(admin.post(ACCOUNTS, name="x", scopes=["metrics:write"], organization_id=where), 400, "organization_id")
        problem(
            admin.patch(f"{USERS}/{admin.made(USERS, email=address(), role='viewer')['id']}", organization_id=where),
            400,
        )


# Nobody is locked out, nobody grants what they have not


def test_nobody_changes_the_own_standing(auth: AuthPods) -> None:
    for role in ("admin", "platform-admin"):
        caller = person(auth, role)
        first = caller.delete(f"{USERS}/{caller.id}")
        line = auth.pod.line("administration_refused", first.headers["x-request-id"])
        assert (line["code"], line["subject"]) == ("own_account", caller.id)
        for change in ({"role": "viewer"}, {"status": "inactive"}, {"role": role}):
            assert problem(caller.ask("PATCH", f"{USERS}/{caller.id}", change), 409)["code"] == "own_account"
        assert problem(first, 409)["code"] == "own_account"
        assert problem(caller.post(f"{USERS}/{caller.id}/password"), 409)["code"] == "own_account"
        assert caller.patch(f"{USERS}/{caller.id}", username="Somebody else").json()["username"] == "Somebody else"


def test_nobody_grants_a_rank_above_the_own(auth: AuthPods) -> None:
    admin = person(auth, "admin")
    made = admin.made(USERS, email=address(), role="admin")
    for answer in (
        admin.post(USERS, email=address(), role="platform-admin"),
        admin.patch(f"{USERS}/{made['id']}", role="platform-admin"),
    ):
        assert problem(answer, 403)["code"] == "rank"
        assert 'error="insufficient_scope"' in answer.headers["www-authenticate"]


def test_a_platform_admin_may_cut_off_the_only_admin_of_an_organization(auth: AuthPods, root: Caller) -> None:
    admin = person(auth, "admin")
    assert root.delete(f"{USERS}/{admin.id}").status == 204
    assert admin.get(USERS).status == 403


def test_of_two_admins_who_demote_each_other_at_once_one_stays(auth: AuthPods) -> None:
    for role in ("admin", "platform-admin"):
        organization = None if role == "platform-admin" else auth.organization()
        change = {"role": "viewer", "organization_id": organization or auth.organization()}
        for _ in range(4):
            pair = [person(auth, role, pod, organization_id=organization) for pod in auth.pods]
            sent = change if role == "platform-admin" else {"role": "viewer"}

            def demote(one: Caller, other: Caller, sent: dict[str, Any] = sent) -> int:
                return one.ask("PATCH", f"{USERS}/{other.id}", sent).status

            with ThreadPoolExecutor(2) as pool:
                found = sorted(pool.map(demote, pair, reversed(pair)))
            # the loser is refused by the act, or by the wall when it came later
            assert found in ([200, 401], [200, 403]), found
            ids = [one.id for one in pair]
            rows = auth.database.sql("SELECT role FROM auth.users WHERE id = ANY (%s::uuid[])", ids)
            assert sorted(one for (one,) in rows) == sorted([role, "viewer"])


def test_who_was_demoted_acts_no_more_with_the_token_of_before(auth: AuthPods, root: Caller) -> None:
    admin = person(auth, "admin")
    assert root.patch(f"{USERS}/{admin.id}", role="viewer").status == 200
    assert admin.get(USERS).status == 401
    assert admin.post(USERS, email=address(), role="viewer").status == 401


# People


def test_a_person_is_made_with_a_password_that_is_good_once(auth: AuthPods) -> None:
    admin = person(auth, "admin")
    email = address()
    answer = admin.post(USERS, email=email.upper(), role="operator")
    assert answer.status == 201, answer
    made = answer.json()
    assert answer.headers["location"] == f"{USERS}/{made['id']}"
    assert (made["email"], made["username"]) == (email, email.partition("@")[0])
    assert (made["role"], made["status"], made["organization_id"]) == ("operator", "active", admin.organization)
    password = made.pop("one_time_password")
    assert re.fullmatch(r"(?:[a-z2-9]{5}-){4}[a-z2-9]{5}", password)
    (left,) = auth.database.sql(
        "SELECT extract(epoch FROM password_expires_at - now())::int FROM auth.users WHERE id = %s", made["id"]
    )[0]
    assert 86_300 < left <= 86_400
    read = admin.get(f"{USERS}/{made['id']}")
    assert (read.json(), read.headers["etag"]) == (made, answer.headers["etag"])

    login = f"{ROOT}/login"
    assert problem(post(auth.pod, login, email=email, password=password), 403)["code"] == "password_change_required"
    assert post(auth.pod, login, email=email, password=password, new_password=NEW_PASSWORD).status == 200
    assert post(auth.pod, login, email=email, password=password).status == 401
    assert admin.get(f"{USERS}/{made['id']}").json()["password_expires_at"] is None
    assert password not in auth.pod.log()
    assert email not in auth.pod.log()


def test_a_password_that_was_given_is_not_answered_and_must_be_changed(auth: AuthPods) -> None:
    admin, email = person(auth, "admin"), address()
    made = admin.made(USERS, email=email, role="viewer", password=NEW_PASSWORD)
    assert made["one_time_password"] is None
    assert made["password_expires_at"] is not None
    login = post(auth.pod, f"{ROOT}/login", email=email, password=NEW_PASSWORD)
    assert problem(login, 403)["code"] == "password_change_required"


def test_a_password_is_reset_by_an_administrator(auth: AuthPods) -> None:
    admin = person(auth, "admin")
    somebody = auth.person("viewer", organization_id=admin.organization)
    caller = logged_in(auth, somebody)
    answer = admin.post(f"{USERS}/{somebody.id}/password")
    assert answer.status == 200, answer
    once = answer.json()["one_time_password"]
    assert caller.get(f"{ROOT}/sessions").status == 401
    assert post(auth.pod, f"{ROOT}/login", email=somebody.email, password=somebody.password).status == 401
    login = {"email": somebody.email, "password": once, "new_password": NEW_PASSWORD}
    assert post(auth.pod, f"{ROOT}/login", **login).status == 200
    given_one = admin.post(f"{USERS}/{somebody.id}/password", password="canary yet other words for a while")
    assert given_one.json()["one_time_password"] is None
    assert [one["type"] for one in admin.events(object=somebody.id, type="password_reset")] == ["password_reset"] * 2


def test_an_email_address_is_one_persons(auth: AuthPods) -> None:
    """Also of another organization: it is what people log in with, so its being taken cannot be hidden."""
    admin, stranger = person(auth, "admin"), auth.person()
    refusal = problem(admin.post(USERS, email=stranger.email.upper(), role="viewer"), 409)
    assert refusal["code"] == "email_taken"
    assert stranger.email not in str(refusal)
    own = admin.made(USERS, email=address(), role="viewer")
    assert problem(admin.post(USERS, email=own["email"], role="viewer"), 409) == refusal


def test_of_many_creations_at_once_one_gets_the_address(auth: AuthPods) -> None:
    admins, email = [person(auth, "admin", pod) for pod in auth.pods for _ in range(2)], address()

    def create(admin: Caller) -> int:
        return admin.post(USERS, email=email, role="viewer").status

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(create, admins)) == [201, 409, 409, 409]
    assert auth.database.sql("SELECT count(*) FROM auth.users WHERE email = %s", email) == [(1,)]


def test_a_role_that_changes_is_in_the_next_token(auth: AuthPods) -> None:
    admin = person(auth, "admin")
    somebody = auth.person("viewer", organization_id=admin.organization)
    tokens = auth.log_in(somebody)
    assert admin.patch(f"{USERS}/{somebody.id}", role="operator").status == 200
    assert auth.pods[1].ask(f"{ROOT}/sessions", Authorization=tokens.bearer).status == 401
    renewed = refreshed(auth.pods[1], tokens.refresh)
    assert renewed.status == 200, renewed
    part = given(renewed).access.split(".")[1]
    assert json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))["role"] == "operator"
    (event,) = admin.events(object=somebody.id, type="user_changed")
    assert event["details"] == {
        "changed": "role",
        "role_before": "viewer",
        "role": "operator",
        "session": event["details"]["session"],
    }
    told = [one for one in feed(auth.pods[1]).json()["items"] if one.get("sub") == somebody.id]
    assert [one["not_before"] > 0 for one in told] == [True]


def test_who_is_deactivated_is_out_at_once_and_comes_back(auth: AuthPods) -> None:
    admin = person(auth, "admin")
    somebody = auth.person("viewer", organization_id=admin.organization)
    tokens = auth.log_in(somebody)
    assert admin.delete(f"{USERS}/{somebody.id}").status == 204
    for pod in auth.pods:
        assert pod.ask(f"{ROOT}/sessions", Authorization=tokens.bearer).status == 403
        assert refreshed(pod, tokens.refresh).status == 401
        assert post(pod, f"{ROOT}/login", email=somebody.email, password=somebody.password).status == 401
    items = feed(auth.pods[1]).json()["items"]
    assert tokens.session in [one["sid"] for one in items if "sid" in one]
    assert somebody.id in [one["sub"] for one in items if "sub" in one]
    assert admin.delete(f"{USERS}/{somebody.id}").status == 204  # again, it changes nothing
    assert admin.get(f"{USERS}/{somebody.id}").json()["status"] == "inactive"

    assert admin.patch(f"{USERS}/{somebody.id}", status="active").json()["status"] == "active"
    assert auth.pod.ask(f"{ROOT}/sessions", Authorization=tokens.bearer).status == 401
    assert logged_in(auth, somebody).get(f"{ROOT}/sessions").status == 200
    types = [one["type"] for one in admin.events(object=somebody.id) if one["type"].startswith("user_")]
    assert types == ["user_reactivated", "user_deactivated"]


def test_a_person_becomes_a_platform_admin_and_one_of_an_organization_again(auth: AuthPods, root: Caller) -> None:
    admin, elsewhere = person(auth, "admin"), auth.organization()
    path = f"{USERS}/{admin.id}"
    problem(root.patch(path, role="platform-admin", organization_id=elsewhere), 400, "organization_id")
    up = root.patch(path, role="platform-admin").json()
    assert (up["role"], up["organization_id"]) == ("platform-admin", None)
    problem(root.patch(path, role="viewer"), 400, "organization_id")
    down = root.patch(path, role="viewer", organization_id=elsewhere).json()
    assert (down["role"], down["organization_id"]) == ("viewer", elsewhere)
    assert [one["type"] for one in root.events(organization_id=elsewhere)] == ["user_changed"]


def test_a_version_that_is_not_the_current_one_changes_nothing(auth: AuthPods) -> None:
    admin = person(auth, "admin")
    path = f"{USERS}/{admin.made(USERS, email=address(), role='viewer')['id']}"
    first = admin.get(path).headers["etag"]
    changed = admin.ask("PATCH", path, {"username": "One"}, If_Match=first)
    assert (changed.status, changed.json()["username"]) == (200, "One")
    assert changed.headers["etag"] != first
    problem(admin.ask("PATCH", path, {"username": "Two"}, If_Match=first), 412)
    problem(admin.ask("DELETE", path, If_Match=first), 412)
    assert (
        admin.ask("PATCH", path, {"username": "One"}, If_Match=changed.headers["etag"]).headers["etag"]
        == (changed.headers["etag"])
    )
    assert admin.ask("PATCH", path, {"username": "Three"}, If_Match=f'{first}, "x", *').json()["username"] == "Three"


# Organizations


def test_an_organization_ends_for_all_in_it_and_comes_back(auth: AuthPods, root: Caller) -> None:
    made = root.made(ORGANIZATIONS, name=f"Acme {uuid4()}")
    path = f"{ORGANIZATIONS}/{made['id']}"
    people = [auth.person(role, organization_id=made["id"]) for role in ("viewer", "admin")]
    tokens = [auth.log_in(one) for one in people]
    account = auth.machine("metrics:write", organization=made["id"])
    caller = machine(auth, account)
    assert caller.get("/openapi.json").status == 200

    assert root.delete(path).status == 204
    for one in tokens:
        assert auth.pods[1].ask(f"{ROOT}/sessions", Authorization=one.bearer).status == 403
        assert refreshed(auth.pods[1], one.refresh).status == 401
    assert caller.get("/openapi.json").status == 403
    assert (
        form(auth.pod, f"{ROOT}/token", {"Authorization": account.basic}, grant_type="client_credentials").status == 401
    )
    items = feed(auth.pods[1]).json()["items"]
    subjects = {one["sub"] for one in items if "sub" in one}
    assert {*(one.id for one in people), account.id} <= subjects
    assert {one.session for one in tokens} <= {one["sid"] for one in items if "sid" in one}
    problem(root.post(USERS, email=address(), role="viewer", organization_id=made["id"]), 400, "organization_id")

    assert root.patch(path, status="active").json()["status"] == "active"
    for somebody in people:
        assert logged_in(auth, somebody).get(f"{ROOT}/sessions").status == 200
    assert machine(auth, account).get("/openapi.json").status == 200
    events = [one["type"] for one in root.events(object=made["id"])]
    assert events == ["organization_reactivated", "organization_deactivated", "organization_created"]


def test_the_name_of_an_organization_is_its_own(auth: AuthPods, root: Caller) -> None:
    name = f"Acme {uuid4()}"
    one, other = root.made(ORGANIZATIONS, name=name), root.made(ORGANIZATIONS, name=f"{name} too")
    assert problem(root.post(ORGANIZATIONS, name=name.upper()), 409)["code"] == "name_taken"
    assert problem(root.patch(f"{ORGANIZATIONS}/{other['id']}", name=name), 409)["code"] == "name_taken"
    assert root.patch(f"{ORGANIZATIONS}/{one['id']}", name=name.upper()).json()["name"] == name.upper()
    problem(root.get(f"{ORGANIZATIONS}/{NOBODY}"), 404)
    active = root.get(ORGANIZATIONS, status="inactive", limit=1000).json()["items"]
    assert one["id"] not in [found["id"] for found in active]


# Service accounts


def test_a_secret_is_shown_once_and_ends_with_the_next(auth: AuthPods) -> None:
    admin = person(auth, "admin")
    made = admin.made(ACCOUNTS, name="collector", scopes=["metrics:write"])
    secret = made.pop("client_secret")
    assert re.fullmatch(r"ncs_[\w-]{43}", secret)
    assert admin.get(f"{ACCOUNTS}/{made['id']}").json() == made
    account = Machine(made["id"], secret, str(admin.organization))
    caller = machine(auth, account)
    assert caller.get("/openapi.json").status == 200

    answer = admin.post(f"{ACCOUNTS}/{made['id']}/secret").json()
    assert answer["client_id"] == made["id"]
    assert caller.get("/openapi.json").status == 401
    refused = form(auth.pod, f"{ROOT}/token", {"Authorization": account.basic}, grant_type="client_credentials")
    assert refused.status == 401
    assert machine(auth, replace(account, secret=answer["client_secret"])).get("/openapi.json").status == 200
    stored = auth.database.sql("SELECT encode(secret_sha256, 'escape') FROM auth.service_accounts")
    for shown in (secret, answer["client_secret"]):
        assert shown not in auth.pod.log()
        assert shown not in str(stored)


def test_scopes_and_status_of_an_account_end_its_tokens_and_its_name_does_not(auth: AuthPods) -> None:
    admin = person(auth, "admin")
    made = admin.made(ACCOUNTS, name="reader", scopes=["token:introspect", "metrics:write"])
    path = f"{ACCOUNTS}/{made['id']}"
    account = Machine(made["id"], made["client_secret"], str(admin.organization))
    caller = machine(auth, account)
    assert admin.patch(path, name="other").json()["name"] == "other"
    assert caller.get("/openapi.json").status == 200
    assert admin.patch(path, scopes=["metrics:write"]).json()["scopes"] == ["metrics:write"]
    assert caller.get("/openapi.json").status == 401
    caller = machine(auth, account)
    assert admin.delete(path).status == 204
    assert caller.get("/openapi.json").status == 403
    assert admin.patch(path, status="active").json()["status"] == "active"
    assert machine(auth, account).get("/openapi.json").status == 200
    types = [one["type"] for one in admin.events(object=made["id"])]
    assert [one for one in types if one.startswith("service_account")] == [
        "service_account_reactivated",
        "service_account_deactivated",
        "service_account_changed",
        "service_account_changed",
        "service_account_created",
    ]
    assert problem(admin.post(ACCOUNTS, name="OTHER", scopes=["metrics:write"]), 409)["code"] == "name_taken"


def test_a_platform_admin_names_the_organization_of_an_account(auth: AuthPods, root: Caller) -> None:
    problem(root.post(ACCOUNTS, name="x", scopes=["metrics:write"]), 400, "organization_id")
    where = auth.organization()
    assert root.made(ACCOUNTS, name="x", scopes=["metrics:write"], organization_id=where)["organization_id"] == where


# Lists


@pytest.mark.parametrize("path", [USERS, ORGANIZATIONS, ACCOUNTS, AUDIT])
@pytest.mark.parametrize("limit", ["0", "1001", "-1", "ten", "1.5", "", "99999999999999999999"])
def test_a_limit_that_is_none_is_refused(root: Caller, path: str, limit: str) -> None:
    problem(root.get(path, limit=limit), 400, "limit")


def test_a_parameter_is_known_and_given_once(root: Caller) -> None:
    problem(root.get(USERS, canary="1"), 400, "known are: cursor, email, limit")
    problem(root.ask("GET", f"{USERS}?limit=1&limit=2"), 400, "twice")


def test_pages_hold_each_once_while_others_come(auth: AuthPods) -> None:
    admin = person(auth, "admin")
    before = [admin.id, *(admin.made(USERS, email=address(), role="viewer")["id"] for _ in range(6))]
    seen: list[str] = []
    later: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        answer = admin.get(USERS, limit=2, **cursor).json()
        seen += [one["id"] for one in answer["items"]]
        if len(seen) <= len(before):
            later.append(admin.made(USERS, email=address(), role="viewer")["id"])
        if answer["next"] is None:
            break
        cursor = {"cursor": answer["next"]}
    assert len(later) == 3
    assert seen == before + later


def test_a_cursor_belongs_to_its_list_filter_and_viewer(auth: AuthPods, root: Caller) -> None:
    admin = person(auth, "admin")
    for _ in range(2):
        admin.made(USERS, email=address(), role="viewer")
    cursor = admin.get(USERS, limit=1, role="viewer").json()["next"]
    assert admin.get(USERS, limit=2, role="viewer", cursor=cursor).status == 200  # the page's size may change
    problem(admin.get(USERS, limit=1, cursor=cursor), 400, "cursor")
    problem(admin.get(USERS, limit=1, role="operator", cursor=cursor), 400, "cursor")
    problem(admin.get(ACCOUNTS, cursor=cursor), 400, "cursor")
    problem(root.get(USERS, limit=1, role="viewer", cursor=cursor), 400, "cursor")
    problem(person(auth, "admin").get(USERS, limit=1, role="viewer", cursor=cursor), 400, "cursor")


def test_filters_of_people(auth: AuthPods) -> None:
    admin = person(auth, "admin")
    made = admin.made(USERS, email=address(), role="operator")

    def ids(**query: str) -> list[str]:
        return [one["id"] for one in admin.get(USERS, **query).json()["items"]]

    assert ids(role="operator") == ids(email=made["email"].upper()) == [made["id"]]
    admin.delete(f"{USERS}/{made['id']}")
    assert ids(status="inactive") == [made["id"]]
    assert ids(status="active") == [admin.id]


# The audit log


def test_the_audit_log_is_searched(auth: AuthPods) -> None:
    admin = person(auth, "admin")
    made = [admin.made(USERS, email=address(), role="viewer")["id"] for _ in range(3)]
    created = admin.events(type="user_created", subject=admin.id)
    assert [one["object"] for one in created] == made[::-1]
    assert created[0]["network"] == "127.0.0.1"
    first = admin.get(AUDIT, type="user_created", limit=2).json()
    second = admin.get(AUDIT, type="user_created", limit=2, cursor=first["next"]).json()
    assert [one["object"] for one in [*first["items"], *second["items"]]] == made[::-1]
    assert second["next"] is None
    edge = created[1]["at"]
    assert [one["object"] for one in admin.events(type="user_created", since=edge)] == made[:0:-1]
    assert [one["object"] for one in admin.events(type="user_created", until=edge)] == made[:1]
    problem(admin.get(AUDIT, since=edge, until=edge), 400, "until")
    problem(admin.get(AUDIT, since="2026-01-01T00:00:00"), 400, "since")
    problem(admin.get(AUDIT, type="canary"), 400, "type")
    everything = json.dumps(admin.events(limit=1000))
    assert "@" not in everything


def test_an_act_that_cannot_be_told_of_is_not_done(auth: AuthPods, root: Caller) -> None:
    somebody, email = auth.person(), address()
    auth.database.sql("REVOKE INSERT ON auth.audit FROM novacron_auth")
    try:
        for answer in (
            root.post(USERS, email=email, role="platform-admin"),
            root.delete(f"{USERS}/{somebody.id}"),
            root.post(ORGANIZATIONS, name=email),
        ):
            problem(answer, 503)
            assert answer.headers["retry-after"]
    finally:
        auth.database.sql("GRANT INSERT ON auth.audit TO novacron_auth")
    assert root.get(f"{USERS}/{somebody.id}").json()["status"] == "active"
    assert auth.database.sql("SELECT count(*) FROM auth.users WHERE email = %s", email) == [(0,)]
    assert auth.database.sql("SELECT count(*) FROM auth.organizations WHERE name = %s", email) == [(0,)]
    assert auth.database.sql("SELECT count(*) FROM auth.revocations WHERE sub = %s", somebody.id) == [(0,)]


def test_an_act_that_is_refused_leaves_no_row(auth: AuthPods) -> None:
    admin, stranger = person(auth, "admin"), auth.person()
    before = auth.database.sql("SELECT count(*) FROM auth.audit")
    problem(admin.post(USERS, email=stranger.email, role="viewer"), 409)
    problem(admin.delete(f"{USERS}/{stranger.id}"), 404)
    assert auth.database.sql("SELECT count(*) FROM auth.audit") == before


def test_every_type_that_administration_writes_is_documented() -> None:
    assert {"user_created", "user_changed", "organization_deactivated", "secret_rotated"} <= audit.TYPES.keys()


# Bodies

BODIES: dict[str, tuple[str, str, str, Any, str]] = {
    "no object": ("POST", USERS, "body", [], "no object"),
    "nothing": ("POST", USERS, "email", {}, "required"),
    "unknown member": (
        "POST",
        USERS,
        "unknown member",
        {"canary": 1, "email": "a@b.example", "role": "viewer"},
        "known are: email",
    ),
    "number": ("POST", USERS, "email", {"email": 5, "role": "viewer"}, "string"),
    "blank in an address": ("POST", USERS, "email", {"email": "canary x@y", "role": "viewer"}, "plain"),
    "no domain": ("POST", USERS, "email", {"email": "canary@", "role": "viewer"}, "plain"),
    "long address": ("POST", USERS, "email", {"email": "c" * 250 + "@x.example", "role": "viewer"}, "254"),
    "role": ("POST", USERS, "role", {"email": "a@b.example", "role": "canary"}, "viewer"),
    "service role": ("POST", USERS, "role", {"email": "a@b.example", "role": "service"}, "viewer"),
    "organization": (
        "POST",
        USERS,
        "organization_id",
        {"email": "a@b.example", "role": "viewer", "organization_id": "canary"},
        "UUID",
    ),
    "control characters": (
        "POST",
        USERS,
        "username",
        {"email": "a@b.example", "role": "viewer", "username": "canary\u202e"},
        "control",
    ),
    "weak password": (
        "POST",
        USERS,
        "password",
        {"email": "a@b.example", "role": "viewer", "password": "canary"},
        "15",
    ),
    "empty name": ("POST", ORGANIZATIONS, "name", {"name": ""}, "1 character"),
    "blank name": ("POST", ORGANIZATIONS, "name", {"name": " canary "}, "blank"),
    "long name": ("POST", ORGANIZATIONS, "name", {"name": "c" * 129}, "128"),
    "no scopes": ("POST", ACCOUNTS, "scopes", {"name": "x", "scopes": []}, "1"),
    "scope twice": ("POST", ACCOUNTS, "scopes", {"name": "x", "scopes": ["metrics:write"] * 2}, "twice"),
    "unknown scope": ("POST", ACCOUNTS, "scopes.0", {"name": "x", "scopes": ["canary"]}, "metrics:write"),
    "change nothing": ("PATCH", f"{USERS}/{NOBODY}", "body", {}, "names nothing"),
    "remove": ("PATCH", f"{USERS}/{NOBODY}", "body", {"role": None}, "null"),
    "change the address": ("PATCH", f"{USERS}/{NOBODY}", "unknown member", {"email": "canary@b.example"}, "known are"),
    "status": ("PATCH", f"{ACCOUNTS}/{NOBODY}", "status", {"status": "canary"}, "active"),
}


@pytest.mark.parametrize("case", BODIES)
def test_a_body_is_refused_by_field_and_reason_and_never_quoted(root: Caller, case: str) -> None:
    method, path, field, body, reason = BODIES[case]
    found = problem(root.ask(method, path, body), 400, field)
    assert reason in found["detail"], found
    assert "canary" not in str(found)


def test_every_body_is_judged_by_the_model_that_the_document_names(auth: AuthPods) -> None:
    root = person(auth, "platform-admin")
    document = root.get("/openapi.json").json()
    judged = 0
    for path, item in document["paths"].items():
        for method in item.keys() & {"post", "patch"}:
            content = item[method].get("requestBody", {}).get("content", {})
            for media_type in content.keys() & {"application/json", "application/merge-patch+json"}:
                schema = document["components"]["schemas"][content[media_type]["schema"]["$ref"].rpartition("/")[2]]
                answer = root.ask(method.upper(), path.replace("{id}", NOBODY), {"canary": 1})
                detail = problem(answer, 400)["detail"]
                known = f"known are: {', '.join(sorted(schema['properties']))}."
                first = f"{schema.get('required', ['none'])[0]}: field required; correct it."
                assert detail == first or known in detail
                judged += 1
    assert judged > 9


def test_a_body_is_json_and_not_large(root: Caller) -> None:
    problem(root.pod.ask(USERS, "POST", body=b"{", Authorization=root.bearer, Content_Type="application/json"), 400)
    answer = root.pod.ask(USERS, "POST", body=b"a=b", Authorization=root.bearer, Content_Type="text/plain")
    problem(answer, 415, "application/json")
    patch = root.pod.ask(
        f"{USERS}/{NOBODY}", "PATCH", body=b"a=b", Authorization=root.bearer, Content_Type="text/plain"
    )
    problem(patch, 415)
    assert patch.headers["accept-patch"] == "application/merge-patch+json, application/json"
    problem(root.post(ORGANIZATIONS, name="c" * 20_000), 413)
    problem(root.patch(f"{ORGANIZATIONS}/{NOBODY}", name="c" * 20_000), 413)


def test_the_methods_of_a_path_are_named(root: Caller) -> None:
    answer = root.ask("PUT", f"{USERS}/{NOBODY}", {})
    assert answer.status == 405
    assert set(answer.headers["allow"].split(", ")) == {"GET", "HEAD", "PATCH", "DELETE"}
