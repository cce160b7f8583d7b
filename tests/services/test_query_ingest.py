"""Samples are taken once: whatever comes twice, late, side by side or wrong, the four tables say what a computation by
brute force says.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any, LiteralString
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry

from novacron.query.domain.caller import Caller
from novacron.query.domain.sample import AHEAD, SampleReader
from novacron.query.service.counts import Counts
from novacron.query.service.ingest import LARGEST_BODY, MOST_SAMPLES
from novacron.query.service.store import ingest
from novacron.query.service.store.database import Database
from novacron.workload.service import outages
from novacron.workload.service.database import opened as postgres_opened
from tests.services.conftest import REDIS_PASSWORD
from tests.services.stores import opened
from tests.support.postgres import Postgres
from tests.support.query_pods import QueryPods
from tests.support.redis_server import RedisServer
from tests.support.samples import INGEST, Measured, assert_same, expected, found, vms
from tests.support.service_process import Answer, ServiceProcess

SCOPE = "metrics:write"
RETENTION = timedelta(days=7)


@pytest.fixture(scope="module")
def query(
    postgres: Postgres, redis_server: RedisServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[QueryPods]:
    files: dict[str, str | bytes] = {"password": REDIS_PASSWORD, "ca.crt": redis_server.ca}
    with QueryPods(tmp_path_factory.mktemp("query"), postgres, redis_server, files, pods=2, pool=4) as pods:
        yield pods


@pytest.fixture(scope="module")
def organization(query: QueryPods) -> str:
    return query.organization()


@pytest.fixture(scope="module")
def machine(query: QueryPods, organization: str) -> str:
    """The token of a service account."""
    return query.machine_token(organization, SCOPE)


def post(pod: ServiceProcess, token: str, samples: Sequence[Any]) -> Answer:
    body = json.dumps({"samples": [one.sent() if isinstance(one, Measured) else one for one in samples]}).encode()
    return pod.ask(INGEST, "POST", body=body, Content_Type="application/json", Authorization=f"Bearer {token}")


def taken(answer: Answer) -> tuple[int, int, int]:
    """Accepted, duplicate, and how many are rejected."""
    assert answer.status == 200, answer
    told = answer.json()
    return told["accepted"], told["duplicate"], len(told["rejected"])


def now() -> datetime:
    """Of the database, which runs on this machine."""
    return datetime.now(UTC)


# Any sequence of batches


def _moments() -> st.SearchStrategy[timedelta]:
    """Before a border of buckets, of a day too, on it, and after it."""
    steps = st.integers(-12, 12).map(lambda number: timedelta(seconds=30 * number))
    nudges = st.sampled_from([timedelta(0), timedelta(microseconds=-1), timedelta(microseconds=1)])
    return st.builds(lambda step, nudge: step + nudge, steps, nudges)


PERCENT = st.none() | st.floats(0, 100)
COUNTERS = st.none() | st.integers(0, 2**63 - 1)
ROWS = st.tuples(st.integers(0, 2), _moments(), PERCENT, PERCENT, PERCENT, COUNTERS, COUNTERS)
BATCHES = st.lists(st.lists(ROWS, max_size=12), min_size=1, max_size=5)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(batches=BATCHES, replays=st.lists(st.integers(0, 4), max_size=3), days=st.integers(0, 6))
def test_the_tables_are_what_brute_force_says(
    query: QueryPods, organization: str, machine: str, batches: list[list[Any]], replays: list[int], days: int
) -> None:
    """Some batches are played again after the others. The border is the last midnight's, or that of some day before."""
    ids = vms(query.database, organization, 3)
    border = now().replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=days)
    border = border if days else border - timedelta(minutes=10)  # what follows midnight may be yet to come
    sent = [[Measured(ids[row[0]], border + row[1], *row[2:]) for row in batch] for batch in batches]
    order = [*sent, *(sent[number % len(sent)] for number in replays)]
    seen: set[tuple[str, datetime]] = set()
    for number, batch in enumerate(order):
        keys = {(one.vm_id, one.timestamp) for one in batch}
        new = len(keys - seen)
        seen |= keys
        assert taken(post(query.pods[number % 2], machine, batch)) == (new, len(batch) - new, 0)
    assert_same(found(query.database, ids), expected(one for batch in order for one in batch))


def test_batches_side_by_side(query: QueryPods, organization: str, machine: str) -> None:
    """Each holds most of the others' samples, in another order: none waits in a circle, each sample counts once."""
    ids, start = vms(query.database, organization, 40), now() - timedelta(minutes=6)
    samples = [
        Measured(vm, start + timedelta(seconds=10 * number), number + 0.25, 50.0, None, number, None)
        for vm in ids
        for number in range(30)
    ]
    chance = random.Random(6)
    batches = [chance.sample(samples, 900) for _ in range(24)]
    with ThreadPoolExecutor(8) as pool:
        answers = [pool.submit(post, query.pods[number % 2], machine, batch) for number, batch in enumerate(batches)]
        told = [taken(answer.result()) for answer in answers]
    assert {sum(one) for one in told} == {900}
    sent = {one for batch in batches for one in batch}
    assert sum(accepted for accepted, _, _ in told) == len(sent)
    assert_same(found(query.database, ids), expected(sent))


# What is refused, row by row


def test_each_row_is_judged_by_itself(query: QueryPods, organization: str, machine: str) -> None:
    (mine,) = vms(query.database, organization, 1)
    (others,) = vms(query.database, query.organization(), 1)
    (deleted,) = vms(query.database, organization, 1, deleted=True)
    at = now() - timedelta(minutes=1)
    good = Measured(mine, at, 5.0)
    rows: list[Any] = [
        Measured(others, at),
        good.sent() | {"cpu_usage": 101},
        good,
        Measured(deleted, at),
        good._replace(timestamp=at - RETENTION),
        Measured(str(uuid4()), at),
        good._replace(timestamp=at + timedelta(minutes=2)),
        "no object",
        good,
    ]
    answer = post(query.pod, machine, rows)
    assert taken(answer) == (1, 1, 7)
    reasons = {one["row"]: one["reason"] for one in answer.json()["rejected"]}
    assert [one["row"] for one in answer.json()["rejected"]] == [0, 1, 3, 4, 5, 6, 7]
    assert len({reasons[number] for number in (0, 3, 5)}) == 1, "nobody is told whose a machine is"
    assert reasons[1].startswith("cpu_usage: is not within 0 to 100")
    assert reasons[4].startswith("timestamp: is more than 168h0m0s ago")
    assert reasons[6].startswith("timestamp: is more than 30s in the future")
    assert_same(found(query.database, [mine, others, deleted]), expected([good]))


def test_the_clock_that_counts_is_the_database_s(query: QueryPods, organization: str, machine: str) -> None:
    (mine,) = vms(query.database, organization, 1)
    before = now()
    early = [before + AHEAD - timedelta(seconds=1), before + AHEAD + timedelta(seconds=20)]
    late = [before - RETENTION + timedelta(seconds=20), before - RETENTION]
    answer = post(query.pod, machine, [Measured(mine, at) for at in early + late])
    assert [one["row"] for one in answer.json()["rejected"]] == [1, 3]
    assert set(found(query.database, [mine]).samples) == {(mine, early[0]), (mine, late[0])}


def test_moments_that_no_calendar_of_ours_holds(query: QueryPods, organization: str, machine: str) -> None:
    (mine,) = vms(query.database, organization, 1)
    ends = ["0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59.999999-23:59"]
    assert taken(post(query.pod, machine, [{"vm_id": mine, "timestamp": end} for end in ends])) == (0, 0, 2)


def test_nothing_is_sent(query: QueryPods, machine: str) -> None:
    assert taken(post(query.pod, machine, [])) == (0, 0, 0)


# What is refused as a whole


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        (b"rubbish", "The body is no JSON"),
        (b"[]", "body: is no object"),
        (b"{}", "samples: "),
        (b'{"samples": {}}', "samples: "),
        (b'{"samples": [], "canary": 1}', "The body has an unknown member"),
        (b'{"samples": [' + b"1," * MOST_SAMPLES + b"1]}", f"samples: list should have at most {MOST_SAMPLES} items"),
        (b'{"samples": [' + b"[]," * 2_000_000 + b"1]}", "samples: hold more than 10,000 samples can"),
        (b'{"samples": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", "The body is no JSON"),
    ],
    ids=["no JSON", "no object", "no samples", "no list", "unknown", "10,001", "millions", "deep"],
)
def test_a_body_that_is_no_batch(query: QueryPods, machine: str, body: bytes, detail: str) -> None:
    answer = query.pod.ask(
        INGEST, "POST", body=body, Content_Type="application/json", Authorization=f"Bearer {machine}"
    )
    assert answer.status == 400, answer
    assert answer.json()["detail"].startswith(detail)
    assert "canary" not in str(answer)


def test_another_media_type(query: QueryPods, machine: str) -> None:
    answer = query.pod.ask(INGEST, "POST", body=b"{}", Content_Type="text/csv", Authorization=f"Bearer {machine}")
    assert answer.status == 415


def test_the_largest_body_is_taken(query: QueryPods, organization: str, machine: str) -> None:
    """One above the cap: tests/services/test_query_faults.py."""
    (mine,) = vms(query.database, organization, 1)
    batch = json.dumps({"samples": [Measured(mine, now()).sent()]}).encode()
    body = batch + b" " * (LARGEST_BODY - len(batch))
    answer = query.pod.ask(
        INGEST, "POST", body=body, Content_Type="application/json", Authorization=f"Bearer {machine}"
    )
    assert taken(answer) == (1, 0, 0)


def test_who_may(query: QueryPods, organization: str) -> None:
    (mine,) = vms(query.database, organization, 1)
    for token in (
        query.token("admin", organization),
        query.token("platform-admin"),
        query.machine_token(organization, "token:introspect"),
    ):
        assert post(query.pod, token, [Measured(mine, now())]).status == 403
    assert not found(query.database, [mine]).samples
    stranger = query.machine_token(query.organization(), SCOPE)
    assert taken(post(query.pod, stranger, [Measured(mine, now())])) == (0, 0, 1)
    assert post(query.pod, query.machine_token("no UUID", SCOPE), [Measured(mine, now())]).status == 403


def test_a_day_without_a_partition(query: QueryPods, organization: str, machine: str) -> None:
    """Upkeep has not run for long: an outage, of which nothing stays, and not the end of the samples."""
    (mine,) = vms(query.database, organization, 1)
    day = now().replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=4)
    batch = [Measured(mine, now(), 1.0), Measured(mine, day + timedelta(hours=1), 2.0)]
    partition = f"PARTITION query.vm_metrics_{day:%Y_%m_%d}"
    bounds = f"FOR VALUES FROM ('{day.isoformat()}') TO ('{(day + timedelta(days=1)).isoformat()}')"
    query.database.sql(f"ALTER TABLE query.vm_metrics DETACH {partition}")
    try:
        answer = post(query.pod, machine, batch)
        assert (answer.status, answer.json()["detail"]) == (503, outages.OUTAGE)
        assert query.pod.lines("database cannot be asked")[-1]["reason"] == "PartitionMissing"
        assert_same(found(query.database, [mine]), expected([]))
    finally:
        query.database.sql(f"ALTER TABLE query.vm_metrics ATTACH {partition} {bounds}")
    assert taken(post(query.pod, machine, batch)) == (2, 0, 0)
    assert_same(found(query.database, [mine]), expected(batch))


# What stays behind


def test_the_audit_log_and_the_counters_tell_how_many(query: QueryPods, organization: str, machine: str) -> None:
    (mine,) = vms(query.database, organization, 1)
    one = Measured(mine, now(), 12.5)
    before = query.pod.metrics()
    assert taken(post(query.pod, machine, [one, one, one._replace(vm_id=str(uuid4()))])) == (1, 1, 1)
    after = query.pod.metrics()
    for outcome in ("accepted", "duplicate", "rejected"):
        name = f'novacron_query_samples_total{{outcome="{outcome}"}}'
        assert after[name] - before.get(name, 0) == 1
    line = query.pod.lines("query")[-1]
    assert (line["query"], line["outcome"], line["rows"], line["arguments"]) == ("ingest", "ok", 1, {"samples": 3})
    assert mine not in query.pod.log()


@pytest.mark.parametrize("how", ["DISCARD TEMP", "DISCARD ALL"])
async def test_a_connection_that_forgot_its_table(query: QueryPods, organization: str, how: LiteralString) -> None:
    """As behind a pooler, which hands connections on and discards what is temporary, and what is prepared too."""
    (mine,) = vms(query.database, organization, 1)
    caller = Caller("somebody", "service", organization)
    samples = [Measured(mine, now() - timedelta(seconds=number)) for number in range(20)]
    async with opened(postgres_opened, pool=2, database=query.database.settings(query.login)) as (sessions, dependency):
        assert (await dependency.check()).state == "ok"
        database = Database(sessions, 5, Counts(CollectorRegistry()))
        for number, one in enumerate(samples):
            if number % 10 == 9:  # it is prepared by now
                async with sessions.connection() as connection:
                    await connection.commit()
                    await connection.set_autocommit(True)
                    await connection.execute(how)
                    await connection.set_autocommit(False)
            async with database.writing("ingest", caller, {}) as transaction:
                sample = SampleReader().read(one.sent())
                kept = await ingest.kept(transaction, organization, [(0, sample)], behind=RETENTION, ahead=AHEAD)
            assert kept == ingest.Kept(1, 1, [], [])
    assert_same(found(query.database, [mine]), expected(samples))


def test_nothing_of_a_batch_stays_for_the_next(query: QueryPods, organization: str, machine: str) -> None:
    (mine,) = vms(query.database, organization, 1)
    for number in range(12):
        assert taken(post(query.pod, machine, [Measured(mine, now() - timedelta(seconds=number))])) == (1, 0, 0)
