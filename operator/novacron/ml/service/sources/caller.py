"""A caller's own values and rows: what of them are numbers, texts, nulls, or neither. Nothing of them is changed."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, time
from decimal import Decimal
from math import inf, isnan
from numbers import Real
from typing import Any
from uuid import UUID

import numpy as np

from novacron.ml.domain.budget import Pace
from novacron.ml.domain.chunk import Chunk
from novacron.ml.service.sources.dates import iso
from novacron.ml.service.sources.records import gathered
from novacron.ml.service.sources.report import Report
from novacron.ml.service.sources.values import NESTED, Record


class Unfit(ValueError):
    """No row; the text says why, without what stands there."""


def records(rows: Iterable[object], pace: Pace, report: Report) -> Iterator[Chunk]:
    """Mappings from names to values, in chunks. What is none is reported by its place; the first is 1."""
    report.unit = "record"
    return gathered(_read(rows, report), pace)


def value_of(value: object) -> Any:
    """The value as a row holds it: a float, a bool, a text, None, or ``NESTED`` for whatever is none of these.

    Integers and decimals become floats, infinite ones where they are too large. Dates and times are texts (ISO 8601).
    NaN, and what pandas calls missing, is null.

    Raises:
        Unfit: a text with an unpaired surrogate, which is no Unicode.
    """
    kind = type(value)
    if kind is str:
        return _text(value)  # type: ignore[arg-type]
    if kind is float:
        return None if value != value else value  # noqa: PLR0124
    if value is None or kind is bool:
        return value
    if kind is int:
        return _float(value)  # type: ignore[arg-type]
    return _unusual(value)


def _unusual(value: object) -> Any:
    if isinstance(value, np.datetime64):
        return iso(np.array([value]))[0]
    if isinstance(value, np.timedelta64):  # an integer to numpy, but its number says nothing without the unit
        return None if np.isnat(value) else NESTED
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, Real | Decimal | np.bool_):
        return _float(value)
    return None if _missing(value) else _written(value)


def _written(value: object) -> Any:
    if isinstance(value, date | time):
        return value.isoformat()
    return str(value) if isinstance(value, UUID) else NESTED


def _missing(value: object) -> bool:
    pandas = sys.modules.get("pandas")
    return pandas is not None and (value is pandas.NA or value is pandas.NaT)


def _float(value: Real | Decimal | np.bool_) -> float | None:
    try:
        number = float(value)
    except OverflowError:
        return inf if value > 0 else -inf  # type: ignore[operator] # all that overflow can be compared
    except ValueError:  # a signalling NaN
        return None
    return None if isnan(number) else number


def _text(value: str) -> str:
    if type(value) is not str:  # numpy's, or an enumeration's: msgpack knows none of them
        value = str.__str__(value)
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError:
            raise Unfit("holds an unpaired surrogate, which is no text") from None
    return value


def _read(rows: Iterable[object], report: Report) -> Iterator[Record]:
    for place, row in enumerate(rows, 1):
        try:
            yield _record(row)
        except Unfit as error:
            report.reject(place, str(error))


def _record(row: object) -> Record:
    if not isinstance(row, Mapping):
        raise Unfit("is no mapping of names to values")
    if not all(isinstance(name, str) for name in row):
        raise Unfit("has a name that is no text")
    return {_text(name): value_of(value) for name, value in row.items()}
