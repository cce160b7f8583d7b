"""Samples of virtual machines over HTTP: ranges and intervals as brute force says, in pages, of the own organization,
and questions that cannot be."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from tests.services.conftest import REDIS_PASSWORD
from tests.support.asker import (
    DAY,
    NOBODY,
    SAMPLES,
    Asker,
    Document,
    Row,
    machines,
    measured,
    problem,
    sample,
    small_pages,
    stamped,
)
from tests.support.postgres import Postgres
from tests.support.query_pods import QueryPods
from tests.support.redis_server import RedisServer


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
