"""A table spread by Dask: its features are those of one pass; by the code that docs/ml.md gives to users."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import dask
import pytest
from dask import bag

from tests.support.whole_table import Rows, judge

_DOCUMENT = Path(__file__).parents[3] / "docs" / "ml.md"
_ROWS: Rows = [
    {
        "x": 1e9 + 0.001 * (one * 7919 % 997) if one % 11 else None,
        "t": f"t{one * one % 13}",
        "late": one if one > 2000 else "no",
    }
    for one in range(3000)
]


def _documented(shared: Path) -> Mapping[str, Any]:
    """What the document's code defines, where every worker sees this folder."""
    (code,) = re.findall(r"^```python\n(.*?)^```$", _DOCUMENT.read_text(), re.MULTILINE | re.DOTALL)
    defined: dict[str, Any] = {}
    exec(code.replace("/shared/states", str(shared)), defined)  # noqa: S102 - the code of this checkout
    return defined


@pytest.mark.parametrize(("partitions", "scheduler"), [(1, "sync"), (9, "threads"), (50, "sync")])
def test_partitions_merged_along_a_tree_agree_with_one_pass(partitions: int, scheduler: str, tmp_path: Path) -> None:
    with dask.config.set(scheduler=scheduler, num_workers=2):
        found = _documented(tmp_path)["features"](bag.from_sequence(_ROWS, npartitions=partitions))
    judge(found, _ROWS)
