"""The answer: features of a table as a document of JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from novacron.ml.domain.categories import Categories
from novacron.ml.domain.columns import Column, Columns
from novacron.quantiles.estimate import Estimate

BOUNDS = tuple(range(0, 101, 10))
"""Percentiles that divide a column into ten parts with as many numbers each; the middle one is the median."""
_MEDIAN = BOUNDS.index(50)


@dataclass(frozen=True, slots=True)
class Rejected:
    """Args:
    count: lines that are in no feature.
    first: of them, number of the line and reason.
    """

    count: int = 0
    first: Sequence[tuple[int, str]] = ()


def document(
    columns: Columns,
    quantiles: Mapping[str, Sequence[Estimate]],
    categories: Mapping[str, Categories],
    rejected: Rejected,
) -> dict[str, Any]:
    """Args:
    quantiles: of each column with numbers, at ``BOUNDS``.
    categories: of each column with texts.
    """
    return {
        "rows": columns.rows,
        "rejected": {
            "count": rejected.count,
            "first": [{"line": line, "reason": reason} for line, reason in rejected.first],
        },
        "columns": {
            name: _column(columns.rows, column, quantiles.get(name), categories.get(name)) for name, column in columns
        },
    }


def _column(
    rows: int, column: Column, quantiles: Sequence[Estimate] | None, categories: Categories | None
) -> dict[str, Any]:
    found: dict[str, Any] = {
        "type": _type(column),
        "nulls": column.nulls,
        "absent": column.absent(rows),
        "nested": column.nested,
    }
    numbers = _numbers(column, quantiles) if column.numbers.count or column.numbers.infinite else None
    texts = _categories(column, categories) if categories is not None else None
    if numbers is not None and texts is not None:
        return found | {"numbers": numbers, "categories": texts}
    return found | (numbers or texts or {})


def _type(column: Column) -> str:
    numbers = column.numbers.count + column.numbers.infinite
    if numbers and column.texts:
        return "mixed"
    if numbers:
        return "number"
    return "category" if column.texts else "empty"


def _numbers(column: Column, quantiles: Sequence[Estimate] | None) -> dict[str, Any]:
    numbers = column.numbers
    some = numbers.count > 0
    return {
        "count": numbers.count,
        "infinite": numbers.infinite,
        "beyond_2_53": numbers.beyond,
        "mean": numbers.moments.mean if some else None,
        "std": numbers.deviation if some else None,
        "min": numbers.minimum if some else None,
        "max": numbers.maximum if some else None,
        "median": quantiles[_MEDIAN].value if quantiles else None,
        "histogram_bounds": [one.value for one in quantiles] if quantiles else None,
        "quantile_error": _error(quantiles[_MEDIAN]) if quantiles else None,
    }


def _error(median: Estimate) -> dict[str, Any] | None:
    """None for an exact one."""
    if median.method == "exact":
        return None
    return {"method": median.method, "rank": median.error.rank}


def _categories(column: Column, categories: Categories) -> dict[str, Any]:
    return {
        "count": column.texts,
        "distinct": categories.distinct,
        "other": categories.other,
        "categories": [[value, count] for value, count in categories.kept],
        "count_error": categories.error or None,
    }
