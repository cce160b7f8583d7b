"""What features must be: each computed by pandas, numpy or fractions on the whole table."""

from __future__ import annotations

import io
import json
import math
from collections.abc import Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import strategies as st

from novacron.ml.domain.budget import Pace
from novacron.ml.domain.features import BOUNDS, Rejected
from novacron.ml.service.pipeline import Pipeline, Plan
from novacron.ml.service.pressure import Budget
from novacron.ml.service.sources.opened import opened
from novacron.ml.service.sources.report import Report

_RELATIVE = 1e-12
_ROOMY = Budget(1 << 40)
_KEPT = 1000

Rows = Sequence[Mapping[str, Any]]

numbers = st.one_of(
    st.floats(-1e300, 1e300, allow_nan=False),
    st.floats(-1, 1).map(lambda one: 1e9 + one),
    st.integers(-(2**60), 2**60),
    st.booleans(),
    st.sampled_from([0.1, math.inf, -math.inf]),
)
texts = st.one_of(st.text(max_size=5), st.sampled_from(["OTHER", "", "eu", "été", "\U0001d518", "1.5"]))
values = st.one_of(st.none(), numbers, texts, st.just([1]), st.just({"a": 1}))
tables = st.lists(
    st.dictionaries(st.sampled_from(["a", "b", "c d", "é"]), st.one_of(numbers, values, texts), max_size=4), max_size=40
)


def _plan(directory: Path, **chosen: Any) -> Plan:
    return Plan(_ROOMY, directory, **chosen)


def extracted(rows: Rows, directory: Path, chunk: int = 7, **chosen: Any) -> dict[str, Any]:
    pace = Pace(rows=chunk)
    with Pipeline(_plan(directory, **chosen), pace) as pipeline:
        pipeline.run(opened(io.BytesIO(lines(rows)), format="jsonl", pace=pace, report=Report(strict=True)))
        return pipeline.finish(Rejected()).document()


def lines(rows: Rows) -> bytes:
    """JSON has no infinity, but numbers beyond what a float holds."""
    return "".join(json.dumps(row).replace("Infinity", "1e999") + "\n" for row in rows).encode()


def judge(found: Mapping[str, Any], rows: Rows, times: int = 1) -> None:
    """Each figure of the answer against one computed on the whole table.

    Args:
        times: how often the rows were there.
    """
    names = {name for row in rows for name in row}
    assert found["rows"] == times * len(rows)
    assert list(found["columns"]) == sorted(names)
    for name in names:
        _judge_column(found["columns"][name], [row[name] for row in rows if name in row], len(rows), times)


def _judge_column(column: Mapping[str, Any], present: Sequence[Any], rows: int, times: int) -> None:
    nested = sum(isinstance(one, (list, dict)) for one in present)
    strings = [one for one in present if isinstance(one, str)]
    floats = np.array([float(one) for one in present if isinstance(one, (int, float))])
    nulls = sum(one is None for one in present) + int(np.isnan(floats).sum())
    infinite = int(np.isinf(floats).sum())
    finite = floats[np.isfinite(floats)]
    others = (rows - len(present), nested, nulls)
    assert (column["absent"], column["nested"], column["nulls"]) == tuple(times * one for one in others)
    kind = {(False, False): "empty", (True, False): "number", (False, True): "category", (True, True): "mixed"}
    assert column["type"] == kind[len(finite) + infinite > 0, len(strings) > 0]
    both = column["type"] == "mixed"
    if len(finite) + infinite:
        _judge_numbers(column["numbers"] if both else column, finite, infinite, times)
    if strings:
        _judge_texts(column["categories"] if both else column, strings, times)


def _judge_numbers(found: Mapping[str, Any], finite: np.ndarray[Any, Any], infinite: int, times: int) -> None:
    assert (found["count"], found["infinite"]) == (times * len(finite), times * infinite)
    if not len(finite):
        assert found["mean"] is None
        assert found["histogram_bounds"] is None
        return
    series = pd.Series(np.repeat(finite, times))
    assert (found["min"], found["max"]) == (series.min(), series.max())
    quantiles = [float(one) for one in np.percentile(series.to_numpy(), BOUNDS)]
    assert found["histogram_bounds"] == quantiles
    assert found["median"] == series.median()
    assert found["beyond_2_53"] == int((series.abs() > 2.0**53).sum())
    fractions = [Fraction(one) for one in finite.tolist()]
    mean = sum(fractions, Fraction()) / len(fractions)
    square = sum(((one - mean) ** 2 for one in fractions), Fraction()) / len(fractions)
    assert found["mean"] == pytest.approx(float(mean), rel=_RELATIVE, abs=0)
    root = math.isqrt((square.numerator << 4800) // square.denominator) / (1 << 2400)
    assert found["std"] == pytest.approx(root, rel=_RELATIVE, abs=0)


def _judge_texts(found: Mapping[str, Any], strings: Sequence[str], times: int) -> None:
    counts = times * pd.Series(strings, dtype=object).value_counts()
    ordered = sorted(((str(text), int(count)) for text, count in counts.items()), key=lambda one: (-one[1], one[0]))
    assert found["categories"] == [list(one) for one in ordered[:_KEPT]]
    assert (found["count"], found["distinct"]) == (times * len(strings), len(ordered))
    assert found["other"] == sum(count for _, count in ordered[_KEPT:])


def assert_agree(found: Mapping[str, Any], other: Mapping[str, Any]) -> None:
    """Two answers of one table: identical, but for the last digits of means and deviations, and numbers of lines."""
    assert (found["rows"], found["rejected"]["count"]) == (other["rows"], other["rejected"]["count"])
    assert list(found["columns"]) == list(other["columns"])
    for name, column in other["columns"].items():
        assert _rounded(found["columns"][name]) == _rounded(column), name
        for one, wanted in zip(_moments(found["columns"][name]), _moments(column), strict=True):
            assert one == pytest.approx(wanted, rel=_RELATIVE, abs=0), name


def _rounded(column: Mapping[str, Any]) -> dict[str, Any]:
    """Without what need not be identical."""
    known = {key: value for key, value in column.items() if key not in ("mean", "std")}
    return known | ({"numbers": _rounded(known["numbers"])} if "numbers" in known else {})


def _moments(column: Mapping[str, Any]) -> list[float]:
    numbers = column.get("numbers", column)
    return [numbers[name] for name in ("mean", "std") if numbers.get(name) is not None]
