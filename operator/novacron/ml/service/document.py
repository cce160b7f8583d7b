"""The answer, for the OpenAPI document: what ``ml/domain/features.py`` writes; a test compares them."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from novacron.workload.service.answers import Sent

Count = Annotated[int, Field(ge=0)]


class Line(Sent):
    """Args:
    line: its number, from 1; of an array, that of the element.
    """

    line: int
    reason: str


class Rejected(Sent):
    """Args:
    count: lines that are in no feature.
    first: the first 20 of them.
    """

    count: Count
    first: list[Line]


class QuantileError(Sent):
    """The median and the bounds are numbers whose rank is at most ``rank`` off, as a share of the count.

    Args:
        rank: with a confidence of at least 99 %.
    """

    method: Literal["kll"]
    rank: float


class Numbers(Sent):
    """Args:
    count: finite numbers; true and false count as 1 and 0.
    infinite: counted, and left out of the rest.
    beyond_2_53: whole numbers so large that their neighbours cannot be told apart.
    std: of all numbers, not of a sample (ddof 0).
    histogram_bounds: percentiles 0, 10, ... 100.
    quantile_error: null: they are exact.
    """

    count: Count
    infinite: Count
    beyond_2_53: Count
    mean: float | None
    std: float | None
    min: float | None
    max: float | None
    median: float | None
    histogram_bounds: list[float] | None
    quantile_error: QuantileError | None


class Categories(Sent):
    """Args:
    count: texts.
    distinct: different ones.
    other: texts that are in none of the categories.
    categories: text and count, by falling count; the place of one is its code.
    count_error: by how much a count may be too small; null: they are exact.
    """

    count: Count
    distinct: Count | None
    other: Count
    categories: list[tuple[str, int]]
    count_error: Count | None


class _Column(Sent):
    """Args:
    absent: rows without the column.
    nested: rows with a list or an object there, which are not looked into.
    """

    nulls: Count
    absent: Count
    nested: Count


class EmptyColumn(_Column):
    type: Literal["empty"]


class NumberColumn(_Column, Numbers):
    type: Literal["number"]


class CategoryColumn(_Column, Categories):
    type: Literal["category"]


class MixedColumn(_Column):
    """Numbers and texts."""

    type: Literal["mixed"]
    numbers: Numbers
    categories: Categories


Column = Annotated[NumberColumn | CategoryColumn | MixedColumn | EmptyColumn, Field(discriminator="type")]


class Features(Sent):
    """Args:
    rejected: lines that could not be read.
    """

    rows: Count
    rejected: Rejected
    columns: dict[str, Column]
