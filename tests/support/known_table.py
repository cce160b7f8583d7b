"""A table as JSON Lines with every kind of column; its lines may be sent again and again, and stay easy to judge."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tests.support.whole_table import Rows

_BROKEN = '{"cpu": 1.5, "zone": '
_BROKEN_EVERY = 500


@dataclass(frozen=True, slots=True)
class KnownTable:
    """Args:
    rows: what its lines say.
    broken: lines that say nothing.
    text: all of them.
    """

    rows: Rows
    broken: int
    text: bytes


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
