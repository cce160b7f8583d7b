"""Whose tables they are, on a real server: `novacron migrate` and `/ready` refuse others, and name the difference."""

from __future__ import annotations

import shutil
from pathlib import Path

import psycopg
import pytest

from novacron.adapters import migrations, structure
from novacron.adapters.database_roles import prepare
from novacron.adapters.libpq import Login as LibpqLogin
from novacron.adapters.libpq import Server
from novacron.adapters.maintenance import exclusive, session
from novacron.adapters.schema import files, schema_state
from tests.support.database import Database, Login

_MADE = """
SELECT c.relname, c.relkind::text, a.attname, t.typname, false
FROM pg_class AS c JOIN pg_attribute AS a ON a.attrelid = c.oid JOIN pg_type AS t ON t.oid = a.atttypid
WHERE relnamespace = %s::regnamespace AND relkind IN ('r', 'p', 'v') AND NOT relispartition AND attnum > 0
AND NOT attisdropped AND relname !~ '^_yoyo'
"""


@pytest.fixture
def owner(database: Database) -> Login:
    return database.owner()


@pytest.mark.parametrize("schema", ["auth", "query"])
def test_what_is_expected_is_what_each_migration_makes(
    database: Database, owner: Login, schema: str, tmp_path: Path
) -> None:
    server = Server("127.0.0.1", database.server.port, database.name, "verify-full")
    login = LibpqLogin(owner.name, owner.password, database.server.ca)
    (tmp_path / "steps" / schema).mkdir(parents=True)
    with session(server, login) as connection, exclusive(connection, 5):
        prepare(connection, [schema], [])
        for file in files(schema):
            shutil.copy(file.path, tmp_path / "steps" / schema)
            assert [*migrations.migrate(connection, schema, tmp_path / "steps")] == [file.id]
            assert structure.compared(connection, schema, file.id) == ""
            made = structure.read(connection.execute(_MADE, (schema,)))
            assert made == structure.expected(schema, file.id), "adapters/columns.py says it all"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("DROP TABLE query.vm_latest", "table query.vm_latest is missing"),
        ("ALTER TABLE query.vms DROP COLUMN cpu_cores", "query.vms lacks column cpu_cores"),
        ("ALTER TABLE query.vms ALTER memory_mb TYPE bigint", "query.vms.memory_mb is int8 instead of int4"),
        ("ALTER TABLE query.vms ADD owner text NOT NULL", "query.vms has a column owner that needs a value"),
        ("DROP VIEW auth.user_directory", "view auth.user_directory is missing"),
        (
            "DROP TABLE query.vm_rollup_5m;"
            "CREATE TABLE query.vm_rollup_5m (bucket timestamptz, vm_id uuid, cpu_max float8)",
            "query.vm_rollup_5m is a table instead of a partitioned table",
        ),
    ],
)
async def test_tables_that_are_not_ours_are_refused_by_either_run_and_by_a_pod(
    database: Database, owner: Login, change: str, said: str
) -> None:
    assert database.migrate(owner).outcome == "migrated"
    database.sql(change)
    report = database.migrate(owner)
    assert (report.outcome, report.reason, report.applied) == ("refused", "SchemaDiffers", 0)
    assert f"is not what its migrations made: {said}; restore it" in report.message
    assert database.migrate(owner, upkeep=True).reason == "SchemaDiffers"
    schema = "auth" if "auth." in change else "query"
    assert await _differs(database, schema) == said


async def test_what_somebody_added_hinders_nobody(database: Database, owner: Login) -> None:
    assert database.migrate(owner).outcome == "migrated"
    database.sql(
        "ALTER TABLE query.vms ADD note text; ALTER TABLE query.vms ADD at timestamptz NOT NULL DEFAULT now();"
        "ALTER TABLE auth.users ADD number bigint GENERATED ALWAYS AS IDENTITY; CREATE TABLE query.mine (a int)"
    )
    assert database.migrate(owner).outcome == "current"
    assert database.migrate(owner, upkeep=True).outcome == "kept"
    assert await _differs(database, "query") == ""


async def _differs(database: Database, schema: str) -> str:
    login = database.login(f"novacron_{schema}")
    async with await psycopg.AsyncConnection.connect(
        host="127.0.0.1", port=database.server.port, dbname=database.name, user=login.name, password=login.password
    ) as connection:
        return (await schema_state(connection, schema)).differs


async def test_of_a_newer_version_s_tables_nothing_is_known(database: Database, owner: Login) -> None:
    """It may have dropped what nobody reads any more; its pods and this version's run beside each other."""
    assert database.migrate(owner).outcome == "migrated"
    database.sql(
        "ALTER TABLE query.vms DROP COLUMN cpu_cores;"
        "INSERT INTO query._yoyo_migration VALUES (repeat('0', 64), '9999-from-the-future', now())"
    )
    assert await _differs(database, "query") == ""
    assert database.migrate(owner).reason == "SchemaNewer"
    assert database.migrate(owner, upkeep=True).outcome == "kept"


@pytest.mark.parametrize("also", ["", "DELETE FROM query._yoyo_migration"], ids=["no table", "an empty one"])
def test_tables_without_migrations_are_somebody_else_s(database: Database, owner: Login, also: str) -> None:
    assert database.migrate(owner).outcome == "migrated"
    database.sql(also or "DROP TABLE query._yoyo_migration, query._yoyo_log, query._yoyo_version")
    database.sql('CREATE TABLE query."canary of a name" (); DROP TABLE query.vm_metrics, query.vm_rollup_1m')
    report = database.migrate(owner)
    assert (report.outcome, report.reason, report.applied) == ("refused", "SchemaForeign", 0)
    assert "schema query has of another name, vm_latest, vm_rollup_5m and " in report.message
    assert "give NovaCron a database of its own, or restore" in report.message
