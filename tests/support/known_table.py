"""A table as JSON Lines whose features are known exactly, however often its lines come again: every kind of column."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

_RELATIVE = 1e-12
"""Of mean and std, whatever the order (decisions.md 37)."""
_BOUNDS = range(0, 101, 10)
_KEPT = 1000
_BROKEN = '{"cpu": 1.5, "zone": '
_BROKEN_EVERY = 500


@dataclass(frozen=True, slots=True)
class KnownTable:
    """Args:
    rows: what its lines say.
    broken: lines that say nothing.
    text: all of them.
    """

    rows: Sequence[Mapping[str, Any]]
    broken: int
    text: bytes

    def features(self, times: int = 1) -> dict[str, Any]:
        """Columns of the answer to its lines, as often: by whole numbers, fractions and numpy over all of them."""
        names = {name: None for row in self.rows for name in row}
        return {name: self._column([row[name] for row in self.rows if name in row], times) for name in sorted(names)}

    def _column(self, present: Sequence[Any], times: int) -> dict[str, Any]:
        numbers = [float(one) for one in present if isinstance(one, (int, float))]
        texts = [one for one in present if isinstance(one, str)]
        found = {
            "nulls": times * sum(one is None for one in present),
            "absent": times * (len(self.rows) - len(present)),
            "nested": times * sum(isinstance(one, list) for one in present),
        }
        if numbers and texts:
            return found | {"type": "mixed", "numbers": _numbers(numbers, times), "categories": _texts(texts, times)}
        if numbers:
            return found | {"type": "number"} | _numbers(numbers, times)
        return found | {"type": "category"} | _texts(texts, times)


def _numbers(numbers: Sequence[float], times: int) -> dict[str, Any]:
    mean = sum(map(Fraction, numbers), Fraction()) / len(numbers)
    square = sum(((Fraction(one) - mean) ** 2 for one in numbers), Fraction()) / len(numbers)
    bounds = [float(one) for one in np.percentile(np.repeat(np.array(numbers), times), _BOUNDS)]
    return {
        "count": times * len(numbers),
        "infinite": 0,
        "beyond_2_53": times * sum(abs(one) > 2**53 for one in numbers),
        "mean": float(mean),
        "std": math.sqrt(square),
        "min": bounds[0],
        "max": bounds[-1],
        "median": bounds[5],
        "histogram_bounds": bounds,
        "quantile_error": None,
    }


def _texts(texts: Sequence[str], times: int) -> dict[str, Any]:
    counts = sorted(Counter(texts).items(), key=lambda one: (-one[1], one[0]))
    return {
        "count": times * len(texts),
        "distinct": len(counts),
        "other": times * sum(count for _, count in counts[_KEPT:]),
        "categories": [[text, times * count] for text, count in counts[:_KEPT]],
        "count_error": None,
    }


def known_table(seed: int, amount: int = 8000) -> KnownTable:
    """Twelve columns of numbers and three of texts, and a few of other sorts; some 300 bytes a row."""
    chance = np.random.default_rng(seed)
    places = np.arange(amount)
    columns: dict[str, Sequence[Any]] = {
        "cpu": chance.uniform(0, 100, amount).round(3).tolist(),
        "memory": (1e9 + chance.normal(0, 1000, amount)).tolist(),
        "drift": (seed * 1e6 + places * 0.5 + chance.normal(size=amount)).tolist(),
        "tail": chance.pareto(1.1, amount).tolist(),
        "tiny": (chance.normal(size=amount) * 1e-100).tolist(),
        "constant": [0.1] * amount,
        "cores": chance.integers(1, 64, amount).tolist(),
        "bytes_in": chance.integers(0, 2**62, amount).tolist(),
        "bytes_out": chance.integers(-(2**31), 2**31, amount).tolist(),
        "load": chance.lognormal(0, 2, amount).round(6).tolist(),
        "busy": (chance.random(amount) < 0.3).tolist(),
        "ratio": chance.beta(0.5, 0.5, amount).tolist(),
        "zone": [("eu-1", "eu-2", "us-1", "日本", "OTHER")[one] for one in chance.integers(0, 5, amount)],
        "app": [f"application-{one}" for one in chance.integers(0, 800, amount)],
        "host": [f"höst-{one:05}.example.com" for one in chance.zipf(1.2, amount) % 5000],
    }
    rows: list[dict[str, Any]] = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    for place in range(0, amount, 97):
        rows[place]["cpu"] = None
        del rows[place]["load"]
    for place in range(0, amount, 1009):
        rows[place] |= {"cores": "many", "tags": [1, 2] if place % 2 else "none", "late": float(place)}
    lines = [json.dumps(row, ensure_ascii=False) for row in rows]
    broken = range(_BROKEN_EVERY, amount, _BROKEN_EVERY)
    for place in reversed(broken):
        lines.insert(place, _BROKEN)
    return KnownTable(rows, len(broken), "".join(f"{line}\n" for line in lines).encode())


def assert_agree(found: Mapping[str, Any], wanted: Mapping[str, Any]) -> None:
    """Columns of two answers: identical, but for the last digits of mean and std."""
    assert list(found) == list(wanted)
    for name, column in wanted.items():
        assert _rounded(found[name]) == _rounded(column), name
        for one, other in zip(_moments(found[name]), _moments(column), strict=True):
            assert math.isclose(one, other, rel_tol=_RELATIVE, abs_tol=0), name


def _rounded(column: Mapping[str, Any]) -> dict[str, Any]:
    """Without what need not be identical."""
    known = {key: value for key, value in column.items() if key not in ("mean", "std")}
    return known | ({"numbers": _rounded(known["numbers"])} if "numbers" in known else {})


def _moments(column: Mapping[str, Any]) -> list[float]:
    numbers = column.get("numbers", column)
    return [numbers[name] for name in ("mean", "std") if name in numbers]
