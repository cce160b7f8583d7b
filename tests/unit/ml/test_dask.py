"""A table spread by Dask over processes: its features are those of one pass; by the code that docs/ml.md gives users."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import dask
import pytest
from dask import bag

from tests.support.known_table import known_table
from tests.support.whole_table import Rows, assert_agree, extracted, judge

_DOCUMENT = Path(__file__).parents[3] / "docs" / "ml.md"
_AMOUNT = 3000


def _documented(shared: Path) -> Mapping[str, Any]:
    """What the document's code defines, where every worker sees this folder."""
    (code,) = re.findall(r"^```python\n(.*?)^```$", _DOCUMENT.read_text(), re.MULTILINE | re.DOTALL)
    defined: dict[str, Any] = {}
    exec(code.replace("/shared/states", str(shared)), defined)  # noqa: S102 - the code of this checkout
    return defined


@pytest.fixture(scope="module")
def rows() -> Rows:
    return known_table(seed=3, amount=_AMOUNT).rows


@pytest.mark.parametrize(("partitions", "scheduler"), [(1, "sync"), (9, "processes"), (50, "sync")])
def test_partitions_merged_along_a_tree_agree_with_one_pass(
    rows: Rows, partitions: int, scheduler: str, tmp_path: Path
) -> None:
    shared = tmp_path / "states"
    shared.mkdir()
    with dask.config.set(scheduler=scheduler, num_workers=2):
        found = _documented(shared)["features"](bag.from_sequence(rows, npartitions=partitions))
    assert_agree(found, extracted(rows, tmp_path))
    judge(found, rows)
