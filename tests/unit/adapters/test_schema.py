from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from novacron.adapters.schema import (
    Applied,
    File,
    MigrationRefused,
    SchemaState,
    files,
    pending,
    shown,
)

KNOWN = [File(f"{number:04}-step", f"text of {number}", Path("/none")) for number in range(1, 5)]


def _applied(*numbers: int) -> list[Applied]:
    return [Applied(KNOWN[number - 1].id, KNOWN[number - 1].checksum) for number in numbers]


@given(st.integers(0, len(KNOWN)))
def test_what_is_not_applied_is_pending_in_its_order(number: int) -> None:
    assert pending("auth", KNOWN, _applied(*range(1, number + 1))) == tuple(KNOWN[number:])


@pytest.mark.parametrize(
    ("applied", "reason", "words"),
    [
        ([*_applied(1, 2, 3, 4), Applied("0005-later", "x")], "SchemaNewer", "auth has 0005-later, unknown here"),
        ([*_applied(1), Applied("0001-step; DROP", "x")], "SchemaNewer", "auth has a migration, unknown here"),
        ([*_applied(1), Applied("0002-step", "another text")], "ChecksumMismatch", "auth/0002-step was applied with"),
        (_applied(1, 3), "OutOfOrder", "auth/0002-step is missing before 0003-step"),
        (_applied(4), "OutOfOrder", "auth/0001-step is missing before 0004-step"),
    ],
)
def test_another_history_is_refused(applied: Sequence[Applied], reason: str, words: str) -> None:
    with pytest.raises(MigrationRefused) as caught:
        pending("auth", KNOWN, applied)
    assert caught.value.reason == reason
    assert words in str(caught.value)


@given(st.sets(st.integers(1, 4)))
def test_nothing_is_ever_applied_before_what_is_there(numbers: set[int]) -> None:
    try:
        waiting = pending("auth", KNOWN, _applied(*numbers))
    except MigrationRefused:
        return
    assert all(file.id > one.id for file in waiting for one in _applied(*numbers))


@pytest.mark.parametrize(
    ("expected", "found", "sufficient"),
    [("0003-a", "", False), ("0003-a", "0002-b", False), ("0003-a", "0003-a", True), ("0003-a", "0004-b", True)],
)
def test_a_newer_schema_serves_while_an_older_one_does_not(expected: str, found: str, sufficient: bool) -> None:
    assert SchemaState(expected, found).sufficient is sufficient


def test_a_checksum_is_of_name_and_text(tmp_path: Path) -> None:
    folder = tmp_path / "auth"
    folder.mkdir()
    for name, text in {"0001-a": "one", "0002-b": "one", "0003-c": "two"}.items():
        (folder / f"{name}.sql").write_text(text)
    before = files("auth", tmp_path)
    assert [file.id for file in before] == ["0001-a", "0002-b", "0003-c"]
    assert len({file.checksum for file in before}) == 3
    (folder / "0002-b.sql").write_text("one ")
    assert [new == old for new, old in zip(files("auth", tmp_path), before, strict=True)] == [True, False, True]


@pytest.mark.parametrize("names", [("1-a",), ("0001_a",), ("0001-A",), ("0001-a.rollback",), ("0001-a", "0001-b")])
def test_a_name_that_has_no_place_is_a_defect(tmp_path: Path, names: tuple[str, ...]) -> None:
    (tmp_path / "auth").mkdir()
    for name in names:
        (tmp_path / "auth" / f"{name}.sql").touch()
    with pytest.raises(ValueError, match="NNNN-words"):
        files("auth", tmp_path)


def test_a_schema_without_a_folder_has_no_migrations(tmp_path: Path) -> None:
    assert files("query", tmp_path) == ()


def test_a_name_is_shown_only_if_it_is_like_ours() -> None:
    assert shown("0001-a") == "0001-a"
    assert shown("0001-" + "a" * 100) == shown("a@example.com") == "a migration"
