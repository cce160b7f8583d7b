"""Upkeep of schema auth on a real server: months ahead, retention behind, batches, and twice in a row."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest

from novacron.adapters import retention
from novacron.adapters.maintenance import LOCK
from novacron.adapters.schema import files
from novacron.auth.service import upkeep
from novacron.core.migration import Upkeep
from tests.support.database import Database, Login
from tests.support.migration_process import MigrationProcess
from tests.support.postgres import Postgres

_PARTITIONS = "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'auth.audit'::regclass ORDER BY 1"
_TABLES = "SELECT 'auth.' || relname FROM pg_class WHERE relkind = 'r' AND relname ~ '^audit_' ORDER BY 1"


@pytest.fixture
def owner(database: Database) -> Login:
    login = database.owner()
    assert database.migrate(login).outcome == "migrated"
    return login


def month(offset: int) -> str:
    """The partition of a month, counted from the running one."""
    now = datetime.now(UTC)
    number = now.year * 12 + now.month - 1 + offset
    return f"auth.audit_{number // 12:04}_{number % 12 + 1:02}"


AHEAD = [month(offset) for offset in range(upkeep.MONTHS_AHEAD + 1)]


def test_months_ahead_are_there_after_the_migration_and_stay_so(database: Database, owner: Login) -> None:
    assert [name for (name,) in database.sql(_PARTITIONS)] == AHEAD
    for _ in range(2):
        report = database.migrate(owner, upkeep=True)
        assert (report.outcome, report.reason, report.applied, report.upkeep) == ("kept", "Kept", 0, Upkeep())
        assert [name for (name,) in database.sql(_PARTITIONS)] == AHEAD


def test_a_month_that_is_missing_is_made_by_either_run(database: Database, owner: Login) -> None:
    for again in (True, False):
        database.sql(f"DROP TABLE {AHEAD[-1]}")
        assert database.migrate(owner, upkeep=again).upkeep == Upkeep(made={"auth.audit": 1})
        assert [name for (name,) in database.sql(_PARTITIONS)] == AHEAD


def test_a_month_is_in_utc_wherever_the_server_is(database: Database, owner: Login) -> None:
    database.sql(f"ALTER DATABASE {database.name} SET timezone = 'Pacific/Kiritimati'")
    database.sql(f"DROP TABLE {AHEAD[-1]}")
    database.migrate(owner, upkeep=True)
    year, number = map(int, AHEAD[-1].split("_")[1:])
    first = datetime(year, number, 1, tzinfo=UTC)
    database.sql("INSERT INTO auth.audit (at, type) VALUES (%s, 'first')", first)
    assert database.sql("SELECT tableoid::regclass::text, type FROM auth.audit") == [(AHEAD[-1], "first")]


@pytest.fixture
def aged(database: Database, owner: Login) -> list[str]:
    """Partitions of the last 16 months, each with a row."""
    past = [month(-offset) for offset in range(16, 0, -1)]
    for name in past:
        year, number = map(int, name.split("_")[1:])
        first = datetime(year, number, 1, tzinfo=UTC)
        after = (first + timedelta(days=32)).replace(day=1)
        database.sql(f"CREATE TABLE {name} PARTITION OF auth.audit FOR VALUES FROM ('{first}') TO ('{after}')")
        database.sql(f"ALTER TABLE {name} OWNER TO novacron_owner")
        database.sql("INSERT INTO auth.audit (at, type) VALUES (%s, 'old')", first)
    return past


def kept(past: list[str]) -> list[str]:
    """Those of which a row may be younger than the retention."""
    oldest = datetime.now(UTC) - timedelta(days=upkeep.AUDIT_DAYS)
    return [name for name in past if name >= f"auth.audit_{oldest:%Y_%m}"]


def test_what_is_older_than_the_retention_goes_by_the_month(database: Database, owner: Login, aged: list[str]) -> None:
    assert 1 <= len(aged) - len(kept(aged)) <= 3
    report = database.migrate(owner, upkeep=True)
    dropped = len(aged) - len(kept(aged))
    assert (report.outcome, report.upkeep) == ("kept", Upkeep(dropped={"auth.audit": dropped}))
    assert report.message == f"partitions and retention are in order: 0 made, {dropped} dropped, 0 rows deleted"
    assert [name for (name,) in database.sql(_TABLES)] == kept(aged) + AHEAD
    assert database.sql("SELECT count(*) FROM auth.audit") == [(len(kept(aged)),)]


@pytest.mark.parametrize("state", ["detaching", "detached"])
def test_a_month_that_was_half_dropped_goes_too(database: Database, owner: Login, aged: list[str], state: str) -> None:
    oldest = aged[0]
    if state == "detached":
        database.sql(f"ALTER TABLE auth.audit DETACH PARTITION {oldest}")
    else:
        with database.connect() as reader, reader.transaction():
            reader.execute("SELECT count(*) FROM auth.audit")
            with (
                database.connect(options="-c statement_timeout=300") as cut,
                pytest.raises(psycopg.errors.QueryCanceled),
            ):
                cut.execute(f"ALTER TABLE auth.audit DETACH PARTITION {oldest} CONCURRENTLY".encode())
        assert database.sql("SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhdetachpending") == [(oldest,)]
    assert database.migrate(owner, upkeep=True).outcome == "kept"
    assert [name for (name,) in database.sql(_TABLES)] == kept(aged) + AHEAD


def test_what_has_run_out_goes_in_batches(database: Database, owner: Login, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "BATCH", 100)
    _fill(database)
    database.sql(
        "CREATE TABLE auth.seen (number bigint, rows bigint);"
        "GRANT ALL ON auth.seen TO novacron_owner;"
        "CREATE FUNCTION auth.note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        " INSERT INTO auth.seen SELECT txid_current(), count(*) FROM gone; RETURN NULL; END $$;"
        "CREATE TRIGGER note AFTER DELETE ON auth.revocations REFERENCING OLD TABLE AS gone"
        " FOR EACH STATEMENT EXECUTE FUNCTION auth.note();"
    )
    report = database.migrate(owner, upkeep=True)
    gone = {"auth.refresh_tokens": 2, "auth.sessions": 1, "auth.revocations": 1050}
    assert (report.outcome, report.upkeep) == ("kept", Upkeep(deleted=gone))
    assert database.sql("SELECT sum(rows) FROM auth.seen GROUP BY number ORDER BY number") == [(100,)] * 10 + [(50,)]
    assert database.sql("SELECT count(*), bool_and(expires_at > now() - interval '1 hour') FROM auth.revocations") == [
        (2, True)
    ]
    sessions = "SELECT round(extract(epoch FROM now() - expires_at) / 86400) FROM auth.sessions ORDER BY 1"
    assert database.sql(sessions) == [(-1,), (29,)]
    assert database.sql("SELECT count(*) FROM auth.refresh_tokens") == [(1,)]


def _fill(database: Database) -> None:
    database.sql(
        "INSERT INTO auth.revocations (jti, expires_at)"
        " SELECT number::text, now() - interval '2 hours' FROM generate_series(1, 1050) AS number;"
        "INSERT INTO auth.revocations (jti, expires_at)"
        " VALUES ('a', now() - interval '59 minutes'), ('b', now() + interval '1 hour');"
        "INSERT INTO auth.organizations (name) VALUES ('o');"
        "INSERT INTO auth.users (organization_id, email, username, role, password_hash)"
        " SELECT id, 'a@example.com', 'a', 'viewer', 'hash' FROM auth.organizations;"
        "INSERT INTO auth.sessions (user_id, expires_at, network, user_agent)"
        " SELECT id, now() + days * interval '1 day', '', '' FROM auth.users, unnest(ARRAY[1, -29, -31]) AS days;"
        "INSERT INTO auth.refresh_tokens (sha256, session_id, expires_at)"
        " SELECT sha256(id::text::bytea), id, expires_at FROM auth.sessions;"
    )


def test_upkeep_leaves_the_database_to_a_run_that_is_under_way(
    database: Database, owner: Login, tmp_path: Path
) -> None:
    with database.connect() as other:
        other.execute("SELECT pg_advisory_lock(%s)", (LOCK,))
        run = MigrationProcess(tmp_path / "run", database.migration(owner), "--upkeep")
        assert run.run() == 0
    assert (run.message()["outcome"], run.message()["reason"]) == ("skipped", "MigrationRunning")


def test_upkeep_waits_for_the_first_migration(postgres: Postgres, tmp_path: Path) -> None:
    database = Database(postgres, tmp_path / "fresh")
    login = database.owner("SUPERUSER")
    report = database.migrate(login, upkeep=True)
    assert (report.outcome, report.reason) == ("skipped", "SchemaOlder")
    database.migrate(login)
    last = files("auth")[-1].id
    database.sql("DELETE FROM auth._yoyo_migration WHERE migration_id = %s", last)
    report = database.migrate(login, upkeep=True)
    assert (report.outcome, report.reason) == ("skipped", "SchemaOlder")
    assert f"schema auth is not at {last} yet" in report.message


def test_upkeep_without_the_right_says_what_to_run(database: Database, owner: Login, tmp_path: Path) -> None:
    run = MigrationProcess(tmp_path / "run", database.migration(database.login()), "--upkeep")
    assert run.run() == 1
    assert run.message()["reason"] == "RightMissing"
    assert "GRANT novacron_owner TO" in run.log()
