from __future__ import annotations

from dataclasses import replace

import pytest

from novacron.adapters.columns import COLUMNS
from novacron.adapters.schema import files
from novacron.adapters.structure import Relation, differences, expected, read

WANTED = {
    "vms": Relation("table", {"id": "uuid", "name": "text"}),
    "samples": Relation("partitioned table", {"vm_id": "uuid", "at": "timestamptz"}),
    "directory": Relation("view", {"id": "uuid"}),
}


def seen(**changes: Relation | None) -> str:
    """What is said where the database has what is wanted, but for the changes."""
    there = {name: found for name, one in WANTED.items() if (found := changes.get(name, one)) is not None}
    return differences("query", WANTED, there)


@pytest.mark.parametrize("schema", COLUMNS)
def test_each_migration_that_is_told_of_is_there(schema: str) -> None:
    assert COLUMNS[schema].keys() <= {file.id for file in files(schema)}
    assert [*COLUMNS[schema]] == sorted(COLUMNS[schema])


def test_what_a_later_migration_makes_is_not_expected_before() -> None:
    assert "organization_directory" not in expected("auth", "0003-audit-partitions")
    assert expected("auth", "0004-organization-directory")["organization_directory"].kind == "view"
    assert expected("auth", "") == {}
    assert expected("query", "9999-from-the-future") == expected("query", "0001-metrics")


def test_what_is_ours_differs_in_nothing() -> None:
    assert seen() == ""


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"vms": None}, "table query.vms is missing"),
        ({"samples": None}, "partitioned table query.samples is missing"),
        ({"vms": Relation("table", {"id": "uuid"})}, "query.vms lacks column name"),
        ({"vms": Relation("table", {"id": "int8", "name": "text"})}, "query.vms.id is int8 instead of uuid"),
        (
            {"samples": replace(WANTED["samples"], kind="table")},
            "query.samples is a table instead of a partitioned table",
        ),
        ({"vms": Relation("table", {**WANTED["vms"].columns, "x": "text"})}, ""),
        (
            {"vms": Relation("table", {**WANTED["vms"].columns, "x": "text"}, frozenset({"x", "id"}))},
            "query.vms has a column x that needs a value",
        ),
        (
            {"vms": Relation("table", {"id": "\x1b[1m canary", "name": "text"})},
            "query.vms.id is of another name instead of uuid",
        ),
        (
            {"vms": Relation("table", {}), "samples": Relation("partitioned table", {})},
            "query.vms lacks column id, query.vms lacks column name, query.samples lacks column vm_id and 1 more",
        ),
    ],
)
def test_each_difference_is_named(changes: dict[str, Relation | None], said: str) -> None:
    assert seen(**changes) == said


def test_the_answer_of_the_database_is_read() -> None:
    rows = [
        ("vms", "r", "id", "uuid", True),
        ("vms", "r", "name", "text", False),
        ("nothing", "r", None, None, None),
        ("odd", "S", "last", "int8", False),
    ]
    assert read(rows) == {
        "vms": Relation("table", {"id": "uuid", "name": "text"}, frozenset({"id"})),
        "nothing": Relation("table", {}),
        "odd": Relation("something else", {"last": "int8"}),
    }
