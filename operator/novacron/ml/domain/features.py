"""The answer: features of a table as a document of JSON, made column by column, for a table may have thousands."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import orjson

from novacron.ml.domain.categories import Categories
from novacron.ml.domain.columns import Column, Columns

Median = Literal["exact", "kll"]
Counting = Literal["exact", "misra-gries"]
"""How texts are counted."""
BOUNDS = tuple(range(0, 101, 10))
"""Percentiles that divide a column into ten parts with as many numbers each; the middle one is the median."""
MEDIAN = BOUNDS.index(50)


@dataclass(frozen=True, slots=True)
class Rejected:
    """Args:
    count: lines that are in no feature.
    first: of them, number of the line and reason.
    """

    count: int = 0
    first: Sequence[tuple[int, str]] = ()

    def with_part(self, other: Rejected) -> Rejected:
        """Counts those of a part too, whose line numbers say nothing here."""
        return Rejected(self.count + other.count, self.first)

    def document(self) -> dict[str, Any]:
        return {"count": self.count, "first": [{"line": line, "reason": reason} for line, reason in self.first]}


NOTHING = Rejected()


@dataclass(frozen=True, slots=True)
class Quantiles:
    """Of one column.

    Args:
        median: the middle one, or the mean of the two middle ones.
        bounds: at ``BOUNDS``, interpolated linearly; the middle one may differ from the median in its last bit.
        rank: how far off the rank of each may be, as a share of the count, with a confidence of 99 %; 0: exact.
    """

    median: float
    bounds: Sequence[float]
    rank: float = 0.0


@dataclass(frozen=True, slots=True)
class Features:
    """Valid for as long as the pipeline that gave it is open.

    Args:
        quantiles: of each column with numbers.
        categories: gives them for each column with texts, in the order of names, each time anew.
    """

    columns: Columns
    quantiles: Mapping[str, Quantiles]
    categories: Callable[[], Iterable[tuple[str, Categories]]]
    rejected: Rejected
    files: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """What else was written, row by row: ``matrix``, ``codes``, with the names of their columns."""

    @property
    def rows(self) -> int:
        return self.columns.rows

    def entries(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """Each column, in the order of names."""
        categories = iter(self.categories())
        texts = next(categories, None)
        for name, column in self.columns:
            own = texts[1] if texts is not None and texts[0] == name else None
            if own is not None:
                texts = next(categories, None)
            yield name, _entry(self.rows, column, self.quantiles.get(name), own)

    def document(self) -> dict[str, Any]:
        return {"rows": self.rows, "rejected": self.rejected.document(), **self.files, "columns": dict(self.entries())}

    def json(self) -> Iterator[bytes]:
        """The document, a line for each column."""
        yield b'{\n"rows": %d,\n"rejected": %s,\n' % (self.rows, orjson.dumps(self.rejected.document()))
        yield b"".join(b"%s: %s,\n" % (orjson.dumps(name), orjson.dumps(one)) for name, one in self.files.items())
        yield b'"columns": {'
        between = b"\n"
        for name, entry in self.entries():
            yield between + orjson.dumps(name) + b": " + orjson.dumps(entry)
            between = b",\n"
        yield b"\n}\n}\n"


def _entry(rows: int, column: Column, quantiles: Quantiles | None, categories: Categories | None) -> dict[str, Any]:
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


def _numbers(column: Column, quantiles: Quantiles | None) -> dict[str, Any]:
    numbers = column.numbers
    found: dict[str, Any] = {
        "count": numbers.count,
        "infinite": numbers.infinite,
        "beyond_2_53": numbers.beyond,
    }
    if quantiles is None:
        return found | dict.fromkeys(("mean", "std", "min", "max", "median", "histogram_bounds", "quantile_error"))
    return found | {
        "mean": numbers.moments.mean,
        "std": numbers.deviation,
        "min": numbers.minimum,
        "max": numbers.maximum,
        "median": quantiles.median,
        "histogram_bounds": list(quantiles.bounds),
        "quantile_error": {"method": "kll", "rank": quantiles.rank} if quantiles.rank else None,
    }


def _categories(column: Column, categories: Categories) -> dict[str, Any]:
    return {
        "count": column.texts,
        "distinct": categories.distinct,
        "other": categories.other,
        "categories": [[value, count] for value, count in categories.kept],
        "count_error": categories.error or None,
    }
