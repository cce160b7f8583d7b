"""What pods of query find of their queries, on a real server: in words of the closed list, and never as unreadiness."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from novacron.adapters import postgres as client
from novacron.adapters.mounted import Directory
from novacron.core.dependencies import Finding
from novacron.query.service import health
from novacron.query.service.counts import Counts
from novacron.query.service.health import QueriesDependency
from novacron.workload.service import database as role_database
from tests.services.conftest import REDIS_PASSWORD
from tests.support.database import Database, Login
from tests.support.postgres import Postgres
from tests.support.query_pods import QueryPods
from tests.support.redis_server import RedisServer
from tests.support.waiting import until

_DAY = "SELECT to_char(timezone('UTC', now()) + make_interval(days => %s), '_YYYY_MM_DD')"
_QUARTER = 900.0


class Pod:
    """The dependency of one pod, and its clock."""

    def __init__(self, sessions: client.Sessions) -> None:
        self.now = 1000.0
        self.counts = Counts(CollectorRegistry())
        self.dependency = QueriesDependency(sessions, self.counts, lambda: self.now)

    async def later(self, seconds: float) -> Finding:
        self.now += seconds
        return await self.dependency.check()

    def answered(self, ok: int, late: int) -> None:
        for _ in range(ok):
            self.counts.answered("dashboard", "ok", 0.01)
        for _ in range(late):
            self.counts.answered("dashboard", "timeout", 0.01)


@pytest.fixture
def login(database: Database) -> Login:
    """Of query, with the schema there."""
    assert database.migrate(database.owner()).outcome == "migrated"
    return database.login("novacron_query")


@asynccontextmanager
async def pod(database: Database, login: Login) -> AsyncIterator[Pod]:
    server = client.Server("127.0.0.1", database.server.port, database.name, "verify-full", "test")
    store = client.Postgres(server, 2)
    _stamp, files = Directory(login.volume.path).read()
    await store.adopt(role_database.login(files))
    try:
        yield Pod(store)
    finally:
        await store.close()


def partition(database: Database, parent: str, days: int) -> str:
    return f"query.{parent}{database.sql(_DAY, days)[0][0]}"


def told(found: Finding) -> tuple[str, str]:
    assert not found.required
    return found.state, found.reason


async def test_a_fresh_schema_is_well_and_is_looked_at_once_a_minute(database: Database, login: Login) -> None:
    async with pod(database, login) as one:
        assert told(await one.later(0)) == ("ok", "Reached")
        database.sql(f"DROP TABLE {partition(database, 'vm_rollup_1m', 1)}")
        assert told(await one.later(59)) == ("ok", "Reached")
        assert told(await one.later(1)) == ("degraded", "PartitionMissing")


@pytest.mark.parametrize("days", [0, 1])
@pytest.mark.parametrize("parent", ["vm_metrics", "vm_rollup_1m", "vm_rollup_5m"])
async def test_a_missing_partition_of_today_or_tomorrow_is_named(
    database: Database, login: Login, parent: str, days: int
) -> None:
    name = partition(database, parent, days)
    database.sql(f"ALTER TABLE query.{parent} DETACH PARTITION {name}")
    async with pod(database, login) as one:
        found = await one.later(0)
    assert told(found) == ("degraded", "PartitionMissing")
    assert f"({name.removeprefix('query.')})" in found.message


async def test_days_are_those_of_utc_wherever_the_server_is(database: Database, login: Login) -> None:
    database.sql(f"ALTER DATABASE {database.name} SET timezone = 'Pacific/Kiritimati'")
    last = (datetime.now(UTC) + timedelta(days=2)).strftime("%Y_%m_%d")
    for parent in ("vm_metrics", "vm_rollup_1m", "vm_rollup_5m"):
        database.sql(f"DROP TABLE query.{parent}_{last}")
    async with pod(database, login) as one:
        assert told(await one.later(0)) == ("ok", "Reached")


async def test_an_index_whose_building_broke_off_is_named_and_one_that_is_being_built_is_not(
    database: Database, login: Login
) -> None:
    """Whoever writes to the table keeps a concurrent build from its end."""
    async with pod(database, login) as one:
        with database.connect() as reader, database.connect() as builder:
            reader.execute("BEGIN; LOCK TABLE query.vm_latest IN ROW EXCLUSIVE MODE")
            build = "CREATE INDEX CONCURRENTLY slow ON query.vm_latest (timestamp)"
            building = asyncio.get_running_loop().run_in_executor(None, builder.execute, build)
            invalid = "SELECT count(*) FROM pg_index WHERE NOT indisvalid"
            until(lambda: database.sql(invalid) == [(1,)], "the build has begun", every=0.02)
            assert told(await one.later(0)) == ("ok", "Reached")
            builder.cancel()
            await asyncio.gather(building, return_exceptions=True)
            reader.execute("ROLLBACK")
        found = await one.later(60)
        assert told(found) == ("degraded", "IndexInvalid")
        assert "(slow)" in found.message
        database.sql("REINDEX INDEX query.slow")
        assert told(await one.later(60)) == ("ok", "Reached")


async def test_a_whole_day_without_a_vacuum_counts_once_autovacuum_had_its_time(
    database: Database, login: Login, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health, "_BEHIND_BYTES", 100_000)
    name = partition(database, "vm_metrics", -1)
    database.sql(f"ALTER TABLE {name} SET (autovacuum_enabled = off)")
    async with pod(database, login) as one:
        database.sql(
            "INSERT INTO query.vm_metrics (vm_id, timestamp) SELECT gen_random_uuid(), "
            "date_trunc('day', now(), 'UTC') - interval '1 hour' FROM generate_series(1, 5000)"
        )
        assert told(await one.later(0)) == ("ok", "Reached")
        assert told(await one.later(_QUARTER - 1)) == ("ok", "Reached")
        found = await one.later(60)
        assert told(found) == ("degraded", "VacuumBehind")
        assert name.removeprefix("query.") in found.message
        database.sql(f"VACUUM ANALYZE {name}")
        assert told(await one.later(60)) == ("ok", "Reached")


@pytest.mark.parametrize(
    ("ok", "late", "state"),
    [
        pytest.param(95, 5, "degraded", id="one-of-twenty"),
        pytest.param(0, 4, "ok", id="too-few-to-say"),
        pytest.param(200, 10, "ok", id="a-small-share"),
    ],
)
async def test_questions_that_are_given_up_count_by_their_share_of_the_last_minutes(
    database: Database, login: Login, ok: int, late: int, state: str
) -> None:
    async with pod(database, login) as one:
        one.answered(ok=10, late=100)
        assert told(await one.later(0)) == ("ok", "Reached")
        one.answered(ok, late)
        found = await one.later(60)
        assert told(found) == ((state, "QueriesTimedOut") if state == "degraded" else ("ok", "Reached"))
        for _ in range(3):
            assert (await one.later(60)).state == state
        assert told(await one.later(120)) == ("ok", "Reached")


async def test_several_things_are_told_together_and_the_gravest_is_the_reason(database: Database, login: Login) -> None:
    for parent in ("vm_metrics", "vm_rollup_1m"):
        for days in (0, 1):
            database.sql(f"DROP TABLE {partition(database, parent, days)}")
    async with pod(database, login) as one:
        await one.later(0)
        one.answered(ok=0, late=20)
        found = await one.later(60)
    assert told(found) == ("degraded", "PartitionMissing")
    assert "and 1 more" in found.message
    assert "take too long too often" in found.message


async def test_while_nobody_can_look_nothing_is_said_of_queries(database: Database, login: Login) -> None:
    async with pod(database, login) as one:
        await one.later(0)
        database.server.sql(f"REVOKE CONNECT ON DATABASE {database.name} FROM PUBLIC")
        database.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = %s", login.name)
        found = await one.later(60)
        assert found.state == "down"
        database.server.sql(f"GRANT CONNECT ON DATABASE {database.name} TO PUBLIC")
        assert told(await one.later(5)) == ("ok", "Reached")


def test_a_pod_says_so_and_stays_ready(tmp_path: Path, postgres: Postgres, redis_server: RedisServer) -> None:
    files: dict[str, str | bytes] = {"password": REDIS_PASSWORD, "ca.crt": redis_server.ca}
    pods = QueryPods(tmp_path, postgres, redis_server, files)
    pods.database.sql(f"DROP TABLE {partition(pods.database, 'vm_metrics', 1)}")
    with pods:
        found = pods.pod.until_dependency("queries", "degraded", "PartitionMissing")
        assert (found["required"], found["secret"]) == (False, None)
        assert pods.pod.ready().status == 200
        assert pods.pod.metrics()['novacron_dependency_up{dependency="queries"}'] == 1
