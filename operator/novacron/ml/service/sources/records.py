"""Rows as dictionaries, which may differ from one another as they like, to chunks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from novacron.ml.domain.budget import Pace
from novacron.ml.domain.chunk import Chunk
from novacron.ml.service.sources.columns import Assembly
from novacron.ml.service.sources.values import ABSENT, NAN, Kind, Record, kind_of

_BYTES_OF_A_CELL = 4


def most_cells(pace: Pace) -> int:
    """Rows x columns of a chunk that has more than one row.

    A dense block of text could hold as many; without this bound, one row of very many columns would make all rows of
    its chunk as wide.
    """
    return pace.block_bytes // _BYTES_OF_A_CELL


class Gathering:
    """Rows of a chunk to come."""

    def __init__(self) -> None:
        self.rows = 0
        self._columns: dict[str, list[Any]] = {}
        """Of each: place, value, place, value; one list, for there may be far more columns than rows."""

    def fits(self, record: Record, pace: Pace) -> bool:
        """Whether it may be one more row."""
        if self.rows >= pace.rows:
            return False
        known, rows, cells = self._columns, self.rows + 1, most_cells(pace)
        if rows == 1 or rows * (len(known) + len(record)) <= cells:
            return True
        return rows * (len(known) + sum(name not in known for name in record)) <= cells

    def add(self, record: Record) -> None:
        """One more row."""
        columns, row = self._columns, self.rows
        for name, value in record.items():
            if name in columns:
                columns[name] += (row, value)
            else:
                columns[name] = [row, value]
        self.rows = row + 1

    def chunk(self) -> Chunk:
        """All rows; there is one at least. Then it begins anew."""
        assembly = Assembly(self.rows, len(self._columns))
        for name, column in self._columns.items():
            values = column[1::2]
            kind = kind_of(values)
            if len(values) < self.rows:
                values = self._spread(column, NAN if kind | Kind.NUMBER == Kind.NUMBER else ABSENT)
                kind |= Kind.MISSING
            assembly.add(name, kind, values)
        self.rows, self._columns = 0, {}
        return assembly.chunk()

    def _spread(self, column: list[Any], absent: Any) -> list[Any]:
        values = [absent] * self.rows
        for row, value in zip(column[::2], column[1::2], strict=True):
            values[row] = value
        return values


def gathered(records: Iterable[Record], pace: Pace) -> Iterator[Chunk]:
    """All rows in chunks."""
    gathering = Gathering()
    for record in records:
        if not gathering.fits(record, pace):
            yield gathering.chunk()
        gathering.add(record)
    if gathering.rows:
        yield gathering.chunk()
