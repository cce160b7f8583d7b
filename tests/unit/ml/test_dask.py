"""A table spread by Dask over processes: its features are those of one pass; by the code of docs/ml.md."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import dask
import pandas as pd
import pytest
from dask import bag, dataframe

from tests.support.known_table import known_table
from tests.support.whole_table import Rows, assert_agree, extracted, judge

_DOCUMENT = Path(__file__).parents[3] / "docs" / "ml.md"
_AMOUNT = 3000
_ODD = ("cores",)
"""Columns that hold values of several sorts: pandas and Dask make texts of all of them."""


def _documented(shared: Path) -> Mapping[str, Any]:
    """What the document's code defines, where every worker sees this folder."""
    (code,) = re.findall(r"^```python\n(.*?)^```$", _DOCUMENT.read_text(), re.MULTILINE | re.DOTALL)
    defined: dict[str, Any] = {}
    exec(code.replace("/shared/states", str(shared)), defined)  # noqa: S102 - the code of this checkout
    return defined


@pytest.fixture(scope="module")
def rows() -> Rows:
    return known_table(seed=3, amount=_AMOUNT).rows


@pytest.fixture
def features(tmp_path: Path) -> Iterator[Callable[[bag.Bag], dict[str, Any]]]:
    """The document's last function, for two processes at most."""
    shared = tmp_path / "states"
    shared.mkdir()
    with dask.config.set(num_workers=2):
        yield _documented(shared)["features"]


@pytest.mark.parametrize(("partitions", "scheduler"), [(1, "sync"), (9, "processes"), (70, "sync")])
def test_partitions_merged_along_a_tree_agree_with_one_pass(
    features: Callable[[bag.Bag], dict[str, Any]], rows: Rows, partitions: int, scheduler: str, tmp_path: Path
) -> None:
    with dask.config.set(scheduler=scheduler):
        found = features(bag.from_sequence(rows, npartitions=partitions))  # type: ignore[no-untyped-call]
    assert_agree(found, extracted(rows, tmp_path))
    judge(found, rows)


def test_partitions_that_are_data_frames(features: Callable[[bag.Bag], dict[str, Any]], rows: Rows) -> None:
    names = [name for name in rows[1] if name not in _ODD]
    plain = [{name: row.get(name) for name in names} for row in rows]
    table = dataframe.from_pandas(pd.DataFrame(plain), npartitions=5)  # type: ignore[no-untyped-call]
    with dask.config.set(scheduler="sync"):
        judge(features(bag.from_delayed(table.to_delayed())), plain)  # type: ignore[no-untyped-call]


def test_what_is_no_row_counts_in_whatever_partition(features: Callable[[bag.Bag], dict[str, Any]]) -> None:
    listed = [{"a": 1.0}, 5, {"a": 2.0}, "a", {"a": None}]
    with dask.config.set(scheduler="sync"):
        found = features(bag.from_sequence(listed, npartitions=5))  # type: ignore[no-untyped-call]
    assert (found["rows"], found["rejected"]["count"]) == (3, 2)
