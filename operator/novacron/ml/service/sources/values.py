"""What a JSON value may be, and the types that tell msgspec so."""

from __future__ import annotations

from collections.abc import Iterable
from types import NoneType
from typing import Any, TypedDict

import msgspec


class List(msgspec.Struct, array_like=True, gc=False, frozen=True):
    """Any list: its elements are checked for their syntax, and not kept."""


class Object(TypedDict):
    """Any object: the same."""


class Absent(msgspec.Struct, gc=False, frozen=True):
    """Stands where a row has no such column."""


Record = dict[str, Any]
"""A row: the values are of the types in ``KINDS``."""
ABSENT = Absent()
NESTED = List()
NAN = float("nan")


class Kind:
    """What values a column has been seen to hold, as bits (an IntFlag takes a microsecond to add one).

    Booleans are numbers; nulls are allowed in every column.
    """

    NULL = 0
    NUMBER = 1
    TEXT = 2
    NESTED = 4
    MISSING = 8


KINDS: dict[type, int] = {
    float: Kind.NUMBER,
    bool: Kind.NUMBER,
    str: Kind.TEXT,
    NoneType: Kind.NULL,
    List: Kind.NESTED,
    dict: Kind.NESTED,
    Absent: Kind.MISSING,
}
ANY: Any = float | bool | str | None | List | Object


def kind_of(values: Iterable[Any]) -> int:
    """Of all of them together."""
    kind = Kind.NULL
    for seen in set(map(type, values)):
        kind |= KINDS[seen]
    return kind
