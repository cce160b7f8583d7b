"""What is wrong in the answers of the specification's pipeline, counted."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tests.bench.features_answers import Answers
from tests.bench.features_data import Integers

STATISTICS = ("mean", "std", "min", "max", "median")
_NEAR = 1e-6
"""Relative: what float32 loses of a single number is no fault yet."""


@dataclass(frozen=True, slots=True)
class Faults:
    """Args:
    statistics: of all columns, wrong by more than a millionth; ``missing`` of them are NaN.
    asked: statistics of all columns.
    worst: how many times too large or too small the worst of them is, which is ``worst_of``.
    values: texts that got more than one code, of ``texts``.
    """

    statistics: int
    missing: int
    asked: int
    worst: float
    worst_of: str
    values: int
    texts: int


def faults(
    features: Mapping[str, npt.NDArray[np.generic]], expected: Answers, indexes: Mapping[str, Integers]
) -> Faults:
    """Args:
    features: statistic -> of each column of numbers; ``categorical`` -> codes, (rows, columns of texts).
    indexes: column of texts -> which text stands in each row.
    """
    right = [(f"{what} of {name}", _expected(expected, name, what)) for what in STATISTICS for name in expected.numbers]
    found = [float(value) for what in STATISTICS for value in features[what]]
    offs = [(_times(value, want), name) for value, (name, want) in zip(found, right, strict=True)]
    missing = [name for value, (name, _want) in zip(found, right, strict=True) if math.isnan(value)]
    wrong = [(off, name) for off, name in offs if name not in missing and off > 1 + _NEAR]
    worst, name = max(wrong, default=(1.0, ""))
    counted = [_several(texts, features["categorical"][:, place]) for place, texts in enumerate(indexes.values())]
    return Faults(
        statistics=len(wrong) + len(missing),
        missing=len(missing),
        asked=len(found),
        worst=worst,
        worst_of=name,
        values=sum(several for several, _all in counted),
        texts=sum(everything for _several, everything in counted),
    )


def _expected(expected: Answers, name: str, what: str) -> float:
    number = expected.numbers[name]
    wanted = {"mean": number.mean, "std": number.std, "min": number.minimum, "max": number.maximum}
    value = number.bounds[5] if what == "median" else wanted[what]
    return math.nan if value is None else value


def _times(found: float, wanted: float) -> float:
    """1 where both are the same; never below."""
    if found == wanted:
        return 1.0
    if not found or not wanted:
        return 1 + abs(found - wanted)
    return max(abs(found / wanted), abs(wanted / found))


def _several(texts: Integers, codes: npt.NDArray[np.generic]) -> tuple[int, int]:
    """Texts with more than one code, and texts at all."""
    pairs = np.unique(texts.astype(np.int64) << 32 | codes.astype(np.int64) & 0xFFFFFFFF)
    each = np.unique(pairs >> 32, return_counts=True)[1]
    return int((each > 1).sum()), len(each)
