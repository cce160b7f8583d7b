"""Lists of query over HTTP: users and virtual machines, right, in pages, of the own organization, and hostile requests
of every kind. One pod, a real PostgreSQL that thinks it is in India."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from datetime import timedelta
from itertools import pairwise
from typing import Any
from urllib.parse import quote
from uuid import UUID, uuid4

import pytest

from tests.services.conftest import REDIS_PASSWORD
from tests.support.asker import (
    DAY,
    NOBODY,
    SAMPLES,
    USERS,
    VMS,
    Asker,
    Document,
    answered,
    ids,
    machines,
    measured,
    people,
    problem,
    sample,
    small_pages,
)
from tests.support.postgres import Postgres
from tests.support.query_pods import QueryPods
from tests.support.redis_server import RedisServer
from tests.support.service_process import Answer

INJECTIONS = [
    "' OR '1'='1",
    "'; DROP TABLE query.vms; --",
    "x' UNION SELECT id, password_hash FROM auth.users --",
    "1) OR (1=1",
    "$1",
    "%s",
    "%(limit)s",
    "{rows}",
    "\\'; SELECT pg_sleep(10); --",
    "created_at; DROP TABLE auth.users",
    'x"y',
    "\u2019 OR 1=1 --",
]


@pytest.fixture(scope="module")
def query(
    postgres: Postgres, redis_server: RedisServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[QueryPods]:
    files: dict[str, str | bytes] = {"password": REDIS_PASSWORD, "ca.crt": redis_server.ca}
    with small_pages(tmp_path_factory.mktemp("query"), postgres, redis_server, files) as pods:
        yield pods


@pytest.fixture
def organization(query: QueryPods) -> str:
    return query.organization()


# Users


def test_users_come_in_the_order_of_their_creation_whatever_the_page(query: QueryPods, organization: str) -> None:
    moments = [DAY + timedelta(seconds=number // 3) for number in range(11)]  # three of each moment
    everybody = people(query, organization, *moments)
    people(query, query.organization(), *moments)
    admin = Asker(query, "admin", organization)
    for limit in (1, 2, 3, 10, 11, 50):
        assert ids(admin.walk(USERS, limit=limit)) == everybody
        assert ids(admin.walk(USERS, limit=limit, sort="-created_at")) == everybody[::-1]
    assert len(admin.page(USERS)["items"]) == 3  # spec.query.pageSize.default
    assert admin.page(USERS, limit=11)["next"] is None


def test_a_user_is_shown_without_credentials(query: QueryPods, organization: str) -> None:
    (somebody,) = people(query, organization, DAY + timedelta(microseconds=1))
    (found,) = Asker(query, "admin", organization).page(USERS)["items"]
    assert set(found) == {
        "id",
        "email",
        "username",
        "status",
        "created_at",
        "updated_at",
        "last_login",
        "role",
        "organization_id",
    }
    assert (found["id"], found["organization_id"], found["last_login"]) == (somebody, organization, None)
    assert found["created_at"] == (DAY + timedelta(microseconds=1)).isoformat()  # in UTC, not the server's +05:30


def test_filters_of_users(query: QueryPods, organization: str) -> None:
    admin = Asker(query, "admin", organization)
    address = f"ada-{uuid4().hex[:8]}@example.org"
    (ada,) = people(query, organization, DAY, email=address)
    (gone,) = people(query, organization, DAY + timedelta(seconds=1), status="inactive")
    (late,) = people(query, organization, DAY + timedelta(seconds=2))
    assert ids(admin.page(USERS, email=address.upper())["items"]) == [ada]
    assert ids(admin.page(USERS, email=address, status="inactive")["items"]) == []
    assert ids(admin.page(USERS, status="inactive")["items"]) == [gone]
    since = (DAY + timedelta(seconds=1)).isoformat()
    assert ids(admin.page(USERS, created_after=since)["items"]) == [gone, late]
    assert ids(admin.page(USERS, created_after=since, status="active", sort="-created_at")["items"]) == [late]
    assert ids(admin.page(USERS, organization=organization)["items"]) == [ada, gone, late]


def test_an_offset_counts_with_and_without_a_limit_and_never_beside_a_cursor(
    query: QueryPods, organization: str
) -> None:
    everybody = people(query, organization, *[DAY + timedelta(seconds=number) for number in range(7)])
    admin = Asker(query, "admin", organization)
    assert ids(admin.page(USERS, offset=2)["items"]) == everybody[2:5]
    assert ids(admin.page(USERS, offset=2, limit=2)["items"]) == everybody[2:4]
    assert ids(admin.page(USERS, offset=0)["items"]) == everybody[:3]
    assert admin.page(USERS, offset=7) == {"items": [], "next": None}
    assert ids(admin.walk(USERS, offset=3, limit=2)) == everybody[3:]
    following = admin.page(USERS)["next"]
    problem(admin.get(USERS, offset=0, cursor=following), 400, "offset: is given beside cursor")


def test_whose_users_one_sees_is_what_the_token_says(query: QueryPods, organization: str) -> None:
    own, other = people(query, organization, DAY), query.organization()
    others, above = people(query, other, DAY), people(query, None, DAY)
    admin, root = Asker(query, "admin", organization), Asker(query, "platform-admin", None)
    assert ids(admin.walk(USERS)) == own
    there = problem(admin.get(USERS, organization=other), 403, "organization: is not your own")
    assert there == problem(admin.get(USERS, organization=NOBODY), 403)
    assert {*own, *others, *above} <= set(ids(root.walk(USERS, limit=50)))
    assert ids(root.walk(USERS, organization=other)) == others
    assert ids(root.walk(USERS, organization=NOBODY)) == []
    for role in ("viewer", "operator"):
        answer = Asker(query, role, organization).get(USERS)
        assert "insufficient_scope" in answer.headers["www-authenticate"]
        problem(answer, 403, "at least admin")
    machine = query.machine_token(organization, "metrics:write", "token:introspect")
    problem(query.ask(USERS, machine), 403)


def test_an_organization_that_is_no_uuid_owns_nothing(query: QueryPods) -> None:
    stranger = Asker(query, "admin", "acme' OR true --")
    for path in (USERS, VMS, f"{VMS}/{NOBODY}"):
        problem(stranger.get(path), 403, "no UUID")
    asked = {"vm_ids": [NOBODY], "start": DAY.isoformat(), "end": DAY.isoformat()}
    problem(stranger.send("POST", SAMPLES, asked), 403, "no UUID")


# Virtual machines


def body(**members: Any) -> Document:
    return {"name": "web-1", "status": "running", "cpu_cores": 4, "memory_mb": 8192} | members


def test_a_vm_is_made_replaced_deleted_and_brought_back(query: QueryPods, organization: str) -> None:
    operator, viewer = Asker(query, "operator", organization), Asker(query, "viewer", organization)
    path = f"{VMS}/{uuid4()}"
    made = operator.send("PUT", path, body())
    assert made.status == 201, made
    assert made.json() == viewer.get(path).json()
    assert made.json() | body() == made.json()
    assert made.json()["organization_id"] == organization
    assert made.json()["created_at"] == made.json()["updated_at"]
    replaced = operator.send("PUT", path, body(name="web-2", status="stopped"))
    assert replaced.status == 200, replaced
    assert replaced.json()["name"] == "web-2"
    assert replaced.json()["created_at"] == made.json()["created_at"]
    assert replaced.json()["updated_at"] > made.json()["updated_at"]
    assert [item["name"] for item in viewer.page(VMS)["items"]] == ["web-2"]
    deleted = query.ask(path, operator.token, "DELETE")
    assert (deleted.status, deleted.body) == (204, b"")
    assert problem(viewer.get(path), 404) == problem(query.ask(path, operator.token, "DELETE"), 404)
    assert viewer.page(VMS)["items"] == []
    back = operator.send("PUT", path, body(name="web-3"))
    assert back.status == 201, back
    assert back.json()["created_at"] == back.json()["updated_at"] > replaced.json()["updated_at"]


def test_another_organizations_vm_is_as_if_it_were_not(query: QueryPods, organization: str) -> None:
    (there,) = machines(query, query.organization(), ["there"])
    (deleted,) = machines(query, query.organization(), ["deleted"], deleted_at=DAY)
    operator = Asker(query, "operator", organization)
    nothing = problem(operator.get(f"{VMS}/{NOBODY}"), 404)
    for method in ("GET", "DELETE"):
        for id_ in (there, deleted, "no-uuid", quote("\0"), quote("'; --"), "%ff"):
            assert problem(query.ask(f"{VMS}/{id_}", operator.token, method), 404) == nothing
    for id_ in (there, deleted):
        problem(operator.send("PUT", f"{VMS}/{id_}", body()), 409, "id: is taken")
    problem(operator.send("PUT", f"{VMS}/no-uuid", body()), 404)
    root = Asker(query, "platform-admin", None)
    assert root.get(f"{VMS}/{there}").json()["name"] == "there"


def test_a_platform_admin_names_the_organization(query: QueryPods, organization: str) -> None:
    root, operator = Asker(query, "platform-admin", None), Asker(query, "operator", organization)
    path, gone = f"{VMS}/{uuid4()}", query.organization()
    query.database.sql("UPDATE auth.organizations SET active = false WHERE id = %s", gone)
    problem(root.send("PUT", path, body()), 400, "organization_id: is not there")
    unknown = problem(root.send("PUT", path, body(organization_id=NOBODY)), 400, "organization_id: there is no such")
    assert problem(root.send("PUT", path, body(organization_id=gone)), 400) == unknown
    assert root.send("PUT", path, body(organization_id=organization)).status == 201
    problem(root.send("PUT", path, body(organization_id=query.organization())), 409)
    assert operator.send("PUT", path, body(organization_id=organization)).status == 200
    problem(operator.send("PUT", path, body(organization_id=NOBODY)), 403, "organization_id: is not your own")
    assert query.ask(path, root.token, "DELETE").status == 204


def test_who_may_change_a_vm(query: QueryPods, organization: str) -> None:
    (there,) = machines(query, organization, ["there"])
    viewer, machine = query.token("viewer", organization), query.machine_token(organization, "metrics:write")
    for token in (viewer, machine):
        problem(query.ask(f"{VMS}/{there}", token, "PUT", body()), 403, "at least operator")
        problem(query.ask(f"{VMS}/{there}", token, "DELETE"), 403, "at least operator")
    assert query.ask(f"{VMS}/{there}", viewer).status == 200
    problem(query.ask(f"{VMS}/{there}", machine), 403, "at least viewer")


@pytest.mark.parametrize("sort", ["created_at", "-created_at", "name", "-name"])
def test_vms_come_in_their_order_whatever_the_page(query: QueryPods, organization: str, sort: str) -> None:
    names = ["a", "b", "c", "ä", "z" * 255, "机" * 255, *['"\\' * 127] * 1]
    for number, name in enumerate(names * 2):  # two of each name, and three of each moment
        machines(query, organization, [name], created_at=DAY + timedelta(seconds=number // 3))
    machines(query, organization, ["deleted"], deleted_at=DAY)
    viewer = Asker(query, "viewer", organization)
    everything = viewer.page(VMS, sort=sort, limit=50)["items"]
    assert len(everything) == len(set(ids(everything))) == 2 * len(names)
    by = "name" if sort.endswith("name") else "created_at"
    if by == "created_at":
        expected = sorted(everything, key=lambda vm: (vm["created_at"], UUID(vm["id"])), reverse=sort.startswith("-"))
        assert everything == expected
    else:
        for one, following in pairwise(everything):
            assert one["name"] != following["name"] or (one["id"] > following["id"]) == sort.startswith("-")
    for limit in (1, 3, 5):
        assert viewer.walk(VMS, sort=sort, limit=limit) == everything


def test_filters_of_vms(query: QueryPods, organization: str) -> None:
    running, other = machines(query, organization, ["one", "two"])
    (stopped,) = machines(query, organization, ["one"], status="stopped", created_at=DAY + timedelta(seconds=1))
    viewer = Asker(query, "viewer", organization)
    assert set(ids(viewer.page(VMS, status="running")["items"])) == {running, other}
    assert ids(viewer.page(VMS, name="one")["items"]) == [running, stopped]
    assert ids(viewer.page(VMS, name="one", status="stopped")["items"]) == [stopped]
    assert ids(viewer.page(VMS, name="ONE")["items"]) == []
    problem(viewer.get(VMS, organization=query.organization()), 403)


@pytest.mark.parametrize("text", INJECTIONS)
def test_a_name_is_a_text_and_nothing_else(query: QueryPods, organization: str, text: str) -> None:
    operator = Asker(query, "operator", organization)
    made = operator.send("PUT", f"{VMS}/{uuid4()}", body(name=text))
    assert made.json()["name"] == text, made
    machines(query, organization, ["another"])
    assert operator.page(VMS, name=text)["items"] == [made.json()]


WRONG_BODIES: dict[str, tuple[Any, str]] = {
    "nothing": ({}, "name: "),
    "no object": ([], "body: "),
    "an unknown member": (body(canary=1), "unknown member"),
    "NUL": (body(name="a\0b"), "name: "),
    "a control character": (body(name="a\x1b[31mb"), "name: "),
    "a name that is long": (body(name="x" * 256), "name: "),
    "no name": (body(name=""), "name: "),
    "another status": (body(status="canary"), "status: "),
    "half a core": (body(cpu_cores=0.5), "cpu_cores: "),
    "no core": (body(cpu_cores=0), "cpu_cores: "),
    "fewer cores than none": (body(cpu_cores=-1), "cpu_cores: "),
    "many cores": (body(cpu_cores=65_537), "cpu_cores: "),
    "a number that no database has": (body(memory_mb=1 << 31), "memory_mb: "),
    "a number that no machine has": (body(memory_mb=10**400), ""),
    "a number as a text": (body(memory_mb="5"), "memory_mb: "),
    "a truth": (body(cpu_cores=True), "cpu_cores: "),
    "an id that is none": (body(organization_id="canary' OR true"), "organization_id: "),
}


@pytest.mark.parametrize(("sent", "said"), WRONG_BODIES.values(), ids=WRONG_BODIES)
def test_a_vm_that_cannot_be(query: QueryPods, organization: str, sent: Any, said: str) -> None:
    operator = Asker(query, "operator", organization)
    problem(operator.send("PUT", f"{VMS}/{uuid4()}", sent), 400, said)


# Hostile requests to the lists


PARAMETERS = {
    USERS: ("organization", "email", "status", "created_after", "sort", "limit", "offset", "cursor"),
    VMS: ("organization", "status", "name", "sort", "limit", "cursor"),
}
FIELDS = [(path, name) for path, names in PARAMETERS.items() for name in names]
TEXTS = {(USERS, "email"), (VMS, "name")}
"""What may be any text."""


@pytest.mark.parametrize(("path", "name"), FIELDS, ids=[f"{path[8:]}-{name}" for path, name in FIELDS])
def test_injections_are_refused_or_find_nothing(query: QueryPods, organization: str, path: str, name: str) -> None:
    people(query, organization, DAY)
    machines(query, organization, ["a"])
    before = _counted(query)
    for asker in (Asker(query, "admin", organization), Asker(query, "platform-admin", None)):
        for text in INJECTIONS:
            answer = asker.get(path, **{name: f"{text} {uuid4()}"})  # VMs of other tests are called so
            if (path, name) in TEXTS:
                assert answered(answer) == {"items": [], "next": None}
            else:
                problem(answer, 400, f"{name}: ")
    assert _counted(query) == before


def _counted(query: QueryPods) -> list[tuple[Any, ...]]:
    statement = "SELECT (SELECT count(*) FROM auth.users), (SELECT count(*) FROM query.vms), count(*) FROM pg_class"
    return query.database.sql(statement)


WRONG_TEXTS = {
    "NUL": "%00",
    "NUL inside": "a%00b",
    "a control character": "%1b%5b31m",
    "a line": "a%0Ab",
    "too long": "x" * 300,
    "nothing": "",
}


@pytest.mark.parametrize("text", WRONG_TEXTS.values(), ids=WRONG_TEXTS)
@pytest.mark.parametrize(("path", "name"), FIELDS, ids=[f"{path[8:]}-{name}" for path, name in FIELDS])
def test_texts_that_no_field_takes(query: QueryPods, organization: str, path: str, name: str, text: str) -> None:
    token = query.token("admin", organization)
    problem(query.ask(f"{path}?{name}={text}", token), 400, f"{name}: ")


@pytest.mark.parametrize("text", ["%ff%fe", "%ed%a0%80", "%c0%80", "%f4%90%80%80"])
@pytest.mark.parametrize(("path", "name"), FIELDS, ids=[f"{path[8:]}-{name}" for path, name in FIELDS])
def test_bytes_that_are_no_text(query: QueryPods, organization: str, path: str, name: str, text: str) -> None:
    """A lone surrogate among them. They are read as replacement characters, which are texts like others."""
    answer = query.ask(f"{path}?{name}={text}", query.token("admin", organization))
    if (path, name) in TEXTS:
        assert answered(answer)["items"] == []
    else:
        problem(answer, 400, f"{name}: ")


@pytest.mark.parametrize(
    ("path", "query_string", "said"),
    [
        (USERS, "limit=-1", "limit: "),
        (USERS, "limit=0", "limit: "),
        (USERS, "limit=51", "limit: must be at most 50"),
        (USERS, f"limit={'9' * 5000}", "limit: "),
        (USERS, "limit=1.5", "limit: "),
        (USERS, "offset=-1", "offset: "),
        (USERS, "offset=100001", "offset: "),
        (USERS, f"offset={1 << 64}", "offset: "),
        (USERS, "sort=password_hash", "sort: "),
        (USERS, "sort=created_at,id", "sort: "),
        (USERS, "created_after=0000-00-00T00:00:00Z", "created_after: "),
        (USERS, "created_after=9999-12-31T23:59:59-01:00", "created_after: "),
        (USERS, "created_after=infinity", "created_after: "),
        (USERS, "created_after=-4713-01-01T00:00:00Z", "created_after: "),
        (USERS, "password_hash=x", "unknown parameter"),
        (USERS, "email=a@example.org&email=b@example.org", "given twice"),
        (USERS, "organization_id=x", "unknown parameter"),
        (VMS, "limit=-1", "limit: "),
        (VMS, "limit=51", "limit: must be at most 50"),
        (VMS, "sort=memory_mb", "sort: "),
        (VMS, "offset=1", "unknown parameter"),
        (VMS, "status=gone", "status: "),
    ],
)
def test_parameters_that_cannot_be(
    query: QueryPods, organization: str, path: str, query_string: str, said: str
) -> None:
    problem(query.ask(f"{path}?{query_string}", query.token("admin", organization)), 400, said)


@pytest.mark.parametrize("at", ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999Z"])
def test_moments_at_the_limits_of_time(query: QueryPods, organization: str, at: str) -> None:
    (somebody,) = people(query, organization, DAY)
    expected = [somebody] if at.startswith("0001") else []
    assert ids(Asker(query, "admin", organization).page(USERS, created_after=at)["items"]) == expected


def test_a_cursor_belongs_to_its_list_its_filter_its_sort_and_who_asked(query: QueryPods, organization: str) -> None:
    people(query, organization, *[DAY] * 4)
    vms = machines(query, organization, ["a", "b", "c", "d"])
    measured(query, [sample(vm, DAY) for vm in vms])
    admin, stranger = Asker(query, "admin", organization), Asker(query, "admin", query.organization())
    root = Asker(query, "platform-admin", None)
    other = "belongs to another filter"
    of_users, of_vms = (admin.page(path, limit=1)["next"] for path in (USERS, VMS))
    for path, cursor in ((USERS, of_users), (VMS, of_vms)):
        assert admin.page(path, cursor=cursor)["items"]
        assert admin.page(path, cursor=cursor, organization=organization)["items"]  # which is what it saw anyway
        status = "active" if path == USERS else "running"
        for change in ({"sort": "-created_at"}, {"status": status}):
            problem(admin.get(path, cursor=cursor, **change), 400, other)
        for asker in (root, stranger):
            problem(asker.get(path, cursor=cursor), 400, other)
    problem(admin.get(VMS, cursor=of_users), 400, other)
    problem(admin.get(VMS, cursor=of_vms, sort="name"), 400, other)
    asked = {"vm_ids": vms, "start": DAY.isoformat(), "end": DAY.isoformat()}
    cursor = admin.samples(**asked, limit=1)["next"]
    assert len(admin.samples(**asked, cursor=cursor)["items"]) == 3
    later = (DAY + timedelta(seconds=1)).isoformat()
    changes: list[Document] = [{"vm_ids": vms[1:]}, {"end": later}, {"interval": "30s"}]
    for changed in changes:
        problem(admin.send("POST", SAMPLES, {**asked, **changed, "cursor": cursor}), 400, other)
    problem(stranger.send("POST", SAMPLES, {**asked, "cursor": cursor}), 400, other)


def test_bodies_that_are_no_json_or_too_large(query: QueryPods, organization: str) -> None:
    token, vm = query.token("operator", organization), f"{VMS}/{uuid4()}"

    def sent(path: str, content: bytes, media_type: str = "application/json") -> Answer:
        method = "PUT" if path == vm else "POST"
        return query.pod.ask(path, method, body=content, Authorization=f"Bearer {token}", Content_Type=media_type)

    for path in (vm, SAMPLES):
        for content in (
            b"",
            b"{",
            b"\xff",
            b'{"name": "\xed\xa0\x80"}',
            b"[" * 100_000 if path == SAMPLES else b"[" * 9000,
        ):
            problem(sent(path, content), 400)
        problem(sent(path, b"{}", "text/plain"), 415)
    surrogate = json.dumps(body()).replace("web-1", "\\ud800").encode()
    problem(sent(vm, surrogate), 400)
    problem(sent(vm, json.dumps(body(name="x" * (16 << 10))).encode()), 413)
    asked = {"vm_ids": [str(uuid4()) for _ in range(1000)], "start": DAY.isoformat(), "end": DAY.isoformat()}
    assert sent(SAMPLES, json.dumps(asked).encode()).status == 200
    problem(sent(SAMPLES, json.dumps(asked | {"canary": "x" * (256 << 10)}).encode()), 413)


# How it is answered


def test_a_client_that_has_the_answer_is_told_so(query: QueryPods, organization: str) -> None:
    people(query, organization, DAY)
    (vm,) = machines(query, organization, ["a"])
    token = query.token("admin", organization)
    for path in (USERS, VMS, f"{VMS}/{vm}"):
        first = query.ask(path, token)
        assert first.headers["cache-control"] == "private, no-cache"
        again = query.ask(path, token, If_None_Match=f'"x", {first.headers["etag"]}')
        assert (again.status, again.body, again.headers["etag"]) == (304, b"", first.headers["etag"])
        machines(query, organization, ["b"])
        people(query, organization, DAY)
        query.database.sql("UPDATE query.vms SET cpu_cores = cpu_cores + 1 WHERE id = %s", vm)
        assert query.ask(path, token, If_None_Match=first.headers["etag"]).status == 200
        head = query.pod.ask(path, "HEAD", Authorization=f"Bearer {token}")
        assert (head.status, head.body) == (200, b"")


def test_large_answers_are_compressed_for_who_takes_it(query: QueryPods, organization: str) -> None:
    (vm,) = machines(query, organization, ["a"])
    measured(query, [sample(vm, DAY + timedelta(seconds=number)) for number in range(60)])
    token = query.token("viewer", organization)
    asked = {"vm_ids": [vm], "start": DAY.isoformat(), "end": (DAY + timedelta(hours=1)).isoformat()}
    plain = query.ask(SAMPLES, token, "POST", asked)
    small = query.ask(SAMPLES, token, "POST", asked, Accept_Encoding="br, gzip;q=0.5")
    assert "content-encoding" not in plain.headers
    assert small.headers["content-encoding"] == "gzip"
    assert gzip.decompress(small.body) == plain.body
    assert len(small.body) * 5 < len(plain.body)
    assert query.ask(SAMPLES, token, "POST", asked, If_None_Match="*").status == 200  # a question is no document


def test_every_question_is_counted_and_in_the_audit_log_without_texts(query: QueryPods, organization: str) -> None:
    subject = str(uuid4())
    admin = Asker(query, "admin", organization)
    admin.token = query.token("admin", organization, sub=subject)
    (vm,) = machines(query, organization, ["canary-name"])
    admin.page(USERS, email="canary@example.org", limit=7)
    admin.page(VMS, name="canary-name")
    admin.samples(vm_ids=[vm, NOBODY], start=DAY.isoformat(), end=DAY.isoformat(), interval="5m")
    problem(admin.get(f"{VMS}/{NOBODY}"), 404)
    admin.send("PUT", f"{VMS}/{vm}", body(name="canary"))
    lines = {line["query"]: line for line in query.pod.lines("query") if line["subject"] == subject}
    assert set(lines) == {"users", "vms", "vm", "vm_metrics", "vm_put"}
    assert {line["organization"] for line in lines.values()} == {organization}
    assert lines["users"]["arguments"] == {
        "organization": organization,
        "email": "given",
        "sort": "given",
        "limit": 7,
    }
    assert (lines["vms"]["rows"], lines["vms"]["arguments"]["name"]) == (1, "given")
    assert lines["vm_metrics"]["arguments"]["ids"] == 2
    assert lines["vm_metrics"]["arguments"]["interval"] == 300
    assert (lines["vm"]["outcome"], lines["vm"]["arguments"]) == ("refused", {"id": NOBODY})
    assert lines["vm_put"]["outcome"] == "ok"
    counted = query.pod.metrics()
    for name in ("users", "vms", "vm_metrics", "vm_put"):
        assert counted[f'novacron_query_queries_total{{outcome="ok",query="{name}"}}'] >= 1
    assert counted['novacron_query_queries_total{outcome="refused",query="vm"}'] >= 1
