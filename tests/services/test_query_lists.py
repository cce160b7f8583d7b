"""Lists of query over HTTP: users, virtual machines and samples, right, in pages, of the own organization, and hostile
requests of every kind. One pod, a real PostgreSQL that thinks it is in India."""

from __future__ import annotations

import gzip
import json
import random
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any
from urllib.parse import quote, urlencode
from uuid import UUID, uuid4

import pytest

from tests.services.conftest import REDIS_PASSWORD
from tests.support.postgres import Postgres
from tests.support.query_pods import QueryPods
from tests.support.redis_server import RedisServer
from tests.support.service_process import Answer

USERS, VMS, SAMPLES = "/api/v1/users", "/api/v1/vms", "/api/v1/vms/metrics/query"
NOBODY = "00000000-0000-4000-8000-000000000000"
DAY = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
"""A border of partitions, with partitions on both sides."""
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
Document = dict[str, Any]


@pytest.fixture(scope="module")
def query(
    postgres: Postgres, redis_server: RedisServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[QueryPods]:
    files: dict[str, str | bytes] = {"password": REDIS_PASSWORD, "ca.crt": redis_server.ca}
    pods = QueryPods(
        tmp_path_factory.mktemp("query"), postgres, redis_server, files, page_size={"default": 3, "max": 50}
    )
    pods.database.sql(f"ALTER DATABASE {pods.database.name} SET timezone = 'Asia/Kolkata'")
    with pods:
        yield pods
        said = pods.pod.log()
    assert "Traceback" not in said
    assert "canary" not in said


@pytest.fixture
def organization(query: QueryPods) -> str:
    return query.organization()


class Asker:
    """Somebody of one organization, or a platform-admin."""

    def __init__(self, query: QueryPods, role: str, organization: str | None) -> None:
        self._query = query
        self.token = query.token(role, organization)

    def get(self, path: str, **parameters: Any) -> Answer:
        return self._query.ask(f"{path}?{urlencode(parameters)}" if parameters else path, self.token)

    def send(self, method: str, path: str, body: Any) -> Answer:
        return self._query.ask(path, self.token, method, body)

    def page(self, path: str, **parameters: Any) -> Document:
        return answered(self.get(path, **parameters))

    def samples(self, **members: Any) -> Document:
        return answered(self.send("POST", SAMPLES, members))

    def walk(self, path: str, **parameters: Any) -> list[Document]:
        """All items, page by page."""
        page = self.page(path, **parameters)
        found = list(page["items"])
        while page["next"] is not None:
            parameters.pop("offset", None)
            page = self.page(path, **parameters, cursor=page["next"])
            assert page["items"], "a cursor led to nothing"
            found += page["items"]
        return found

    def walk_samples(self, **members: Any) -> list[Document]:
        page = self.samples(**members)
        found = list(page["items"])
        while page["next"] is not None:
            page = self.samples(**members, cursor=page["next"])
            assert page["items"], "a cursor led to nothing"
            found += page["items"]
        return found


def answered(answer: Answer) -> Document:
    assert (answer.status, answer.headers["content-type"]) == (200, "application/json"), answer
    found: Document = answer.json()
    assert set(found) == {"items", "next"}
    return found


def problem(answer: Answer, status: int, said: str = "") -> Document:
    """The members of a refusal, but for the request's id."""
    assert (answer.status, answer.headers["content-type"]) == (status, "application/problem+json"), answer
    found: Document = answer.json()
    assert said in found["detail"], found
    assert "canary" not in found["detail"]
    found.pop("request_id")
    return found


def ids(items: Sequence[Mapping[str, Any]]) -> list[str]:
    return [item["id"] for item in items]


def people(query: QueryPods, organization: str | None, *created: datetime, **columns: str) -> list[str]:
    """Ids of new ones, in the order of their creation."""
    rows = query.database.sql(
        """INSERT INTO auth.users (organization_id, email, username, role, status, password_hash, created_at)
           SELECT %s, coalesce(%s, 'u-' || gen_random_uuid() || '@example.org'), 'somebody', %s, %s, 'canary', at
           FROM unnest(%s::timestamptz[]) AS at RETURNING id::text, created_at""",
        organization,
        columns.get("email"),
        columns.get("role", "viewer" if organization else "platform-admin"),
        columns.get("status", "active"),
        list(created),
    )
    return [row[0] for row in sorted(rows, key=lambda row: (row[1], UUID(row[0])))]


def machines(query: QueryPods, organization: str, names: Sequence[str], **columns: Any) -> list[str]:
    """Ids of new VMs, in the order of names."""
    rows = query.database.sql(
        """INSERT INTO query.vms (id, organization_id, name, status, cpu_cores, memory_mb, created_at, deleted_at)
           SELECT gen_random_uuid(), %s, name, %s, 4, 8192, %s, %s FROM unnest(%s::text[]) AS name
           RETURNING id::text, name""",
        organization,
        columns.get("status", "running"),
        columns.get("created_at", DAY),
        columns.get("deleted_at"),
        list(names),
    )
    return [row[0] for row in sorted(rows, key=lambda row: list(names).index(row[1]))]


Row = tuple[str, datetime, float | None, float | None, float | None, int | None, int | None]


def measured(query: QueryPods, rows: Sequence[Row]) -> None:
    query.database.sql(
        """INSERT INTO query.vm_metrics
           SELECT * FROM unnest(%s::uuid[], %s::timestamptz[], %s::float8[], %s::float8[], %s::float8[], %s::int8[],
                                %s::int8[])""",
        *[list(column) for column in zip(*rows, strict=True)],
    )


def sample(vm: str, at: datetime, usage: float | None = 50.0, sent: int | None = 1) -> Row:
    return (vm, at, usage, usage, usage, sent, sent)


def stamped(items: Sequence[Mapping[str, Any]]) -> list[tuple[str, datetime]]:
    return [(item["vm_id"], datetime.fromisoformat(item["timestamp"])) for item in items]


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


# Samples


def test_samples_of_a_range_with_both_of_its_ends_by_vm_the_newest_first(query: QueryPods, organization: str) -> None:
    vms = sorted(machines(query, organization, ["a", "b", "c"]))
    moments = [DAY + timedelta(minutes=number) for number in range(-5, 6)]  # over midnight: two partitions
    measured(query, [sample(vm, at) for vm in vms for at in moments])
    viewer = Asker(query, "viewer", organization)
    asked = {"vm_ids": vms[::-1], "start": moments[2].isoformat(), "end": moments[8].isoformat()}
    expected = [(vm, at) for vm in vms for at in moments[8:1:-1]]
    assert stamped(viewer.samples(**asked)["items"]) == expected
    for limit in (1, 2, 7, 10, 20, 21, 10_000):
        assert stamped(viewer.walk_samples(**asked, limit=limit)) == expected
    doubled = asked | {"vm_ids": [*vms, *vms, vms[0].upper()]}
    assert stamped(viewer.samples(**doubled)["items"]) == expected
    instant = asked | {"start": moments[3].isoformat(), "end": moments[3].isoformat()}
    assert stamped(viewer.samples(**instant)["items"]) == [(vm, moments[3]) for vm in vms]


def test_a_sample_as_it_is_shown(query: QueryPods, organization: str) -> None:
    (vm,) = machines(query, organization, ["a"])
    at = DAY + timedelta(microseconds=7)
    measured(query, [(vm, at, 12.5, None, 100.0, 2**63 - 1, 0)])
    viewer = Asker(query, "viewer", organization)
    asked = {"vm_ids": [vm], "start": DAY.isoformat(), "end": at.isoformat()}
    known = {
        "vm_id": vm,
        "cpu_usage": 12.5,
        "memory_usage": None,
        "disk_usage": 100,
        "network_in_bytes": 2**63 - 1,
        "network_out_bytes": 0,
    }
    assert viewer.samples(**asked)["items"] == [known | {"timestamp": at.isoformat()}]
    end = (DAY + timedelta(seconds=30)).isoformat()
    assert viewer.samples(**asked, interval="30s")["items"] == [known | {"timestamp": end, "samples": 1}]


def test_ids_of_others_are_ids_that_do_not_exist(query: QueryPods, organization: str) -> None:
    other = query.organization()
    (own,), (foreign,) = machines(query, organization, ["own"]), machines(query, other, ["foreign"])
    (deleted,) = machines(query, organization, ["deleted"], deleted_at=DAY)
    measured(query, [sample(vm, DAY) for vm in (own, foreign, deleted)])
    viewer, root = Asker(query, "viewer", organization), Asker(query, "platform-admin", None)
    asked = {"start": DAY.isoformat(), "end": DAY.isoformat()}
    assert viewer.samples(vm_ids=[foreign], **asked) == viewer.samples(vm_ids=[NOBODY], **asked)
    assert viewer.samples(vm_ids=[], **asked) == {"items": [], "next": None}
    assert stamped(viewer.samples(vm_ids=[own, foreign, NOBODY], **asked)["items"]) == [(own, DAY)]
    assert stamped(viewer.samples(vm_ids=[deleted], **asked)["items"]) == [(deleted, DAY)]  # until their time is over
    assert {vm for vm, _ in stamped(root.samples(vm_ids=[own, foreign], **asked)["items"])} == {own, foreign}
    problem(query.ask(SAMPLES, query.machine_token(organization, "metrics:write"), "POST", {}), 403)


Bucket = tuple[str, datetime, float | None, float | None, float | None, int | None, int | None, int]


def _brute(rows: Sequence[Row], start: datetime, end: datetime, length: timedelta) -> list[Bucket]:
    """Down-sampled in Python, in the order of the answer."""
    origin = datetime(2000, 1, 1, tzinfo=UTC)
    buckets: dict[tuple[str, datetime], list[Row]] = {}
    for row in rows:
        if start <= row[1] <= end:
            ended = origin + length * -((origin - row[1]) // length)  # rounded up: an end belongs to its bucket
            buckets.setdefault((row[0], ended), []).append(row)
    found: list[Bucket] = []
    for (vm, at), inside in sorted(buckets.items(), key=lambda item: (item[0][0], -item[0][1].timestamp())):
        ordered = sorted(inside, key=lambda row: row[1])
        usages = [[row[column] for row in ordered if row[column] is not None] for column in (2, 3, 4)]
        averages = [sum(map(float, known)) / len(known) if known else None for known in usages]  # type: ignore[arg-type]
        last = [next((row[column] for row in ordered[::-1] if row[column] is not None), None) for column in (5, 6)]
        found.append((vm, at, averages[0], averages[1], averages[2], last[0], last[1], len(inside)))  # type: ignore[arg-type]
    return found


@pytest.mark.parametrize(("interval", "seconds"), [("1s", 1), ("7s", 7), ("30s", 30), ("5m", 300), ("1h", 3600)])
def test_by_intervals_as_brute_force_says(query: QueryPods, organization: str, interval: str, seconds: int) -> None:
    chance = random.Random(seconds)
    vms = machines(query, organization, ["a", "b", "empty"])
    offsets = [0, 30_000_000, 300_000_000, -1, *chance.sample(range(-900_000_000, 900_000_001), 300)]
    rows: list[Row] = []
    for vm in vms[:2]:
        for offset in dict.fromkeys(offsets):
            usages = [chance.choice([None, chance.uniform(0, 100)]) for _ in range(3)]
            counters = [chance.choice([None, chance.randrange(1 << 62)]) for _ in range(2)]  # they may begin anew
            rows.append((vm, DAY + timedelta(microseconds=offset), *usages, *counters))  # type: ignore[arg-type]
    measured(query, rows)
    start, end = DAY - timedelta(minutes=12), DAY + timedelta(minutes=11, seconds=1)
    asked = {"vm_ids": vms, "start": start.isoformat(), "end": end.isoformat(), "interval": interval}
    viewer = Asker(query, "viewer", organization)
    expected = _brute(rows, start, end, timedelta(seconds=seconds))
    for limit in (10_000, 50, 7):
        found = viewer.walk_samples(**asked, limit=limit)
        assert stamped(found) == [one[:2] for one in expected]
        for item, one in zip(found, expected, strict=True):
            assert [item[name] for name in ("network_in_bytes", "network_out_bytes", "samples")] == list(one[5:])
            for name, value in zip(("cpu_usage", "memory_usage", "disk_usage"), one[2:5], strict=True):
                assert item[name] == (None if value is None else pytest.approx(value, rel=1e-12))


def test_a_thousand_ids_and_not_one_more(query: QueryPods, organization: str) -> None:
    (vm,) = machines(query, organization, ["a"])
    measured(query, [sample(vm, DAY)])
    viewer = Asker(query, "viewer", organization)
    asked = {"start": DAY.isoformat(), "end": DAY.isoformat()}
    thousand = [vm, *(str(uuid4()) for _ in range(999))]
    assert stamped(viewer.samples(vm_ids=thousand, **asked)["items"]) == [(vm, DAY)]
    answer = viewer.send("POST", SAMPLES, {"vm_ids": [*thousand, NOBODY], **asked})
    problem(answer, 400, "vm_ids: too many VM IDs requested (max: 1000); ask several times")


WRONG_QUESTIONS: dict[str, tuple[Document, str]] = {
    "reversed": ({"start": "2026-01-02T00:00:00Z", "end": "2026-01-01T00:00:00Z"}, "end: is before start"),
    "too long": ({"start": "2026-01-01T00:00:00Z", "end": "2026-01-08T00:00:01Z"}, "end: is more than 168h0m0s"),
    "all of time": ({"start": "0001-01-01T00:00:00Z", "end": "9999-12-31T23:59:59Z"}, "end: is more than"),
    "before time": ({"start": "0000-01-01T00:00:00Z"}, "start: "),
    "before time in UTC": ({"start": "0001-01-01T00:00:00+01:00"}, "start: "),
    "after Python's time": ({"end": "9999-12-31T23:59:59-01:00"}, "end: "),
    "after PostgreSQL's time": ({"end": "294277-01-01T00:00:00Z"}, "end: "),
    "infinity": ({"end": "infinity"}, "end: "),
    "no zone": ({"start": "2026-01-01T00:00:00"}, "start: "),
    "a number": ({"start": 1_700_000_000}, "start: "),
    "a large number": ({"start": 1e308}, "start: "),
    "nothing": ({"start": None}, "start: "),
    "an injection for a time": ({"start": "2026-01-01T00:00:00Z' OR true --"}, "start: "),
    "an injection for an id": ({"vm_ids": [f"{NOBODY}'::uuid) OR (true"]}, "vm_ids.0: must be a UUID"),
    "NUL in an id": ({"vm_ids": [f"{NOBODY}\0"]}, "vm_ids.0: must be a UUID"),
    "ids that are numbers": ({"vm_ids": [1, 2]}, "vm_ids.0: must be a UUID"),
    "an id alone": ({"vm_ids": NOBODY}, "vm_ids: "),
    "no ids": ({"vm_ids": None}, "vm_ids: "),
    "no interval": ({"interval": ""}, "interval: "),
    "an interval of nothing": ({"interval": "0s"}, "interval: "),
    "an interval that goes back": ({"interval": "-5m"}, "interval: "),
    "an interval that is long": ({"interval": "8d"}, "interval: "),
    "an interval that is longer": ({"interval": "9" * 31 + "d"}, "interval: "),
    "an injection for an interval": ({"interval": "5m'; SELECT 1 --"}, "interval: "),
    "NUL in an interval": ({"interval": "5m\0"}, "interval: "),
    "no rows": ({"limit": 0}, "limit: "),
    "fewer rows than none": ({"limit": -1}, "limit: "),
    "many rows": ({"limit": 10_001}, "limit: "),
    "very many rows": ({"limit": 10**30}, "limit: "),
    "half a row": ({"limit": 1.5}, "limit: "),
    "rows as a text": ({"limit": "5"}, "limit: "),
    "a sort": ({"sort": "timestamp"}, "unknown member"),
    "an organization": ({"organization": NOBODY}, "unknown member"),
    "a made-up cursor": ({"cursor": "canary"}, "cursor: is none of ours"),
    "NUL in a cursor": ({"cursor": "\0"}, "cursor: is none of ours"),
    "a long cursor": ({"cursor": "A" * 5000}, "cursor: "),
}


@pytest.mark.parametrize(("change", "said"), WRONG_QUESTIONS.values(), ids=WRONG_QUESTIONS)
def test_a_question_that_cannot_be(query: QueryPods, organization: str, change: Document, said: str) -> None:
    asked = {"vm_ids": [NOBODY], "start": DAY.isoformat(), "end": DAY.isoformat()} | change
    viewer = Asker(query, "viewer", organization)
    problem(viewer.send("POST", SAMPLES, asked), 400, said)
    problem(viewer.send("POST", SAMPLES, asked | {"vm_ids": []} if "vm_ids" not in change else asked), 400)


@pytest.mark.parametrize("year", [1, 1969, 2000, 9999])
def test_ranges_that_have_no_partition_have_no_samples(query: QueryPods, organization: str, year: int) -> None:
    at = f"{year:04}-06-01T00:00:00Z"
    viewer = Asker(query, "viewer", organization)
    (vm,) = machines(query, organization, ["a"])
    for interval in (None, "5m"):
        asked = {"vm_ids": [vm], "start": at, "end": f"{year:04}-06-08T00:00:00Z", "interval": interval}
        assert viewer.samples(**asked) == {"items": [], "next": None}


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
