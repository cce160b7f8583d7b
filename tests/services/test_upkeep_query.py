"""Upkeep of schema query on a real server: days ahead and behind, retention, and what nobody needs any more."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest

from novacron.core.migration import Upkeep
from novacron.query.domain.sample import DAYS_BEHIND
from novacron.query.service.upkeep import DAYS_AHEAD
from tests.support.database import Database, Login
from tests.support.migration_process import MigrationProcess
from tests.support.waiting import until

TABLES = ("vm_metrics", "vm_rollup_1m", "vm_rollup_5m")
_PARTITIONS = """
SELECT parent.relname, array_agg(right(child.relname, 10) ORDER BY child.relname)
FROM pg_inherits JOIN pg_class AS child ON child.oid = inhrelid JOIN pg_class AS parent ON parent.oid = inhparent
WHERE parent.relnamespace = 'query'::regnamespace AND parent.relkind = 'p' AND NOT inhdetachpending GROUP BY 1
"""
_WAITING = "SELECT 1 FROM pg_stat_activity WHERE application_name = 'novacron-migrate' AND wait_event_type = 'Lock'"
_INSERT = "INSERT INTO query.vm_metrics (vm_id, timestamp, cpu_usage) VALUES (%s, %s, 1)"


@pytest.fixture
def owner(database: Database) -> Login:
    login = database.owner()
    assert database.migrate(login).outcome == "migrated"
    return login


def days(first: int, last: int) -> list[str]:
    """As they stand in names, counted from today."""
    today = datetime.now(UTC).date()
    return [f"{today + timedelta(days=number):%Y_%m_%d}" for number in range(first, last + 1)]


def partitions(database: Database) -> dict[str, list[str]]:
    return dict(database.sql(_PARTITIONS))


def everywhere(listed: list[str]) -> dict[str, list[str]]:
    return dict.fromkeys(TABLES, listed)


def counts(number: int) -> dict[str, int]:
    return {f"query.{table}": number for table in TABLES}


USUAL = days(-DAYS_BEHIND, DAYS_AHEAD)


def test_days_ahead_and_behind_are_there_after_the_migration_and_stay_so(database: Database, owner: Login) -> None:
    assert partitions(database) == everywhere(USUAL)
    for upkeep in (True, False, True):
        assert database.migrate(owner, upkeep=upkeep).upkeep == Upkeep()
        assert partitions(database) == everywhere(USUAL)


@pytest.mark.parametrize("upkeep", [True, False])
def test_days_that_are_missing_are_made_by_either_run(database: Database, owner: Login, upkeep: bool) -> None:
    """As a database looks that was left alone for two days."""
    for table in TABLES:
        for day in USUAL[-2:]:
            database.sql(f"DROP TABLE query.{table}_{day}")
    assert database.migrate(owner, upkeep=upkeep).upkeep == Upkeep(made=counts(2))
    assert partitions(database) == everywhere(USUAL)


def test_a_day_is_in_utc_wherever_the_server_is(database: Database, owner: Login) -> None:
    database.sql(f"ALTER DATABASE {database.name} SET timezone = 'Pacific/Kiritimati'")
    database.sql(f"DROP TABLE query.vm_metrics_{USUAL[-1]}")
    assert database.migrate(owner, upkeep=True).upkeep == Upkeep(made={"query.vm_metrics": 1})
    first = datetime.strptime(USUAL[-1], "%Y_%m_%d").replace(tzinfo=UTC)
    for moment in (first, first + timedelta(days=1, microseconds=-1)):
        database.sql(_INSERT, uuid4(), moment)
    assert database.sql("SELECT DISTINCT tableoid::regclass::text FROM query.vm_metrics") == [
        (f"query.vm_metrics_{USUAL[-1]}",)
    ]


def attach(database: Database, past: list[date]) -> None:
    """Partitions of days, each with a sample in its last moment, as if they had been made in their time."""
    for day in past:
        for table in TABLES:
            name = f"query.{table}_{day:%Y_%m_%d}"
            bounds = f"FROM ('{day} 00:00+00') TO ('{day + timedelta(days=1)} 00:00+00')"
            database.sql(f"CREATE TABLE {name} PARTITION OF query.{table} FOR VALUES {bounds}")
            database.sql(f"ALTER TABLE {name} OWNER TO novacron_owner")
        last = datetime(day.year, day.month, day.day, 23, 59, 59, tzinfo=UTC)
        database.sql(_INSERT, uuid4(), last)


@pytest.fixture
def aged(database: Database, owner: Login) -> list[date]:
    """Days before those of a fresh database, the oldest first."""
    today = datetime.now(UTC).date()
    past = [today - timedelta(days=number) for number in range(DAYS_BEHIND + 5, DAYS_BEHIND, -1)]
    attach(database, past)
    return past


def within(retention: timedelta) -> list[str]:
    """Days of which a sample may be young enough, up to today's."""
    oldest = (datetime.now(UTC) - retention).date()
    return days((oldest - datetime.now(UTC).date()).days, 0)


@pytest.mark.parametrize(
    "retention",
    [timedelta(days=7), timedelta(days=10), timedelta(days=1), timedelta(hours=1), timedelta(days=400)],
    ids=str,
)
def test_what_is_older_than_the_retention_goes_by_the_day(
    database: Database, owner: Login, aged: list[date], retention: timedelta
) -> None:
    there = [f"{day:%Y_%m_%d}" for day in aged] + USUAL
    stays = [day for day in there if day >= within(retention)[0]]
    seconds = int(retention.total_seconds())
    report = database.migrate(owner, upkeep=True, retention=seconds)
    dropped = len(there) - len(stays)
    assert (report.outcome, report.upkeep) == ("kept", Upkeep(dropped=counts(dropped) if dropped else {}))
    assert partitions(database) == everywhere(stays)
    assert database.sql("SELECT count(*) FROM query.vm_metrics") == [(len([day for day in stays if day < USUAL[0]]),)]
    again = database.migrate(owner, upkeep=True, retention=seconds)
    assert again.upkeep == Upkeep(), "what one run drops, the next does not make"


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("state", ["detaching", "detached"])
def test_a_day_that_was_half_dropped_goes_too(
    database: Database, owner: Login, aged: list[date], table: str, state: str
) -> None:
    oldest = f"query.{table}_{aged[0]:%Y_%m_%d}"
    if state == "detached":
        database.sql(f"ALTER TABLE query.{table} DETACH PARTITION {oldest}")
    else:
        with database.connect() as reader, reader.transaction():
            reader.execute(f"TABLE query.{table}".encode())
            with (
                database.connect(options="-c statement_timeout=300") as cut,
                pytest.raises(psycopg.errors.QueryCanceled),
            ):
                cut.execute(f"ALTER TABLE query.{table} DETACH PARTITION {oldest} CONCURRENTLY".encode())
        assert database.sql("SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhdetachpending") == [(oldest,)]
    assert database.migrate(owner, upkeep=True).upkeep.dropped == counts(len(aged))
    assert database.sql("SELECT to_regclass(%s)", oldest) == [(None,)]


def test_an_ingest_under_way_is_not_shut_out_and_delays_what_is_dropped(
    database: Database, owner: Login, aged: list[date], tmp_path: Path
) -> None:
    writer = database.login("novacron_query")
    with database.connect(writer) as ingest:
        ingest.execute("BEGIN")
        ingest.execute(_INSERT, (uuid4(), datetime.now(UTC)))
        with MigrationProcess(tmp_path / "run", database.migration(owner), "--upkeep").start() as run:
            until(lambda: len(database.sql(_WAITING)) == 1, "the run waits for the ingest's end")
            with database.connect(writer, options="-c lock_timeout=2000") as other:
                other.execute(_INSERT, (uuid4(), datetime.now(UTC)))
            ingest.execute("COMMIT")
            assert run.ended() == 0, run.log()
    message = run.message()
    assert (message["outcome"], message["dropped"], message["made"]) == ("kept", counts(len(aged)), {})


def test_the_newest_samples_and_deleted_machines_go_when_their_time_is_over(database: Database, owner: Login) -> None:
    database.sql(
        "INSERT INTO query.vms (id, organization_id, name, status, cpu_cores, memory_mb, deleted_at)"
        " SELECT gen_random_uuid(), gen_random_uuid(), name, 'stopped', 1, 1, now() - age::interval"
        " FROM (VALUES ('lives', NULL), ('just deleted', '1 h'), ('deleted', '8 days 23 h'), ('gone', '9 days 1 h'))"
        " AS v (name, age)"
    )
    database.sql(
        "INSERT INTO query.vm_latest (vm_id, timestamp) SELECT gen_random_uuid(), now() - age * interval '1 h'"
        " FROM unnest(ARRAY[0, 167, 169, 1000]) AS age"
    )
    report = database.migrate(owner, upkeep=True)
    assert report.upkeep == Upkeep(deleted={"query.vm_latest": 2, "query.vms": 1})
    assert database.sql("SELECT name FROM query.vms ORDER BY name") == [("deleted",), ("just deleted",), ("lives",)]
    assert database.sql("SELECT count(*) FROM query.vm_latest WHERE timestamp > now() - interval '7 days'") == [(2,)]


def test_days_to_come_are_made_also_where_nothing_can_be_dropped(
    database: Database, owner: Login, aged: list[date]
) -> None:
    """Somebody else's view hangs on an old partition."""
    database.sql(f"DROP TABLE query.vm_metrics_{USUAL[-1]}")
    database.sql(f"CREATE VIEW public.mine AS TABLE query.vm_rollup_1m_{aged[0]:%Y_%m_%d}")
    report = database.migrate(owner, upkeep=True)
    assert (report.outcome, report.reason) == ("failed", "StatementFailed")
    assert "what has run out: SQLSTATE 2BP01" in report.message
    assert report.upkeep == Upkeep(made={"query.vm_metrics": 1}, dropped={"query.vm_metrics": len(aged)})
    database.sql("DROP VIEW public.mine")
    report = database.migrate(owner, upkeep=True)
    assert report.upkeep.dropped == {"query.vm_rollup_1m": len(aged), "query.vm_rollup_5m": len(aged)}
