"""Names of virtual machines, and that the table has the bounds of the rules."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import novacron
from novacron.query.domain import vm

TABLE = (Path(novacron.__file__).parent / "migrations" / "query" / "0001-metrics.sql").read_text()


@pytest.mark.parametrize("text", ["x", "web-1", "Wörk 机器", "x" * 255, "'; DROP TABLE query.vms; --", "%(id)s"])
def test_a_name_is_kept_as_it_was_given(text: str) -> None:
    assert vm.name(text) == text


@pytest.mark.parametrize(
    "text", ["", " ", "x ", " x", "x" * 256, "a\0b", "a\nb", "a\x7fb", "\ud800", "a\u200bb", "a\u2028b", "a\ufeff"]
)
def test_a_name_that_is_refused(text: str) -> None:
    with pytest.raises(vm.InvalidName, match="must "):
        vm.name(text)


@given(st.text(st.characters(), max_size=300))
def test_whatever_is_taken_can_be_stored(text: str) -> None:
    try:
        found = vm.name(text)
    except vm.InvalidName:
        return
    assert "\0" not in found.encode().decode()
    assert 1 <= len(found) <= vm.NAME_LONGEST


def test_the_table_has_the_same_bounds() -> None:
    listed = re.search(r"status IN \(([^)]+)\)", TABLE)
    assert listed is not None
    assert tuple(re.findall(r"'(\w+)'", listed[1])) == vm.STATUSES
    assert f"char_length(name) BETWEEN 1 AND {vm.NAME_LONGEST}" in TABLE
    assert f"cpu_cores BETWEEN 1 AND {vm.CORES_MOST}" in TABLE
    assert re.search(r"memory_mb +integer .*memory_mb > 0", TABLE)
