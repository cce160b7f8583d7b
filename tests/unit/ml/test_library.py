"""Tables that a program holds: the same answers as those of a file, and none of them is changed."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from novacron.core.errors import NovaCronError
from novacron.ml.service import library
from tests.support.whole_table import judge


class Named(StrEnum):
    Y = "y"


_ROWS: list[dict[str, Any]] = [
    {"x": 0.1 * one if one % 7 else None, "t": f"t{one % 5}" if one % 3 else None, "n": one} for one in range(5000)
]


@pytest.mark.parametrize(
    "made",
    [list, iter, pd.DataFrame, pl.DataFrame, pa.Table.from_pylist],
    ids=["records", "iterator", "pandas", "polars", "pyarrow"],
)
def test_each_way_gives_the_same(made: Any, tmp_path: Path) -> None:
    judge(library.features(made(_ROWS), directory=tmp_path), _ROWS)
    assert list(tmp_path.iterdir()) == []


def test_the_table_stays_as_it_is(tmp_path: Path) -> None:
    frame = pd.DataFrame(_ROWS)
    before = frame.copy(deep=True)
    library.features(frame, directory=tmp_path)
    pd.testing.assert_frame_equal(frame, before)


def test_parts_in_a_tree(tmp_path: Path) -> None:
    parts = [library.save(_ROWS[place::4], tmp_path / f"{place}.state") for place in range(4)]
    two = [library.merged_into(parts[:2], tmp_path / "a"), library.merged_into(parts[2:], tmp_path / "b")]
    judge(library.merged(two), _ROWS)


def test_names_and_texts_of_other_kinds_than_str(tmp_path: Path) -> None:
    rows = [{np.str_("x"): np.str_("a"), Named.Y: 2}]
    expected = library.features([{"x": "a", "y": 2}], directory=tmp_path)
    assert library.features(rows, directory=tmp_path) == expected
    assert library.merged([library.save(rows, tmp_path / "state")]) == expected


def test_what_is_no_table_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NovaCronError, match="bring one of pandas, polars or pyarrow"):
        library.features(7, directory=tmp_path)


def test_rows_that_are_none_are_counted_or_end_it(tmp_path: Path) -> None:
    assert library.features([{"x": 1}, "nonsense"], directory=tmp_path)["rejected"]["count"] == 1
    with pytest.raises(NovaCronError, match="record 2"):
        library.features([{"x": 1}, "nonsense"], directory=tmp_path, strict=True)
