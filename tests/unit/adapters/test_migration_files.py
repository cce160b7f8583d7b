"""Rules that every migration keeps; the runner relies on them."""

from __future__ import annotations

import re

import pytest
from yoyo.migrations import read_sql_migration

from novacron.adapters.database_roles import script
from novacron.adapters.migrations import CONCURRENT_INDEX
from novacron.adapters.schema import MIGRATIONS, File, files

FILES = {f"{schema}/{file.id}": file for schema in ("auth", "query") for file in files(schema)}
_VERBS = ("ALTER", "CALL", "COMMENT", "CREATE", "DROP", "GRANT", "INSERT", "REVOKE", "UPDATE")
"""No SELECT: the library would print its rows."""


def test_there_is_nothing_but_sql() -> None:
    found = {path.relative_to(MIGRATIONS).as_posix() for path in MIGRATIONS.rglob("*") if path.is_file()}
    assert found == {"database-roles.sql", *(f"{name}.sql" for name in FILES)}


@pytest.mark.parametrize("file", FILES.values(), ids=FILES)
def test_the_library_reads_a_file_as_it_is_meant(file: File) -> None:
    file.path.read_text("ascii")  # it opens some files in the encoding of the place
    _, _, statements = read_sql_migration(str(file.path))
    assert statements
    for statement in statements:
        words = re.sub(r"--.*", "", statement).split()
        assert words[0] in _VERBS, statement
        assert words[-1].endswith(";"), statement


@pytest.mark.parametrize("file", FILES.values(), ids=FILES)
def test_an_index_built_concurrently_can_be_built_again(file: File) -> None:
    directives, _, statements = read_sql_migration(str(file.path))
    concurrent = [statement for statement in statements if "CONCURRENTLY" in statement.upper()]
    if directives.get("transactional") == "false":
        assert concurrent == statements, "what is outside of a transaction must stand being run twice"
        assert all(len(CONCURRENT_INDEX.findall(statement)) == 1 for statement in statements)
    else:
        assert concurrent == []


def test_the_script_of_the_administrator_names_roles_and_logins() -> None:
    assert set(re.findall(r':"(\w+)"', script())) == {"migrate", "auth", "query"}
    assert {"novacron_owner", "novacron_auth", "novacron_query"} <= set(re.findall(r"\w+", script()))
