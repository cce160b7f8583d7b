"""`novacron demo-data` on a real PostgreSQL: what it writes is what an ingest would have made of the same samples."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from psycopg import errors

from novacron.query.domain.sample import Sample
from novacron.query.service.demo import DemoRefused, Filled, Plan, fill
from novacron.query.service.store import ingest
from novacron.query.service.store.database import Transaction
from novacron.roles import migration_run
from novacron.workload.service.settings import MigrationSettings
from tests.support.database import Database, Login
from tests.support.postgres import ADMIN_PASSWORD, Postgres
from tests.support.query_pods import OWN_SETTINGS
from tests.support.volume import Volume

ORGANIZATION = UUID("4f7a9c1e-52b8-4d39-8f61-0a7d2c9e3b15")
_BRUTE_MINUTES = """
SELECT to_timestamp(ceil(extract(epoch FROM timestamp) / 60) * 60), vm_id,
    count(cpu_usage), coalesce(sum(cpu_usage), 0), max(cpu_usage), count(memory_usage), coalesce(sum(memory_usage), 0)
FROM query.vm_metrics GROUP BY 1, 2
"""
_BRUTE_FIVE = """
SELECT to_timestamp(ceil(extract(epoch FROM timestamp) / 300) * 300), vm_id, max(cpu_usage)
FROM query.vm_metrics GROUP BY 1, 2
"""
_BRUTE_LATEST = "SELECT DISTINCT ON (vm_id) * FROM query.vm_metrics ORDER BY vm_id, timestamp DESC"
MADE = ("vm_metrics", "vm_rollup_1m", "vm_rollup_5m", "vm_latest")
_VM = "INSERT INTO query.vms VALUES (%s, %s, %s, %s, %s, %s)"
_SHARES = """
SELECT count(*), count(*) FILTER (WHERE cpu_usage IS NULL), count(*) FILTER (WHERE memory_usage IS NULL),
    count(*) FILTER (WHERE network_in_bytes IS NULL), count(*) FILTER (WHERE disk_usage IS NULL)
FROM query.vm_metrics
"""


@pytest.fixture(scope="module")
def shared(postgres: Postgres, tmp_path_factory: pytest.TempPathFactory) -> Database:
    """A migrated database; each test fills it for itself and takes everything back."""
    database = Database(postgres, tmp_path_factory.mktemp("logins"))
    assert database.migrate(database.owner()).outcome == "migrated"
    return database


@pytest.fixture
def connection(shared: Database) -> Iterator[psycopg.Connection[Any]]:
    with shared.connect(shared.login("novacron_query")) as opened, opened.transaction(force_rollback=True):
        yield opened


def plan(**changes: Any) -> Plan:
    known = Plan(ORGANIZATION, datetime.now(UTC), vms=150, days=0.05, interval=10, seed=7)
    return replace(known, **changes)


def rows(connection: psycopg.Connection[Any], statement: str) -> list[tuple[Any, ...]]:
    return connection.execute(statement.encode()).fetchall()


def differing(connection: psycopg.Connection[Any], table: str, brute: str) -> list[tuple[Any, ...]]:
    """Rows that one of the two has and the other has not."""
    one, other = f"TABLE query.{table}", f"({brute})"
    return rows(connection, f"({one} EXCEPT {other}) UNION ALL ({other} EXCEPT {one})")


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"interval": 7, "seed": 8},
        {"interval": 1, "vms": 30, "days": 0.01},
        {"interval": 400, "days": 1.5},
        {"interval": 30, "days": 0.02, "end": datetime.now(UTC).replace(hour=0, minute=4, second=9, microsecond=1)},
        {"vms": 1, "days": 0.0001},
    ],
    ids=["usual", "odd interval", "dense", "sparse", "over midnight", "hardly any"],
)
def test_rollups_and_newest_samples_are_those_of_the_samples(
    connection: psycopg.Connection[Any], changes: dict[str, Any]
) -> None:
    wanted = plan(**changes)
    filled = fill(connection, wanted)
    assert differing(connection, "vm_rollup_1m", _BRUTE_MINUTES) == []
    assert differing(connection, "vm_rollup_5m", _BRUTE_FIVE) == []
    assert differing(connection, "vm_latest", _BRUTE_LATEST) == []
    tables = ("vms", "vm_metrics", "vm_rollup_1m", "vm_rollup_5m", "vm_latest")
    counts = [len(rows(connection, f"TABLE query.{table}")) for table in tables]
    assert filled == Filled(*counts)
    assert filled.vms == wanted.vms
    assert filled.samples <= wanted.samples + wanted.vms
    span = "SELECT coalesce(min(timestamp) > %s AND max(timestamp) <= %s, true) FROM query.vm_metrics"
    assert connection.execute(span, (wanted.start, wanted.end)).fetchall() == [(True,)]


async def test_an_ingest_of_the_same_samples_makes_the_same(shared: Database) -> None:
    """Played again in another order, by the statement that ingests."""
    with shared.connect() as connection, connection.transaction(force_rollback=True):
        fill(connection, plan(vms=30, days=0.02))
        made = {table: sorted(rows(connection, f"TABLE query.{table}"), key=str) for table in MADE}
        connection.execute("TRUNCATE query.vm_metrics, query.vm_latest, query.vm_rollup_1m, query.vm_rollup_5m")
        vms = rows(connection, "TABLE query.vms")
        samples = [Sample(*row) for row in made["vm_metrics"]]
        random.Random(7).shuffle(samples)
    own: dict[str, Any] = {
        "host": "127.0.0.1",
        "port": shared.server.port,
        "dbname": shared.name,
        "password": ADMIN_PASSWORD,
    }
    async with await psycopg.AsyncConnection.connect(**own, user="postgres") as ingesting:
        await ingesting.cursor().executemany(_VM, [row[:6] for row in vms])
        for begin in range(0, len(samples), 1000):
            batch = samples[begin : begin + 1000]
            week, soon = timedelta(days=7), timedelta(seconds=30)
            kept = await ingest.kept(Transaction(ingesting), ORGANIZATION, enumerate(batch), behind=week, ahead=soon)
            assert (kept.accepted, kept.rows) == (len(batch), [])
            await ingesting.execute("TRUNCATE pg_temp.incoming")
        for table, before in made.items():
            cursor = await ingesting.execute(f"TABLE query.{table}".encode())
            assert sorted(await cursor.fetchall(), key=str) == before, table
        await ingesting.rollback()


def test_the_data_look_like_what_is_seen_in_real_life(connection: psycopg.Connection[Any]) -> None:
    wanted = plan(vms=600, days=0.03)
    fill(connection, wanted)
    (everything, *missing) = rows(connection, _SHARES)[0]
    assert everything > 0.85 * wanted.samples
    assert [0.001 < share / everything < 0.01 for share in missing] == [True, True, True, False]
    silent = rows(
        connection, "SELECT count(*) FROM query.vms LEFT JOIN query.vm_latest ON vm_id = id WHERE vm_id IS NULL"
    )
    assert 5 < silent[0][0] < 100
    assert len(rows(connection, "SELECT DISTINCT status FROM query.vms")) >= 5
    fresh = "SELECT count(*) FROM query.vm_latest WHERE timestamp > %s"
    ((recent,),) = connection.execute(fresh, (wanted.end - timedelta(seconds=20),)).fetchall()
    assert recent > 500, "the dashboard is alive"
    critical = (
        "SELECT count(*) FILTER (WHERE cpu_usage > 90), count(*) FILTER (WHERE memory_usage > 90) FROM query.vm_latest"
    )
    assert all(count > 0 for count in rows(connection, critical)[0])
    falling = """
    SELECT count(*) FROM (SELECT network_in_bytes - lag(network_in_bytes) OVER (PARTITION BY vm_id ORDER BY timestamp)
    AS more FROM query.vm_metrics WHERE network_in_bytes IS NOT NULL) AS steps WHERE more < 0
    """
    assert rows(connection, falling) == [(0,)], "counters only grow"


_DIGEST = """
SELECT md5(string_agg(t::text, ',' ORDER BY vm_id, timestamp)) FROM query.vm_metrics AS t WHERE timestamp <= %s
"""


def test_the_same_seed_makes_the_same_past_whenever_it_is_asked(connection: psycopg.Connection[Any]) -> None:
    def digest(wanted: Plan, until: datetime) -> tuple[Any, Any]:
        with connection.transaction(force_rollback=True):
            fill(connection, wanted)
            vms = rows(connection, "SELECT md5(string_agg(v::text, ',' ORDER BY id)) FROM query.vms AS v")
            return vms, connection.execute(_DIGEST, (until,)).fetchall()

    early = plan(vms=40, days=0.01)
    late = replace(early, end=early.end + timedelta(seconds=47), days=0.01 + 47 / 86_400)
    first = digest(early, early.end)
    assert digest(late, early.end) == first
    assert digest(replace(early, seed=9), early.end) != first
    assert digest(replace(early, organization=uuid4()), early.end)[0] != first[0]


def test_progress_is_of_samples(connection: psycopg.Connection[Any]) -> None:
    steps: list[int] = []
    assert fill(connection, plan(), steps.append).samples == sum(steps)


def test_a_fleet_that_is_there_is_refused_and_nothing_is_added(connection: psycopg.Connection[Any]) -> None:
    wanted = plan(vms=20, days=0.01)
    filled = fill(connection, wanted)
    for again in (wanted, replace(wanted, vms=30)):
        with pytest.raises(DemoRefused, match="20 virtual machines of seed 7 are in this organization already"):
            fill(connection, again)
    assert rows(connection, "SELECT count(*) FROM query.vm_metrics") == [(filled.samples,)]
    assert fill(connection, replace(wanted, seed=8)).vms == 20


@pytest.mark.parametrize("changes", [{"days": 9}, {"end": datetime.now(UTC) + timedelta(days=9), "days": 0.1}])
def test_days_without_partitions_are_refused(connection: psycopg.Connection[Any], changes: dict[str, Any]) -> None:
    with pytest.raises(DemoRefused, match="there are no partitions for all days"):
        fill(connection, plan(**changes))
    assert rows(connection, "SELECT count(*) FROM query.vms") == [(0,)]


def test_whoever_is_cut_off_has_written_nothing(shared: Database) -> None:
    steps: list[int] = []

    def cut(samples: int) -> None:
        steps.append(samples)
        if len(steps) == 3:
            shared.sql("SELECT pg_terminate_backend(%s)", session.info.backend_pid)

    with shared.connect(shared.login("novacron_query")) as session, pytest.raises(errors.OperationalError):
        fill(session, plan(), cut)
    assert shared.sql("SELECT count(*) FROM query.vms") == [(0,)]
    assert shared.sql("SELECT count(*) FROM query.vm_metrics") == [(0,)]


# the command


class Done:
    """Exit code and what was said."""

    def __init__(self, done: subprocess.CompletedProcess[str]) -> None:
        self.code, self.output, self.error = done.returncode, done.stdout, done.stderr

    def refused(self, code: int) -> str:
        assert (self.code, self.output, self.error.count("\n")) == (code, "", 1), (self.code, self.output, self.error)
        assert "canary" not in self.error
        return self.error


def settings(database: Database, login: Login, **changes: Any) -> dict[str, str | bytes]:
    document = {
        **OWN_SETTINGS,
        "role": "query",
        "ports": {"http": 8080, "metrics": 9090},
        "shutdown_grace_seconds": 25,
        "jwks_file": "/none",
        "database": database.settings(login, **changes),
    }
    return {"settings.json": json.dumps(document), "reloaded.json": "{}"}


@contextmanager
def command(folder: Path, database: Database, **changes: Any) -> Iterator[Callable[..., Done]]:
    config = Volume(folder / "config", settings(database, database.login("novacron_query"), **changes))

    def run(*more: str) -> Done:
        line = [
            sys.executable,
            "-m",
            "novacron",
            "demo-data",
            f"--config={config.path}",
            "--vms=12",
            "--days=0.02",
            *more,
        ]
        return Done(subprocess.run(line, capture_output=True, text=True, timeout=60, check=False))

    yield run


def organizations(database: Database, *names: str) -> list[str]:
    statement = "INSERT INTO auth.organizations (name) VALUES (%s) RETURNING id::text"
    return [database.sql(statement, name)[0][0] for name in names]


def test_the_command_fills_the_only_organization_or_the_named_one(postgres: Postgres, tmp_path: Path) -> None:
    database = Database(postgres, tmp_path / "logins")
    database.migrate(database.owner())
    with command(tmp_path, database) as run:
        assert "novacron auth create-admin makes one" in run().refused(1)
        (first,) = organizations(database, "First one")
        done = run("-o", "json")
        assert (done.code, done.error) == (0, "")
        document = json.loads(done.output)
        assert (document["organization"], document["rows"]["vms"]) == (first, 12)
        assert document["rows"]["samples"] > 0
        assert document["samples_per_second"] > 0
        assert "has virtual machines already; name it" in run().refused(1)
        assert "are in this organization already" in run(f"--organization={first}").refused(1)

        (second,) = organizations(database, "Second")
        assert "there are several" in run().refused(1)
        assert run("--organization=SECOND").code == 0
        assert run(f"--organization={first}", "--seed=2").code == 0
        assert "no active organization" in run("--organization=Third").refused(1)
        owners = "SELECT organization_id::text, count(*) FROM query.vms GROUP BY 1"
        assert dict(database.sql(owners)) == {first: 24, second: 12}


def test_where_there_are_no_organizations_an_id_will_do(postgres: Postgres, tmp_path: Path) -> None:
    database = Database(postgres, tmp_path / "logins")
    document = database.migration(database.owner(), shared=()) | {"schemas": ["query"]}
    assert migration_run.run(MigrationSettings.model_validate(document), 5, upkeep=False).outcome == "migrated"
    with command(tmp_path, database) as run:
        assert "give the id (UUID)" in run("--organization=Name").refused(1)
        done = run(f"--organization={ORGANIZATION}")
        assert done.code == 0, done.error
        assert f"12 virtual machines of organization {ORGANIZATION} are there" in done.output


def test_the_command_says_what_is_wrong(shared: Database, postgres: Postgres, tmp_path: Path) -> None:
    with command(tmp_path / "good", shared) as run:
        assert "--interval" in run("--interval=2h").refused(2)
        assert "is not a duration" in run("--interval=soon").refused(2)
    with command(tmp_path / "away", shared, port=1) as run:
        assert "127.0.0.1:1" in run().refused(3)
    with command(tmp_path / "empty", Database(postgres, tmp_path / "none")) as run:
        assert "novacron migrate" in run(f"--organization={ORGANIZATION}").refused(1)
