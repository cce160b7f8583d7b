"""Migrations on a real server: fresh, again, two at once, cut off in the middle, refused, repaired."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from novacron.adapters import migrations
from novacron.adapters.database_roles import prepare
from novacron.adapters.libpq import Login as LibpqLogin
from novacron.adapters.libpq import Server
from novacron.adapters.maintenance import LOCK, Session, exclusive, session
from novacron.adapters.schema import MIGRATIONS, MigrationError, MigrationFailed, SchemaState, files, schema_state
from novacron.core.dependencies import Unusable
from tests.support.database import Database, Login
from tests.support.migration_process import MigrationProcess
from tests.support.waiting import until

LAST = files("auth")[-1].id
NUMBER = len(files("auth"))
SCHEMAS = {schema: files(schema)[-1].id for schema in ("auth", "query")}
ALL = NUMBER + len(files("query"))
_APPLIED = "SELECT migration_id FROM auth._yoyo_migration ORDER BY 1"


@pytest.fixture
def owner(database: Database) -> Login:
    return database.owner()


@contextmanager
def opened(database: Database, owner: Login) -> Iterator[Session]:
    """A session as the command has it, with schema auth made and empty."""
    server = Server("127.0.0.1", database.server.port, database.name, "verify-full", "novacron-migrate")
    login = LibpqLogin(owner.name, owner.password, database.server.ca)
    with session(server, login) as connection, exclusive(connection, 5):
        prepare(connection, ["auth"], [])
        yield connection


@pytest.fixture
def folder(tmp_path: Path) -> Callable[..., Path]:
    """Migrations of a version of its own, by their text."""
    root = tmp_path / "migrations"

    def written(*texts: str, first: int = 1) -> Path:
        (root / "auth").mkdir(parents=True, exist_ok=True)
        for number, text in enumerate(texts, first):
            (root / "auth" / f"{number:04}-step.sql").write_text(text)
        return root

    return written


def test_a_fresh_database_gets_all_and_the_second_run_finds_nothing_to_do(database: Database, owner: Login) -> None:
    report = database.migrate(owner)
    assert report.document() == {
        "outcome": "migrated",
        "reason": "Migrated",
        "message": f"{ALL} migrations were applied",
        "schemas": SCHEMAS,
        "applied": ALL,
        "made": {},
        "dropped": {},
        "deleted": {},
    }
    noted = "SELECT * FROM auth._yoyo_migration UNION ALL SELECT * FROM query._yoyo_migration ORDER BY 1"
    before = database.sql(noted)
    again = database.migrate(owner)
    assert (again.outcome, again.reason, again.applied, again.schemas) == ("current", "Current", 0, SCHEMAS)
    assert database.sql(noted) == before
    assert database.sql("SELECT tablename FROM pg_tables WHERE schemaname = 'public'") == []
    foreign = "SELECT tablename FROM pg_tables WHERE schemaname IN ('auth', 'query') AND tableowner <> 'novacron_owner'"
    assert database.sql(foreign) == []


def test_of_two_runners_one_waits_and_nothing_is_applied_twice(
    database: Database, owner: Login, tmp_path: Path
) -> None:
    runs = [MigrationProcess(tmp_path / str(number), database.migration(owner)) for number in range(2)]
    with database.connect() as other:  # so that both are at the lock before either goes on
        other.execute("SELECT pg_advisory_lock(%s)", (LOCK,))
        for run in runs:
            run.start()
        until(lambda: all("waiting for another run" in run.log() for run in runs), "both wait")
    assert [run.ended() for run in runs] == [0, 0], [run.log() for run in runs]
    assert sorted(run.message()["applied"] for run in runs) == [0, ALL]
    assert len(database.sql(_APPLIED)) == NUMBER


def test_who_waits_too_long_is_told_for_whom(database: Database, owner: Login) -> None:
    with database.connect(application_name="canary application") as other:
        other.execute("SELECT pg_advisory_lock(%s)", (LOCK,))
        report, pid = database.migrate(owner, wait=0.2), other.info.backend_pid
    assert (report.outcome, report.reason) == ("failed", "LockTimeout")
    assert f"server process {pid}" in report.message
    assert "canary" not in report.message


def test_a_lock_that_is_held_too_long_is_an_outage_to_whoever_started_the_run(
    database: Database, owner: Login, tmp_path: Path
) -> None:
    with database.connect() as other:
        other.execute("SELECT pg_advisory_lock(%s)", (LOCK,))
        run = MigrationProcess(tmp_path, database.migration(owner), "--wait=0.2")
        assert run.run() == 3, run.log()
    assert run.message()["reason"] == "LockTimeout"


def test_a_run_killed_in_the_middle_leaves_nothing_half_done(
    database: Database, owner: Login, folder: Callable[..., Path], tmp_path: Path
) -> None:
    """The kill hits while the third migration waits, in its transaction, for a table that somebody else has locked."""
    root = folder()
    for file in files("auth")[:2]:
        shutil.copy(file.path, root / "auth")
    with opened(database, owner) as connection:
        assert len([*migrations.migrate(connection, "auth", root)]) == 2
    with database.connect() as other, other.transaction():
        other.execute("LOCK TABLE auth.audit IN ACCESS EXCLUSIVE MODE")
        with MigrationProcess(tmp_path / "killed", database.migration(owner)).start() as run:
            until(lambda: _waits_for_a_lock(database), "the run waits for the table")
            run.kill()
        until(lambda: not _holds(database), "the server gives the lock of the killed run back")
        assert len(database.sql(_APPLIED)) == 2
        assert database.sql("SELECT to_regproc('auth.make_audit_partitions')") == [(None,)]
    report = database.migrate(owner)
    assert (report.outcome, report.applied, report.schemas) == ("migrated", ALL - 2, SCHEMAS)


def _waits_for_a_lock(database: Database) -> bool:
    waiting = "SELECT 1 FROM pg_stat_activity WHERE application_name = 'novacron-migrate' AND wait_event = 'relation'"
    return len(database.sql(waiting)) == 1


def _holds(database: Database) -> bool:
    held = "SELECT 1 FROM pg_locks JOIN pg_database ON oid = database WHERE locktype = 'advisory' AND datname = %s"
    return len(database.sql(held, database.name)) > 0


def test_the_lock_of_a_run_whose_client_is_gone_is_free_soon(database: Database, owner: Login) -> None:
    """However long its statement would go on."""
    asleep = "SELECT 1 FROM pg_stat_activity WHERE datname = %s AND wait_event = 'PgSleep'"
    with opened(database, owner) as connection:
        statement = threading.Thread(target=_fails, args=(connection, "SELECT pg_sleep(600)"))
        statement.start()
        until(lambda: database.sql(asleep, database.name), "the statement runs")
        with socket.socket(fileno=os.dup(connection.pgconn.socket)) as line:
            line.shutdown(socket.SHUT_RDWR)
        statement.join()
        until(lambda: not _holds(database), "the server gives its lock back", 20)


def _fails(connection: Session, statement: str) -> None:
    with pytest.raises(psycopg.OperationalError):
        connection.execute(statement.encode())


def test_a_stale_row_in_the_librarys_own_lock_stops_nobody(database: Database, owner: Login) -> None:
    with opened(database, owner) as connection:
        connection.execute("CREATE TABLE auth.yoyo_lock (locked int PRIMARY KEY DEFAULT 1, ctime timestamp, pid int)")
        connection.execute("INSERT INTO auth.yoyo_lock VALUES (1, now(), 4711)")
    assert database.migrate(owner).applied == ALL


def test_an_index_left_invalid_is_built_again(database: Database, owner: Login, folder: Callable[..., Path]) -> None:
    table = "CREATE TABLE auth.things (name text);\n"
    index = (
        "-- transactional: false\n"
        "CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS things_name ON auth.things (name);\n"
        "CREATE INDEX CONCURRENTLY IF NOT EXISTS things_length ON auth.things (length(name));\n"
    )
    with opened(database, owner) as connection:
        assert [*migrations.migrate(connection, "auth", folder(table))] == ["0001-step"]
        connection.execute("INSERT INTO auth.things VALUES ('canary-row'), ('canary-row')")
        root = folder(index, first=2)
        with pytest.raises(MigrationFailed) as caught:
            [*migrations.migrate(connection, "auth", root)]
        assert caught.value.reason == "StatementFailed"
        assert "auth/0002-step, statement 1" in str(caught.value)
        assert "things_name" in str(caught.value)
        assert "canary" not in str(caught.value)
        assert _validity(database) == {"things_name": False}
        connection.execute("DELETE FROM auth.things")
        assert [*migrations.migrate(connection, "auth", root)] == ["0002-step"]
    assert _validity(database) == {"things_name": True, "things_length": True}


def _validity(database: Database) -> dict[str, bool]:
    found = "SELECT c.relname, i.indisvalid FROM pg_index AS i JOIN pg_class AS c ON c.oid = i.indexrelid"
    return dict(database.sql(f"{found} WHERE c.relname ~ '^things_'"))


def test_a_migration_is_whole_or_not_there(database: Database, owner: Login, folder: Callable[..., Path]) -> None:
    root = folder("CREATE TABLE auth.one ();\nSELECT 1 / 0;\n")
    with opened(database, owner) as connection:
        with pytest.raises(MigrationFailed, match=r"auth/0001-step, statement 2: SQLSTATE 22012 DivisionByZero"):
            [*migrations.migrate(connection, "auth", root)]
        assert migrations.applied(connection, "auth") == ()
        assert connection.execute("SELECT to_regclass('auth.one')").fetchall() == [(None,)]
        assert [*migrations.migrate(connection, "auth", folder("CREATE TABLE auth.one ();\n"))] == ["0001-step"]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda root: (root / "auth" / "0001-step.sql").write_text("CREATE TABLE auth.other ();"), "ChecksumMismatch"),
        (lambda root: (root / "auth" / "0003-step.sql").unlink(), "SchemaNewer"),
        (lambda root: (root / "auth" / "0000-early.sql").write_text("CREATE TABLE auth.early ();"), "OutOfOrder"),
    ],
)
def test_a_history_that_is_not_this_versions_is_refused(
    database: Database, owner: Login, folder: Callable[..., Path], change: Callable[[Path], object], reason: str
) -> None:
    root = folder(*(f"CREATE TABLE auth.table_{number} ();" for number in range(3)))
    with opened(database, owner) as connection:
        assert len([*migrations.migrate(connection, "auth", root)]) == 3
        change(root)
        (root / "auth" / "0004-step.sql").write_text("CREATE TABLE auth.never ();")
        with pytest.raises(MigrationError) as caught:
            [*migrations.migrate(connection, "auth", root)]
        assert caught.value.reason == reason
        assert connection.execute("SELECT to_regclass('auth.never')").fetchall() == [(None,)]


def test_a_database_of_a_newer_version_is_refused_by_the_command(database: Database, owner: Login) -> None:
    database.migrate(owner)
    database.sql("INSERT INTO auth._yoyo_migration VALUES (repeat('0', 64), '9999-from-the-future', now())")
    report = database.migrate(owner)
    assert (report.outcome, report.reason) == ("refused", "SchemaNewer")
    assert "auth has 9999-from-the-future, unknown here: run the version that made it" in report.message


def test_a_lock_on_a_table_is_waited_for_in_steps(
    database: Database, owner: Login, folder: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(migrations, "_TRANSACTION", {"statement": "1min", "lock": "100ms"})
    monkeypatch.setattr(migrations, "_PAUSE_SECONDS", 0.05)
    with opened(database, owner) as connection:
        [*migrations.migrate(connection, "auth", folder("CREATE TABLE auth.busy ();"))]
        root = folder("ALTER TABLE auth.busy ADD COLUMN a int;", first=2)
        with database.connect() as other:
            other.execute("BEGIN; LOCK TABLE auth.busy")
            with pytest.raises(MigrationFailed) as caught:
                [*migrations.migrate(connection, "auth", root)]
            assert caught.value.reason == "LockTimeout"
            timer = threading.Timer(0.3, lambda: other.execute("COMMIT"))
            timer.start()
            assert [*migrations.migrate(connection, "auth", root)] == ["0002-step"]
            timer.join()


def test_a_connection_that_breaks_is_an_outage(database: Database, owner: Login, folder: Callable[..., Path]) -> None:
    root = folder("CREATE TABLE auth.gone ();\nDO $$ BEGIN PERFORM pg_sleep(60); END $$;\n")
    asleep = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s AND wait_event = 'PgSleep'"
    ending = threading.Thread(target=until, args=(lambda: database.sql(asleep, database.name), "the migration sleeps"))
    ending.start()
    with pytest.raises(Unusable), opened(database, owner) as connection:
        [*migrations.migrate(connection, "auth", root)]
    ending.join()
    assert database.sql("SELECT to_regclass('auth.gone')") == [(None,)]
    assert database.migrate(owner).outcome == "migrated"


async def test_a_workload_sees_how_far_its_schema_is(database: Database, owner: Login) -> None:
    early = database.login()
    assert await _state(database, early) == SchemaState(LAST, "")
    database.migrate(owner)
    workload = database.login("novacron_auth")
    assert await _state(database, workload) == SchemaState(LAST, LAST)
    assert await _state(database, early) == SchemaState(LAST, ""), "who may not see it is told as if it were not there"
    database.sql("DELETE FROM auth._yoyo_migration WHERE migration_id = %s", LAST)
    state = await _state(database, workload)
    assert (state.found, state.sufficient) == (files("auth")[-2].id, False)


async def _state(database: Database, login: Login) -> SchemaState:
    async with await psycopg.AsyncConnection.connect(
        host="127.0.0.1", port=database.server.port, dbname=database.name, user=login.name, password=login.password
    ) as connection:
        return await schema_state(connection, "auth")


def test_the_files_are_in_the_package() -> None:
    assert MIGRATIONS.is_dir()
    assert NUMBER > 0
    program = "from novacron.adapters.schema import files; print(len(files('auth')))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd="/")
    assert done.stdout.strip() == str(NUMBER)
