"""What every contender of the features' bench is asked for, and how two answers are compared."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from tests.bench import features_data as data

SHARES = tuple(step / 10 for step in range(11))
"""Of the bounds of a histogram; the sixth is the median."""
TOP = 1000
_MOMENTS = 1e-9
"""Relative: engines add up as they please; what they lose is a row of its own."""
_QUANTILES = 1e-12
"""Relative: they interpolate by formulas that differ in the last digit."""


@dataclass(frozen=True, slots=True)
class Number:
    """Args:
    std: of the whole (ddof 0).
    bounds: the quantiles of ``SHARES``, between neighbours by a straight line; the median is one of them.
    """

    count: int
    nulls: int
    mean: float | None
    std: float | None
    minimum: float | None
    maximum: float | None
    bounds: list[float]


@dataclass(frozen=True, slots=True)
class Category:
    """Args:
    top: value and count, the most frequent first, among equals by value; ``TOP`` at most.
    """

    distinct: int
    top: list[tuple[str, int]]


@dataclass(frozen=True, slots=True)
class Answers:
    numbers: dict[str, Number]
    categories: dict[str, Category]


def right(rows: int) -> Answers:
    """Found without any parser: each column is made again, and added up with more digits than float64 has."""
    numbers = {name: _number(data.numbers(name, rows)) for name in data.NUMBERS}
    return Answers(numbers, {name: _category(name, rows) for name in data.CATEGORIES})


def ranked(counts: Mapping[str, int]) -> Category:
    """Of every value's count."""
    top = sorted(counts.items(), key=lambda one: (-one[1], one[0]))[:TOP]
    return Category(len(counts), top)


def positions(count: int) -> list[tuple[int, float]]:
    """Of each of ``SHARES``: the place among the sorted numbers below it, and the share of the way to the next."""
    return [(int(place), place % 1) for place in ((count - 1) * share for share in SHARES)]


def differing(expected: Answers, found: Answers, *, exact: bool = False) -> list[str]:
    """Names of what is not the same: ``column.what``.

    Args:
        exact: quantiles must be the same to the last bit.
    """
    quantiles = 0.0 if exact else _QUANTILES
    return [*_numbers_differing(expected, found, quantiles), *_categories_differing(expected, found)]


def error(expected: Answers, found: Answers) -> float:
    """The largest of all means and standard deviations, relative; infinite where one is missing."""
    return max(
        _relative(getattr(number, what), getattr(found.numbers[name], what))
        for name, number in expected.numbers.items()
        for what in ("mean", "std")
    )


def _numbers_differing(expected: Answers, found: Answers, quantiles: float) -> Iterator[str]:
    for name, number in expected.numbers.items():
        other = found.numbers[name]
        for what in ("count", "nulls", "minimum", "maximum"):
            if getattr(number, what) != getattr(other, what):
                yield f"{name}.{what}"
        for what in ("mean", "std"):
            if _relative(getattr(number, what), getattr(other, what)) > _MOMENTS:
                yield f"{name}.{what}"
        pairs = zip(number.bounds, other.bounds, strict=True) if other.bounds else [(0.0, None)]
        if any(_relative(here, there) > quantiles for here, there in pairs):
            yield f"{name}.bounds"


def _categories_differing(expected: Answers, found: Answers) -> Iterator[str]:
    for name, category in expected.categories.items():
        other = found.categories[name]
        if category.distinct != other.distinct:
            yield f"{name}.distinct"
        if category.top != other.top:
            yield f"{name}.top"


def _relative(expected: float | None, found: float | None) -> float:
    if expected is None or found is None or math.isnan(found):
        return math.inf
    return abs(found - expected) / abs(expected) if expected else abs(found)


def _number(column: data.Floats) -> Number:
    numbers = column[~np.isnan(column)]
    wide = np.add.reduce(numbers, dtype=np.longdouble) / len(numbers)
    squares = sum(np.add.reduce((part - wide) ** 2) for part in np.array_split(numbers, max(1, len(numbers) >> 20)))
    return Number(
        count=len(numbers),
        nulls=len(column) - len(numbers),
        mean=float(wide),
        std=float(np.sqrt(squares / len(numbers))),
        minimum=float(numbers.min()),
        maximum=float(numbers.max()),
        bounds=[float(bound) for bound in np.percentile(numbers, [share * 100 for share in SHARES])],
    )


def _category(name: str, rows: int) -> Category:
    counts = Counter(dict(enumerate(np.bincount(data.indexes(name, rows)).tolist())))
    values = data.CATEGORIES[name].values()
    return ranked({values[index]: count for index, count in counts.items() if count})
