"""Dashboards on a real PostgreSQL: both plans against a count by hand, whatever the samples are and whenever it is."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid5

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from novacron.query.domain.dashboard import Question, Sort
from novacron.query.domain.plan import Plan
from tests.support import dashboards
from tests.support.dashboard_store import DashboardStore
from tests.support.dashboards import AVERAGES, SUMMARY_AVERAGES, Machine, Sample, same
from tests.support.database import Database
from tests.support.postgres import Postgres

MICROSECOND, SECOND, MINUTE, HOUR = (timedelta(**{unit: 1}) for unit in ("microseconds", "seconds", "minutes", "hours"))
NAMES = UUID("6ba7b810-9dad-11d1-80b4-00c04fd430c8")
OURS, THEIRS = uuid5(NAMES, "ours"), uuid5(NAMES, "theirs")
PLANS: tuple[Plan, ...] = ("rollup", "lateral")
SORTS: tuple[Sort, ...] = ("name", "-current_cpu", "-current_memory", "-max_cpu_1hour")
MIDNIGHT = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
"""A border of windows, buckets and partitions."""


@dataclass(frozen=True, slots=True)
class Stage:
    """What is written there is what is asked for."""

    store: DashboardStore
    writer: psycopg.Connection[Any]


@pytest.fixture(scope="module")
def stage(postgres: Postgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    database = Database(postgres, tmp_path_factory.mktemp("dashboard"))
    database.migrate(database.owner())
    store = DashboardStore(database, database.login("novacron_query"))
    with database.connect() as writer:
        yield Stage(store, writer)
    store.close()


def check(store: DashboardStore, machines: Sequence[Machine], as_of: datetime, **asked: Any) -> None:
    """Both plans say what a count by hand says."""
    question = Question(as_of=as_of, limit=5000, **asked)
    seen = [
        one
        for one in machines
        if (question.organization in (None, one.organization)) and (question.status in (None, one.status))
    ]
    wanted = dashboards.items(seen, as_of, question.sort)
    for way in PLANS:
        found = store.ask(way, question)
        shown = [_timed(item) for item in json.loads(found.items)]
        assert [item["id"] for item in shown] == [item["id"] for item in wanted], way
        for item, one in zip(shown, wanted, strict=True):
            assert same(item, one, AVERAGES), (way, item, one)
        summary = json.loads(found.summary)
        assert same(summary, dashboards.summary(wanted), SUMMARY_AVERAGES), (way, summary)
        assert (found.rows, found.key, found.id) == (len(wanted), None, None)


def _timed(item: dict[str, Any]) -> dict[str, Any]:
    moment = item["last_metric_time"]
    assert moment is None or moment.endswith("+00:00")
    return item | {"last_metric_time": datetime.fromisoformat(moment) if moment else None}


percents = st.one_of(st.none(), st.sampled_from([0.0, 75.0, 80.0, 90.0, 100.0]), st.floats(0, 100))
distances = st.one_of(
    st.sampled_from([timedelta(), MINUTE, 5 * MINUTE, HOUR, 4 * MINUTE, 59 * MINUTE, -MINUTE, 2 * HOUR]),
    st.integers(-15, 75).map(lambda number: number * MINUTE),
    st.integers(-900 * 10**6, 4500 * 10**6).map(lambda number: number * MICROSECOND),
)
nudges = st.sampled_from([timedelta(), -MICROSECOND, MICROSECOND])
instants = st.builds(
    lambda border, distance, nudge: border + distance + nudge,
    st.sampled_from([MIDNIGHT, MIDNIGHT - 12 * HOUR]),
    st.one_of(
        st.sampled_from([timedelta(), MINUTE, 5 * MINUTE, HOUR, 59 * MINUTE, 4 * MINUTE]),
        st.integers(0, 3600 * 10**6).map(lambda number: number * MICROSECOND),
    ),
    nudges,
)


@st.composite
def fleets(draw: st.DrawFn) -> tuple[datetime, list[Machine]]:
    """An instant, and machines whose samples lie on the borders of its windows and buckets, and around them."""
    as_of = draw(instants)
    minute = as_of.replace(second=0, microsecond=0)
    when = st.builds(
        lambda base, distance, nudge: base - distance + nudge, st.sampled_from([as_of, minute]), distances, nudges
    )
    samples = st.lists(
        st.builds(Sample, when, percents, percents, percents), max_size=12, unique_by=lambda one: one.timestamp
    )
    made = st.lists(
        st.tuples(
            st.sampled_from([OURS, THEIRS]),
            st.sampled_from(["a", "B", "ä", "a"]),
            st.sampled_from(["running", "running", "stopped", "error", "paused", "creating"]),
            st.sampled_from([False, False, False, True]),
            samples,
        ),
        max_size=6,
    )
    return as_of, [Machine(uuid5(NAMES, f"{number}"), *one) for number, one in enumerate(draw(made))]


@given(fleets(), st.sampled_from(SORTS))
@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
def test_both_plans_say_what_a_count_by_hand_says(
    stage: Stage, fleet: tuple[datetime, list[Machine]], sort: Sort
) -> None:
    as_of, machines = fleet
    dashboards.write(stage.writer, machines)
    check(stage.store, machines, as_of, sort=sort)
    check(stage.store, machines, as_of, organization=OURS)
    check(stage.store, machines, as_of, status="running")


def dense(seed: int) -> list[Machine]:
    """Forty machines with a sample every 10 s or so over the last midnight, with gaps, late and out of order."""
    chance = random.Random(seed)
    machines = []
    for number in range(40):
        every, lag = chance.choice([10, 10, 30, 61]), chance.randrange(0, 10_000_000)
        times = [MIDNIGHT - 2 * HOUR + lag * MICROSECOND + step * every * SECOND for step in range(4 * 3600 // every)]
        hole = MIDNIGHT + chance.randrange(-120, 60) * MINUTE
        kept = [time for time in times if not hole < time < hole + 20 * MINUTE and chance.random() > 0.02]
        samples = [Sample(time, *(_measured(chance) for _ in range(3))) for time in kept]
        chance.shuffle(samples)
        status = chance.choice(["running", "running", "running", "stopped", "error", "migrating"])
        organization = chance.choice([OURS, OURS, THEIRS])
        machines.append(
            Machine(uuid5(NAMES, f"{number}"), organization, f"vm-{number % 30}", status, number % 13 == 5, samples)
        )
    return machines


def _measured(chance: random.Random) -> float | None:
    return None if chance.random() < 0.05 else chance.choice([chance.uniform(0, 100), 90.0, 75.0])


@pytest.mark.parametrize("seed", [1, 2])
def test_the_same_of_many_samples(stage: Stage, seed: int) -> None:
    machines = dense(seed)
    dashboards.write(stage.writer, machines)
    moments = [
        MIDNIGHT,
        MIDNIGHT + MICROSECOND,
        MIDNIGHT - MICROSECOND,
        MIDNIGHT + 17.5 * SECOND,
        MIDNIGHT + 64 * MINUTE,
    ]
    for as_of in [*moments, MIDNIGHT + 2 * HOUR, MIDNIGHT + 5 * HOUR, MIDNIGHT - 90 * MINUTE]:
        for sort in SORTS:
            check(stage.store, machines, as_of, sort=sort)
        check(stage.store, machines, as_of, organization=THEIRS, status="stopped")


@pytest.mark.parametrize("sort", SORTS)
@pytest.mark.parametrize("way", PLANS)
def test_pages_are_the_whole_in_pieces(stage: Stage, way: Plan, sort: Sort) -> None:
    dashboards.write(stage.writer, dense(3))
    asked = Question(as_of=MIDNIGHT + 50 * MINUTE, sort=sort, limit=5000)
    whole = stage.store.ask(way, asked)
    pieces: list[dict[str, Any]] = []
    asked = replace(asked, limit=7)
    while True:
        found = stage.store.ask(way, asked)
        pieces += json.loads(found.items)
        assert json.loads(found.summary) == pytest.approx(json.loads(whole.summary), abs=1e-9)
        if found.id is None:
            break
        assert found.key is not None
        assert found.rows == 7
        asked = replace(asked, after=(found.key, found.id))
    assert [item["id"] for item in pieces] == [item["id"] for item in json.loads(whole.items)]


def test_of_nobody_there_is_a_summary(stage: Stage) -> None:
    dashboards.write(stage.writer, [])
    check(stage.store, [], MIDNIGHT)


def test_it_counts_no_further_than_to_where_it_matters(stage: Stage) -> None:
    machines = [Machine(uuid5(NAMES, f"{number}"), OURS if number < 3 else THEIRS, "vm") for number in range(40)]
    dashboards.write(stage.writer, machines)
    for asked, counted in [
        (Question(), (40, 40)),
        (Question(organization=OURS), (3, 13)),
        (Question(organization=OURS, status="error"), (0, 1)),
    ]:
        extent = stage.store.extent(asked)
        assert (extent.selected, extent.every) == counted
        assert abs(extent.now - datetime.now(UTC)) < MINUTE


def test_averages_that_no_number_holds(stage: Stage) -> None:
    """Half of the least number is none, which is an error of PostgreSQL's: it must not be everybody's."""
    as_of = MIDNIGHT + 90 * SECOND
    tiny = [Sample(as_of - SECOND, 5e-324, 5e-324), Sample(as_of - 2 * SECOND, 0.0, 0.0)]
    usual = [Sample(as_of - SECOND, 50.0, 50.0)]
    machines = [
        Machine(UUID(int=1), THEIRS, "a", samples=tiny),
        *[Machine(UUID(int=2 + number), OURS, "b", samples=usual) for number in range(9)],
    ]
    dashboards.write(stage.writer, machines)
    check(stage.store, machines, as_of)
    check(stage.store, machines, as_of, organization=OURS)
