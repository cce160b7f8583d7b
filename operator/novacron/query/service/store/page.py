"""One page of a list: a statement of one row, whose items PostgreSQL writes as JSON.

The rows never become objects of Python: 1,000 of them cost a tenth of the client's time that way. A list asks for one
row more than it shows, and so knows whether there are more without counting them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import LiteralString

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

MICROSECONDS: LiteralString = "(extract(epoch FROM {column}) * 1000000)::int8"
"""Of a time, exactly: PostgreSQL extracts a numeric."""

_PAGE: LiteralString = """
    SELECT coalesce(json_agg(item) FILTER (WHERE n <= %(limit)s), '[]')::text AS items,
           count(*) AS found, least(count(*), %(limit)s) AS shown,
           max(json_build_array({position})::text) FILTER (WHERE n = %(limit)s) AS last
    FROM (SELECT item, row_number() OVER () AS n
          FROM ({rows} LIMIT %(limit)s + 1 OFFSET %(offset)s) AS item) AS numbered"""
"""Made of fragments that are written in this package, in no part a client's."""


@dataclass(frozen=True, slots=True)
class Page:
    """Args:
    items: a JSON array.
    found: rows; one more than are shown where there are more.
    last: position of the last one that is shown, a JSON array; None: fewer are shown than a page holds.
    """

    items: str = field(repr=False)
    found: int
    shown: int
    last: str | None

    @property
    def more(self) -> bool:
        return self.found > self.shown


EMPTY = Page("[]", 0, 0, None)


def paged(rows: LiteralString, position: LiteralString) -> LiteralString:
    """A statement for ``Page``. Its value ``limit``: rows that are shown.

    Args:
        rows: a SELECT in its order, without a limit; its columns are the items' members.
        position: of a row ``item``, as arguments of json_build_array.
    """
    return _PAGE.format(rows=rows, position=position)


def conditions(wheres: Sequence[LiteralString]) -> LiteralString:
    """Only of what is given: a statement that asks "or is nothing given?" keeps the planner from the index."""
    return (" WHERE " + " AND ".join(wheres)) if wheres else ""


def microseconds(moment: datetime) -> int:
    """Of a time, as MICROSECONDS has it: since the epoch."""
    return (moment - _EPOCH) // timedelta(microseconds=1)


def at(position: int) -> datetime:
    """A time of a position, which is in microseconds since the epoch."""
    return _EPOCH + timedelta(microseconds=position)
