"""Who may do what in the database: the login that migrates, the workloads' roles, what an administrator must run."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from psycopg import errors

from novacron.adapters.database_roles import script
from tests.support.certificates import Authority
from tests.support.database import ROLES, Database, Login
from tests.support.migration_process import MigrationProcess
from tests.support.postgres import Postgres
from tests.support.waiting import until


@pytest.fixture(scope="module")
def own_server(authority: Authority) -> Iterator[Postgres]:
    """Our roles are the whole server's: where they must not be there, no other test's server will do."""
    with Postgres(authority) as running:
        yield running


@pytest.fixture
def virgin(own_server: Postgres) -> Iterator[Postgres]:
    """A server without our roles."""
    yield own_server
    for (name,) in own_server.sql("SELECT datname FROM pg_database WHERE datname ~ '^database_'"):
        own_server.sql(f"DROP DATABASE {name}")
    for (name,) in own_server.sql("SELECT rolname FROM pg_roles WHERE rolname ~ '^novacron_'"):
        own_server.sql(f"DROP ROLE {name}")


@pytest.fixture
def database(virgin: Postgres, tmp_path: Path) -> Database:
    return Database(virgin, tmp_path / "logins")


@pytest.fixture
def migrated(postgres: Postgres, tmp_path: Path) -> Database:
    """On the server of all tests."""
    found = Database(postgres, tmp_path / "logins")
    assert found.migrate(found.owner()).outcome in ("migrated", "current")
    return found


@pytest.mark.parametrize("owns", [True, False])
def test_a_login_without_the_right_fails_with_the_sql_and_succeeds_after_it(
    database: Database, tmp_path: Path, owns: bool
) -> None:
    login = database.owner(options="") if owns else database.login()
    workload = database.login()
    run = MigrationProcess(tmp_path / "first", database.migration(login, shared=()))
    assert run.run() == 1
    message = run.message()
    assert (message["outcome"], message["reason"], message["schemas"]) == ("refused", "RightMissing", {})
    assert script() in run.log()
    assert database.sql("SELECT count(*) FROM pg_roles WHERE rolname ~ '^novacron_'") == [(0,)]

    for _ in range(2):  # again, it changes nothing
        database.script(script(), migrate=login, auth=workload, query=workload)
    assert database.migrate(login, shared=()).outcome == "migrated"
    assert database.sql("SELECT count(*) FROM auth.users", login=workload) == [(0,)]
    assert database.sql("SELECT count(*) FROM auth.user_directory", login=workload) == [(0,)]


@pytest.mark.parametrize("options", ["CREATEROLE", "SUPERUSER"])
def test_a_login_that_may_makes_the_roles_itself(database: Database, options: str) -> None:
    login = database.owner(options)
    assert database.migrate(login, shared=("auth", "query")).outcome == "migrated"
    found = "SELECT rolname, rolcanlogin, rolsuper FROM pg_roles WHERE rolname ~ '^novacron_' ORDER BY 1"
    assert database.sql(found) == [(role, False, False) for role in sorted(ROLES)]
    usable = [(True,)] * 3
    assert database.sql("SELECT pg_has_role(%s, unnest(%s::text[]), 'USAGE')", login.name, list(ROLES)) == usable
    assert database.migrate(login, shared=("auth", "query")).outcome == "current"


def test_a_login_of_its_own_gets_no_role_of_a_workload(migrated: Database) -> None:
    login = migrated.owner(roles=["novacron_owner"])
    assert migrated.migrate(login, shared=()).outcome == "current"
    asked = "SELECT rolname FROM pg_auth_members JOIN pg_roles AS r ON r.oid = roleid WHERE member = %s::regrole"
    assert migrated.sql(asked, login.name) == [("novacron_owner",)]


def test_two_databases_of_one_server_share_the_roles(database: Database, virgin: Postgres, tmp_path: Path) -> None:
    other = Database(virgin, tmp_path / "other")
    assert [one.migrate(one.owner()).outcome for one in (database, other)] == ["migrated", "migrated"]


def test_a_schema_of_somebody_else_is_left_alone(postgres: Postgres, tmp_path: Path) -> None:
    database = Database(postgres, tmp_path / "logins")
    database.sql("CREATE SCHEMA auth")
    report = database.migrate(database.owner())
    assert (report.outcome, report.reason) == ("refused", "SchemaForeign")
    assert "give NovaCron a database of its own" in report.message


FORBIDDEN = {
    "auth": (
        "novacron_auth",
        (
            "CREATE TABLE auth.mine ()",
            "ALTER TABLE auth.users ADD COLUMN a int",
            "DROP TABLE auth.users",
            "TRUNCATE auth.users",
            "DELETE FROM auth.users",
            "DELETE FROM auth.sessions",
            "DELETE FROM auth.refresh_tokens",
            "UPDATE auth.revocations SET at = now()",
            "DELETE FROM auth.revocations",
            "UPDATE auth.audit SET type = 'x'",
            "DELETE FROM auth.audit",
            "TRUNCATE auth.audit",
            "UPDATE {partition} SET type = 'x'",
            "DELETE FROM {partition}",
            "DROP TABLE {partition}",
            "INSERT INTO auth._yoyo_migration VALUES ('a', 'b', now())",
            "DELETE FROM auth._yoyo_migration",
            "CALL auth.make_audit_partitions(1)",
            "SET ROLE novacron_owner",
        ),
    ),
    "query": (
        "novacron_query",
        (
            "SELECT password_hash FROM auth.users",
            "SELECT id FROM auth.users",
            "SELECT password_hash FROM auth.user_directory",
            "UPDATE auth.user_directory SET email = 'x'",
            "DELETE FROM auth.user_directory",
            "SELECT id FROM auth.sessions",
            "SELECT sha256 FROM auth.refresh_tokens",
            "SELECT id FROM auth.service_accounts",
            "SELECT id FROM auth.audit",
            "SELECT id FROM {partition}",
            "INSERT INTO auth.audit (type) VALUES ('x')",
            "CREATE TABLE auth.mine ()",
            "SET ROLE novacron_auth",
            "CREATE TABLE query.mine ()",
            "ALTER TABLE query.vms ADD COLUMN a int",
            "DELETE FROM query.vms",
            "TRUNCATE query.vms",
            "UPDATE query.vm_metrics SET cpu_usage = 1",
            "DELETE FROM query.vm_metrics",
            "TRUNCATE query.vm_metrics",
            "DELETE FROM query.vm_latest",
            "DELETE FROM query.vm_rollup_1m",
            "DELETE FROM query.vm_rollup_5m",
            "TABLE {day}",
            "INSERT INTO {day} (vm_id, timestamp) VALUES (gen_random_uuid(), now())",
            "DROP TABLE {day}",
            "INSERT INTO query._yoyo_migration VALUES ('a', 'b', now())",
            "CALL query.make_partitions(1, 1)",
            "SET ROLE novacron_owner",
        ),
    ),
    "auth in query's schema": ("novacron_auth", ("TABLE query.vms", "TABLE query.vm_metrics", "TABLE {day}")),
}


@pytest.mark.parametrize("user", FORBIDDEN)
def test_a_workload_may_not(migrated: Database, user: str) -> None:
    role, statements = FORBIDDEN[user]
    login = migrated.login(role)
    partition, day = (
        migrated.sql("SELECT max(inhrelid::regclass::text) FROM pg_inherits WHERE inhparent = %s::regclass", parent)
        for parent in ("auth.audit", "query.vm_metrics")
    )
    with migrated.connect(login) as connection:
        for statement in statements:
            with pytest.raises((errors.InsufficientPrivilege, errors.UndefinedColumn)):
                connection.execute(statement.format(partition=partition[0][0], day=day[0][0]).encode())


def test_auth_may_do_its_work(migrated: Database) -> None:
    login = migrated.login("novacron_auth")
    person = _person(migrated, login)
    with migrated.connect(login) as connection:
        session = "INSERT INTO auth.sessions (user_id, expires_at, network, user_agent) VALUES (%s, now(), '', '')"
        connection.execute(session, (person,))
        connection.execute("UPDATE auth.sessions SET ended_at = now(), end_reason = 'logout'")
        connection.execute("INSERT INTO auth.audit (type, subject) VALUES ('login', %s)", (person,))
        revoked = "INSERT INTO auth.revocations (sub, not_before, active, expires_at) VALUES (%s, now(), false, now())"
        connection.execute(revoked, (person,))
        assert connection.execute("SELECT count(*) FROM auth.audit").fetchall() == [(1,)]
        with pytest.raises(errors.CheckViolation):  # a month that nobody made: better an error than a lost order
            connection.execute("INSERT INTO auth.audit (at, type) VALUES ('2020-01-01', 'x')")


def test_query_may_do_its_work(migrated: Database) -> None:
    vm = "INSERT INTO query.vms VALUES (%s, %s, 'n', 'error', 1, 1)"
    with migrated.connect(migrated.login("novacron_query")) as connection, connection.transaction():
        id_ = uuid4()
        connection.execute(vm, (id_, uuid4()))
        connection.execute("UPDATE query.vms SET deleted_at = now() WHERE id = %s", (id_,))
        connection.execute("CREATE TEMPORARY TABLE given (LIKE query.vm_metrics) ON COMMIT DROP")
        connection.execute("INSERT INTO given (vm_id, timestamp, cpu_usage) VALUES (%s, now(), 50)", (id_,))
        connection.execute("INSERT INTO query.vm_metrics TABLE given ON CONFLICT DO NOTHING")
        latest = (
            "INSERT INTO query.vm_latest TABLE given ON CONFLICT (vm_id) DO UPDATE SET cpu_usage = excluded.cpu_usage"
        )
        connection.execute(latest)
        bucket = "INSERT INTO query.vm_rollup_5m VALUES (date_bin('5 min', now(), '2000-01-01'), %s, 50)"
        connection.execute(f"{bucket} ON CONFLICT (bucket, vm_id) DO UPDATE SET cpu_max = excluded.cpu_max", (id_,))
        samples = "SELECT cpu_usage FROM query.vm_metrics WHERE vm_id = %s"
        assert connection.execute(samples, (id_,)).fetchall() == [(50,)]
        with pytest.raises(errors.CheckViolation):  # a day that nobody made
            connection.execute("INSERT INTO query.vm_metrics (vm_id, timestamp) VALUES (%s, '2020-01-01')", (id_,))


def test_where_temporary_tables_are_not_everybody_s_query_is_given_the_right(
    database: Database, tmp_path: Path
) -> None:
    database.sql(f"REVOKE TEMPORARY ON DATABASE {database.name} FROM PUBLIC")
    stranger, workload = database.login(), database.login()
    run = MigrationProcess(tmp_path / "first", database.migration(stranger, shared=()))
    assert (run.run(), run.message()["reason"]) == (1, "RightMissing")
    asked = "SELECT has_database_privilege(%s, current_database(), 'TEMPORARY')"
    database.script(script(), migrate=stranger, auth=workload, query=workload)
    assert database.sql(asked, workload.name) == [(True,)]
    database.sql(f"REVOKE TEMPORARY ON DATABASE {database.name} FROM novacron_query")
    report = database.migrate(stranger, shared=())
    assert (report.outcome, report.reason) == ("refused", "RightMissing")
    assert database.migrate(database.owner()).outcome == "migrated"
    assert database.sql(asked, workload.name) == [(True,)]


def test_query_reads_people_without_their_credentials(migrated: Database) -> None:
    _person(migrated, migrated.login("novacron_auth"))
    with migrated.connect(migrated.login("novacron_query")) as connection:
        cursor = connection.execute("SELECT * FROM auth.user_directory")
        assert [column.name for column in cursor.description or ()] == [
            "id", "email", "username", "status", "created_at", "updated_at", "last_login", "role", "organization_id",
        ]  # fmt: skip
        assert len(cursor.fetchall()) == 1


def _person(database: Database, login: Login) -> str:
    organization = database.sql("INSERT INTO auth.organizations (name) VALUES ('o') RETURNING id", login=login)[0][0]
    row = "INSERT INTO auth.users (organization_id, email, username, role, password_hash) VALUES (%s, %s, %s, %s, %s)"
    values = (organization, "a@example.com", "a", "viewer", "canary-hash")
    return str(database.sql(f"{row} RETURNING id", *values, login=login)[0][0])


def test_the_command_says_wrong_usage_and_an_outage_apart(postgres: Postgres, tmp_path: Path) -> None:
    database = Database(postgres, tmp_path / "logins")
    login = database.owner()
    invalid = MigrationProcess(tmp_path / "invalid", database.migration(login) | {"schemas": ["canary"]})
    assert invalid.run() == 2
    assert (invalid.message()["reason"], "schemas" in invalid.message()["message"]) == ("SettingsInvalid", True)
    wrong = MigrationProcess(tmp_path / "wrong", database.migration(login, name="nowhere"), "--wait=0")
    assert wrong.run() == 3
    message = wrong.message()
    assert (message["outcome"], message["reason"]) == ("unreachable", "DatabaseMissing")
    assert "create it, or correct spec.database.name" in message["message"]
    files: dict[str, str | bytes] = {"username": login.name, "password": "canary-wrong", "ca.crt": postgres.ca}
    login.volume.replace(files)
    refused = MigrationProcess(tmp_path / "refused", database.migration(login), "--wait=0")
    assert refused.run() == 3
    assert refused.message()["reason"] == "AuthenticationFailed"
    for run in (invalid, wrong, refused):
        assert "canary" not in run.termination_log.read_text() + run.log()
        assert login.name not in run.termination_log.read_text() + run.log()


def test_without_a_file_for_the_message_none_is_made(postgres: Postgres, tmp_path: Path) -> None:
    database = Database(postgres, tmp_path / "logins")
    run = MigrationProcess(tmp_path / "run", database.migration(database.owner()))
    run.termination_log.unlink()
    assert run.run() == 0
    assert not run.termination_log.exists()


def test_the_database_is_waited_for(postgres: Postgres, tmp_path: Path) -> None:
    database = Database(postgres, tmp_path / "logins")
    login = database.owner()
    good: dict[str, str | bytes] = {"username": login.name, "password": login.password, "ca.crt": postgres.ca}
    login.volume.replace(good | {"password": "canary-of-yesterday"})
    with MigrationProcess(tmp_path / "run", database.migration(login), "--wait=60").start() as run:
        until(lambda: "the database is tried again" in run.log(), "it was refused once")
        login.volume.replace(good)
        assert run.ended() == 0
    assert "canary" not in run.log()


def test_a_standby_is_waited_for_as_for_an_outage(database: Database, virgin: Postgres) -> None:
    login = database.owner()
    virgin.demote()
    try:
        report = database.migrate(login, wait=0)
    finally:
        virgin.promote()
    assert (report.outcome, report.reason) == ("unreachable", "NotServing")
    assert "it is a standby, which takes no changes" in report.message
    assert database.migrate(login).outcome == "migrated"
