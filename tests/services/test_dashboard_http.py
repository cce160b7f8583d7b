"""``GET /api/v1/dashboard`` on a pod: pages, instants, whose machines, what is kept, and what is refused."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode
from uuid import UUID, uuid4

import pytest

from novacron.query.service.dashboard import PATH, DashboardItem, DashboardPage, DashboardSummary
from tests.services.conftest import REDIS_PASSWORD
from tests.support import dashboards
from tests.support.dashboards import AVERAGES, Machine, Sample, same
from tests.support.postgres import Postgres
from tests.support.query_pods import QueryPods
from tests.support.redis_server import RedisServer
from tests.support.service_process import Answer
from tests.support.waiting import until

SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)
NOW = datetime.now(UTC).replace(microsecond=0)
OURS, THEIRS = uuid4(), uuid4()
SORTS = ("name", "-current_cpu", "-current_memory", "-max_cpu_1hour")
COLUMNS = [
    *("id", "name", "status", "cpu_cores", "memory_mb", "created_at", "organization_id", "last_metric_time"),
    *("current_cpu", "current_memory", "current_disk", "avg_cpu_5min", "avg_memory_5min", "max_cpu_1hour"),
    *("cpu_status", "memory_status"),
]
"""Requirement 77, in its order."""


def machine(number: int, organization: UUID, name: str = "") -> Machine:
    samples = [
        Sample(NOW - age * SECOND, (number * 7 + age) % 101, (number * 5 + age) % 101, 50.0)
        for age in range(0, 4000, 97)
        if number % 5
    ]
    status = ("running", "stopped", "running", "error", "paused")[number % 5]
    return Machine(UUID(int=number + 1), organization, name or f"vm-{number % 7}", status, samples=samples)


HOSTILE = "ü\"\\'); DROP TABLE query.vms; -- %s {0}" + "\U0001f600" * 200
FLEET = [
    *[machine(number, OURS) for number in range(30)],
    machine(30, OURS, HOSTILE),
    *[machine(number, THEIRS) for number in range(31, 35)],
]


@pytest.fixture(scope="module")
def query(
    postgres: Postgres, redis_server: RedisServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[QueryPods]:
    files: dict[str, str | bytes] = {"password": REDIS_PASSWORD, "ca.crt": redis_server.ca}
    home = tmp_path_factory.mktemp("query")
    with QueryPods(home, postgres, redis_server, files, statement_timeout_seconds=20) as pods:
        pods.database.sql(f"ALTER DATABASE {pods.database.name} SET timezone = 'Pacific/Kiritimati'")
        with pods.database.connect() as connection:
            dashboards.write(connection, FLEET)
        yield pods


def ask(query: QueryPods, token: str, headers: dict[str, str] | None = None, **given: Any) -> Answer:
    texts = {name: value.isoformat() if isinstance(value, datetime) else value for name, value in given.items()}
    return query.ask(f"{PATH}?{urlencode(texts)}", token, **(headers or {}))


def page(query: QueryPods, token: str, **given: Any) -> dict[str, Any]:
    answer = ask(query, token, **given)
    assert answer.status == 200, answer
    found: dict[str, Any] = answer.json()
    return found


@pytest.fixture
def viewer(query: QueryPods) -> str:
    return query.token("viewer", str(OURS))


@pytest.fixture
def platform(query: QueryPods) -> str:
    return query.token("platform-admin", None)


def counted(query: QueryPods) -> tuple[int, int, int]:
    """Hits, misses, shared."""
    found, name = query.pod.metrics(), "novacron_query_cache_requests_total"
    hits, misses, shared = (int(found[f'{name}{{outcome="{outcome}"}}']) for outcome in ("hit", "miss", "shared"))
    return hits, misses, shared


def test_it_says_what_a_count_by_hand_says(query: QueryPods, viewer: str) -> None:
    answer = ask(query, viewer, as_of=NOW)
    document = DashboardPage.model_validate_json(answer.body)
    ours = [one for one in FLEET if one.organization == OURS]
    wanted = dashboards.items(ours, NOW)
    assert len(wanted) == 31
    assert (document.as_of, document.next) == (NOW, None)
    for item, one in zip(answer.json()["items"], wanted, strict=True):
        moment = one["last_metric_time"]
        assert same(item, one | {"last_metric_time": moment and moment.isoformat()}, AVERAGES)
    assert document.summary.model_dump() == pytest.approx(dashboards.summary(wanted), abs=1e-9)


def test_members_are_in_the_order_of_the_requirement(query: QueryPods, viewer: str) -> None:
    found = page(query, viewer)
    assert list(found) == list(DashboardPage.model_fields) == ["as_of", "plan", "summary", "items", "next"]
    assert list(found["items"][0]) == list(DashboardItem.model_fields) == COLUMNS
    assert list(found["summary"]) == list(DashboardSummary.model_fields)


def test_a_fleet_and_a_few_are_planned_differently(query: QueryPods, platform: str) -> None:
    assert page(query, platform)["plan"] == "rollup"
    assert page(query, platform, organization=OURS)["plan"] == "rollup"
    few = page(query, platform, organization=THEIRS)
    assert (few["plan"], few["summary"]["total"]) == ("lateral", 4)


@pytest.mark.parametrize("sort", SORTS)
def test_pages_are_of_one_instant(query: QueryPods, viewer: str, sort: str) -> None:
    first = page(query, viewer, sort=sort, limit=8)
    following, ids = first, [item["id"] for item in first["items"]]
    while following["next"] is not None:
        following = page(query, viewer, sort=sort, limit=8, cursor=following["next"], min_as_of=NOW - MINUTE)
        assert (following["as_of"], following["summary"]) == (first["as_of"], first["summary"])
        ids += [item["id"] for item in following["items"]]
    as_of = datetime.fromisoformat(first["as_of"])
    assert ids == [
        one["id"] for one in dashboards.items([one for one in FLEET if one.organization == OURS], as_of, sort)
    ]


def test_nobody_sees_the_machines_of_others(query: QueryPods, viewer: str) -> None:
    assert {item["organization_id"] for item in page(query, viewer)["items"]} == {str(OURS)}
    for organization in (THEIRS, uuid4()):
        answer = ask(query, viewer, organization=organization)
        assert (answer.status, answer.json()["detail"]) == (403, "organization: is not your own; leave it out.")
    cursor = page(query, viewer, limit=1)["next"]
    stranger = query.token("admin", str(THEIRS))
    assert "another filter" in ask(query, stranger, limit=1, cursor=cursor).json()["detail"]
    assert {item["organization_id"] for item in page(query, stranger)["items"]} == {str(THEIRS)}


def test_a_machine_of_an_integration_sees_nothing(query: QueryPods) -> None:
    assert ask(query, query.machine_token(str(OURS), "metrics:write")).status == 403


def test_without_an_instant_it_is_of_now_and_then_given_again(query: QueryPods) -> None:
    token = query.token("viewer", str(uuid4()))
    hits, misses, _ = counted(query)
    before = datetime.now(UTC)
    first = page(query, token)
    assert before - SECOND < datetime.fromisoformat(first["as_of"]) < datetime.now(UTC) + SECOND
    assert [page(query, token) for _ in range(3)] == [first] * 3
    assert counted(query)[:2] == (hits + 3, misses + 1)
    assert page(query, token, min_as_of=first["as_of"]) == first
    newer = page(query, token, min_as_of=datetime.now(UTC))
    assert newer["as_of"] > first["as_of"]
    assert page(query, token) == newer
    assert counted(query)[:2] == (hits + 5, misses + 2)


def test_roles_filters_and_pages_are_kept_apart(query: QueryPods) -> None:
    organization = str(uuid4())
    viewer, admin = query.token("viewer", organization), query.token("admin", organization)
    hits, misses, _ = counted(query)
    page(query, viewer)
    page(query, admin)
    page(query, viewer, limit=7)
    page(query, viewer, status="running")
    assert counted(query)[:2] == (hits, misses + 4)


def test_many_at_once_ask_the_database_once(query: QueryPods) -> None:
    token = query.token("viewer", str(uuid4()))
    name = 'novacron_query_queries_total{outcome="ok",query="dashboard"}'
    before, (hits, misses, shared) = query.pod.metrics().get(name, 0), counted(query)
    # the question waits for the table, and the others for the question
    with query.database.connect() as blocker, ThreadPoolExecutor(8) as pool:
        blocker.execute("BEGIN; LOCK TABLE query.vms IN ACCESS EXCLUSIVE MODE")
        waiting = [pool.submit(page, query, token) for _ in range(8)]
        until(
            lambda: query.pod.metrics()["http_requests_in_flight"] > 8, "these and the one that looks", 15, every=0.02
        )
        blocker.execute("COMMIT")
        answers = [one.result() for one in waiting]
    assert answers == [answers[0]] * 8
    assert counted(query) == (hits, misses + 1, shared + 7)
    assert query.pod.metrics()[name] == before + 1


def test_a_client_that_has_it_is_told_so(query: QueryPods, viewer: str) -> None:
    answer = ask(query, viewer)
    tag = {"If_None_Match": answer.headers["etag"]}
    again = ask(query, viewer, tag)
    assert (again.status, again.body) == (304, b"")
    compressed = ask(query, viewer, {"Accept_Encoding": "gzip"})
    assert compressed.headers["content-encoding"] == "gzip"
    assert gzip.decompress(compressed.body) == answer.body
    assert query.pod.metrics()["novacron_query_cache_bytes"] > len(answer.body) + len(compressed.body)


INJECTION = "'; DROP TABLE query.vms; --"
WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "negative limit": ({"limit": -1}, "limit: "),
    "no limit": ({"limit": 0}, "limit: "),
    "limit over the cap": ({"limit": 5001}, "limit: "),
    "limit of words": ({"limit": INJECTION}, "limit: "),
    "unknown sort": ({"sort": "-name"}, "sort: "),
    "hostile sort": ({"sort": INJECTION}, "sort: "),
    "unknown status": ({"status": INJECTION}, "status: "),
    "organization of words": ({"organization": INJECTION}, "organization: "),
    "cursor of words": ({"cursor": INJECTION}, "cursor: "),
    "instant of words": ({"as_of": INJECTION}, "as_of: "),
    "instant without offset": ({"as_of": "2026-03-29T12:00:00"}, "as_of: "),
    "instant to come": ({"as_of": NOW + 10 * MINUTE}, "as_of: "),
    "least instant to come": ({"min_as_of": NOW + 10 * MINUTE}, "min_as_of: "),
    "instant of long ago": ({"as_of": NOW - timedelta(days=8)}, "as_of: "),
    "instant of the first year": ({"as_of": "0001-01-01T00:00:00Z"}, "as_of: "),
    "instant of the last year": ({"as_of": "9999-12-31T23:59:59Z"}, "as_of: "),
    "instant before the least one": ({"as_of": NOW - 2 * MINUTE, "min_as_of": NOW - MINUTE}, "min_as_of: "),
    "unknown parameter": ({INJECTION: "x"}, "The query has an unknown parameter"),
}


@pytest.mark.parametrize(("given", "field"), WRONG.values(), ids=WRONG)
def test_what_is_wrong_is_named(query: QueryPods, viewer: str, given: dict[str, Any], field: str) -> None:
    answer = ask(query, viewer, **given)
    assert (answer.status, answer.headers["content-type"]) == (400, "application/problem+json")
    detail = answer.json()["detail"]
    assert detail.startswith(field), detail
    assert "DROP" not in detail
    assert page(query, viewer)["summary"]["total"] == 31


def test_a_cursor_belongs_to_its_list(query: QueryPods, viewer: str) -> None:
    cursor = page(query, viewer, limit=2)["next"]
    for other in ({"sort": "-current_cpu"}, {"status": "running"}, {"as_of": NOW}):
        answer = ask(query, viewer, cursor=cursor, limit=2, **other)
        assert (answer.status, answer.json()["detail"]) == (
            400,
            "cursor: belongs to another filter; keep the filter, or begin without a cursor.",
        )
    assert ask(query, viewer, cursor=cursor[:-3], limit=2).status == 400


def test_a_name_of_every_kind_is_a_place(query: QueryPods, viewer: str) -> None:
    names = [item["name"] for item in page(query, viewer)["items"]]
    before = page(query, viewer, limit=len(names) - 1)
    (last,) = page(query, viewer, limit=len(names) - 1, cursor=before["next"])["items"]
    assert last["name"] == names[-1] == HOSTILE


def test_the_audit_log_knows_who_asked_what(query: QueryPods, viewer: str) -> None:
    answer = ask(query, viewer, sort="-current_memory", limit=3, as_of=NOW - MINUTE)
    line = query.pod.line("query", answer.headers["x-request-id"])
    assert (line["query"], line["organization"], line["outcome"], line["rows"]) == ("dashboard", str(OURS), "ok", 3)
    moment = (NOW - MINUTE).isoformat()
    assert line["arguments"] == {"organization": str(OURS), "sort": "given", "limit": 3, "as_of": moment}


def test_the_document_knows_the_route(query: QueryPods, viewer: str) -> None:
    document = json.loads(query.ask("/openapi.json", viewer).body)
    operation = document["paths"][PATH]["get"]
    assert operation["x-novacron-least-role"] == "viewer"
    names = {one["name"] for one in operation["parameters"]}
    assert names == {"organization", "status", "sort", "limit", "cursor", "as_of", "min_as_of"}


def test_a_time_too_far_ahead_is_refused_to_him_alone_who_asks_for_it(query: QueryPods, viewer: str) -> None:
    """Others who ask for the same meanwhile wait for one answer with him."""
    with query.database.connect() as connection, ThreadPoolExecutor(2) as pool:
        connection.execute("BEGIN")
        connection.execute("LOCK TABLE query.vms IN ACCESS EXCLUSIVE MODE")
        _, misses, shared = counted(query)
        far = pool.submit(ask, query, viewer, limit=17, min_as_of=datetime.now(UTC) + 60 * MINUTE)
        until(lambda: counted(query)[1] == misses + 1, "he asks")
        others = pool.submit(ask, query, viewer, limit=17)
        # these two, and whoever asks how many there are
        until(lambda: query.pod.metrics()["http_requests_in_flight"] == 3, "others ask too")
        connection.execute("ROLLBACK")
    assert (far.result().status, others.result().status) == (400, 200)
    assert "30 s" in far.result().json()["detail"]
    assert counted(query)[1:] == (misses + 1, shared + 1)
