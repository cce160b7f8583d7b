"""Parts of a table, in files, in any order and any tree: the answer of the whole table (docs/decisions/0030)."""

from __future__ import annotations

import io
import itertools
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from novacron.ml.domain.budget import Pace
from novacron.ml.domain.features import Rejected
from novacron.ml.service.container import Unreadable
from novacron.ml.service.pipeline import Pipeline, Plan
from novacron.ml.service.pressure import Budget
from novacron.ml.service.sources.opened import opened
from novacron.ml.service.sources.report import Report
from novacron.ml.service.states import InvalidPart, State
from tests.support.whole_table import Rows, extracted, judge, lines, tables

_ROOMY = Budget(1 << 40)


def _written(rows: Rows, path: Path, **chosen: Any) -> Path:
    pace, report = Pace(rows=3), Report()
    with Pipeline(Plan(_ROOMY, path.parent, **chosen), pace) as pipeline:
        pipeline.run(opened(io.BytesIO(lines(rows)), format="jsonl", pace=pace, report=report))
        pipeline.save(path, Rejected(report.count, report.first))
    return path


def _merged(paths: Sequence[Path], directory: Path, target: Path | None = None, **chosen: Any) -> Mapping[str, Any]:
    with Pipeline(Plan(_ROOMY, directory, **chosen), Pace()) as pipeline:
        for path in paths:
            pipeline.absorb(State(path))
        if target is not None:
            pipeline.save(target)
            return {}
        return pipeline.finish().document()


@given(tables, st.lists(st.integers(0, 40), max_size=4), st.permutations(range(5)), st.integers(40, 400))
@settings(max_examples=60)
def test_parts_in_any_order(rows: Rows, cuts: Sequence[int], order: Sequence[int], distinct: int) -> None:
    ends = [0, *sorted(min(cut, len(rows)) for cut in cuts), len(rows)]
    parts = [rows[begin:end] for begin, end in itertools.pairwise(ends)]
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        paths = [
            _written(part, directory / f"{place}.state", max_distinct=distinct) for place, part in enumerate(parts)
        ]
        shuffled = [paths[place] for place in order if place < len(paths)]
        judge(_merged(shuffled, directory), rows)
        _merged(shuffled[1:], directory, directory / "rest.state")
        judge(_merged([directory / "rest.state", shuffled[0]], directory), rows)


def test_sketches_of_parts_stay_within_their_bound(tmp_path: Path) -> None:
    rows = [{"x": float(one * 7919 % 10_007), "t": f"t{one % 5}"} for one in range(10_007)]
    made: dict[str, Any] = {"median": "kll", "categories": "misra-gries"}
    paths = [_written(rows[place::3], tmp_path / f"{place}.state", **made) for place in range(3)]
    assert sum(path.stat().st_size for path in paths) < 200_000  # the numbers are not there
    found = _merged(paths, tmp_path, **made)["columns"]
    rank = found["x"]["quantile_error"]["rank"]
    assert abs(found["x"]["median"] - 5003) <= rank * 10_007
    assert found["t"]["categories"] == [["t0", 2002], ["t1", 2002], ["t2", 2001], ["t3", 2001], ["t4", 2001]]


def test_rejected_lines_of_parts_are_counted_together(tmp_path: Path) -> None:
    for name in ("a", "b"):
        pace, report = Pace(), Report()
        with Pipeline(Plan(_ROOMY, tmp_path), pace) as pipeline:
            pipeline.run(opened(io.BytesIO(b'{"a": 1}\nnonsense\n'), format="jsonl", pace=pace, report=report))
            pipeline.save(tmp_path / name, Rejected(report.count, report.first))
    found = _merged([tmp_path / "a", tmp_path / "b"], tmp_path)
    assert (found["rows"], found["rejected"]) == (2, {"count": 2, "first": []})


def test_a_state_that_was_made_in_another_way_is_refused(tmp_path: Path) -> None:
    exact, sketched = _written([{"x": 1.0}], tmp_path / "a"), _written([{"x": 2.0}], tmp_path / "b", median="kll")
    with pytest.raises(InvalidPart, match="--median kll"):
        _merged([exact, sketched], tmp_path)


@pytest.mark.parametrize("place", [10, -10, -60])
def test_a_damaged_state_is_refused(tmp_path: Path, place: int) -> None:
    path = _written([{"x": float(one), "t": str(one)} for one in range(50)], tmp_path / "a")
    content = bytearray(path.read_bytes())
    content[place] ^= 1
    path.write_bytes(content)
    with pytest.raises((Unreadable, InvalidPart), match=r"write it again|newer|format"):
        State(path)


def test_one_part_alone_is_the_whole(tmp_path: Path) -> None:
    rows = [{"x": 0.1 * one, "t": f"{one % 7}"} for one in range(100)]
    assert _merged([_written(rows, tmp_path / "a")], tmp_path) == extracted(rows, tmp_path, 3)
