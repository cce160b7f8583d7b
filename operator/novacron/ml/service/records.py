"""Records of numbers in a file: how they lie there, and how they are read again, by column.

A record holds some rows: for each of its columns their numbers one after the other, float64, NaN where a row has none.
Which columns it has stands in it, or in one before it. Nothing of this is kept in memory, so any number of records
costs the same; places are relative to the first record, so that all of them can be copied elsewhere as bytes.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from novacron.ml.domain.chunk import Floats
from novacron.ml.service.section import Damaged, Section

Ids = npt.NDArray[np.uint32]

HEAD = struct.Struct("<IIQ")
"""Of a record: columns, rows, and where the numbers of its columns stand: behind this head, or in another record."""
NUMBER = 8
ID = 4
RECORD = 1 << 17
"""Numbers of a record at most: a megabyte; a single row may have more."""


@dataclass(frozen=True, slots=True)
class Record:
    """Args:
    rows: how many.
    ids: of its columns, in the order of their numbers.
    place: of the first number, in the file.
    """

    rows: int
    ids: Ids
    place: int


@dataclass(frozen=True, slots=True)
class Records:
    """Args:
    section: where they lie; its file stays open for as long as this is used.
    ids: column -> its number in them; all numbers from 0 on, in their order.
    """

    section: Section
    ids: Mapping[str, int]

    def __iter__(self) -> Iterator[Record]:
        """In the order of the input. Raises ``Damaged``."""
        at, known, ids = 0, -1, np.empty(0, np.uint32)
        while at < self.section.length:
            columns, rows, listed = HEAD.unpack(self._read(at, HEAD.size))
            body = at + HEAD.size
            if listed != known:
                ids = np.frombuffer(self._read(listed, columns * ID), "<u4")
                known = listed
                if columns and int(ids.max()) >= len(self.ids):
                    raise _damaged(at, "has columns that there are not")
            if len(ids) != columns:
                raise _damaged(at, "has more or fewer columns than it says")
            if rows > 1 and columns * rows > RECORD:
                raise _damaged(at, "is too large")
            body += columns * ID if listed == body else 0
            at = body + columns * rows * NUMBER
            if at > self.section.length:
                raise _damaged(body, "ends behind the end of all")
            yield Record(rows, ids, self.section.offset + body)

    def tables(self, columns: Sequence[str], rows: int, every: bool = True) -> Iterator[Floats]:
        """Numbers of these columns, (columns, rows), in the order of the input; NaN where a column is not in a record.

        Each is valid until the next one is asked for. What columns that lie side by side have in a record is read by
        one call.

        Args:
            rows: of a table; the last one has fewer.
            every: rows without any of these columns, too.
        """
        table, filled, runs = np.empty((len(columns), rows), np.float64), 0, _Runs(self, columns)
        self._advise(len(columns) < len(self.ids))
        for record in self:
            found = runs.of(record.ids)
            done = 0 if found or every else record.rows
            while done < record.rows:
                now = min(rows - filled, record.rows - done)
                part = table[:, filled : filled + now]
                if sum(len(run.columns) for run in found) < len(columns):
                    part.fill(np.nan)
                for run in found:
                    runs.read(run, record, done, part)
                done, filled = done + now, filled + now
                if filled == rows:
                    yield table
                    filled = 0
        if filled:
            yield table[:, :filled]

    def read_into(self, numbers: Floats, place: int) -> None:
        """Args:
        numbers: in one piece; all of it is filled.
        place: in the file.
        """
        view = numbers.data.cast("B")
        while view:
            got = os.preadv(self.section.descriptor, [view], place)
            if not got:
                raise _damaged(place - self.section.offset, "is not there any more")
            view, place = view[got:], place + got

    def _advise(self, parts: bool) -> None:
        """Tells the system whether parts of records are read: to read ahead would be for nothing, and costs most where
        the file is larger than the memory that is left for it."""
        advice = os.POSIX_FADV_RANDOM if parts else os.POSIX_FADV_NORMAL
        os.posix_fadvise(self.section.descriptor, 0, 0, advice)

    def _read(self, at: int, size: int) -> bytes:
        if at + size > self.section.length:
            raise _damaged(at, "ends behind the end of all")
        return self.section.read(size, at)


def _damaged(at: int, reason: str) -> Damaged:
    return Damaged(f"the record of numbers at byte {at} {reason}; write the state again")


@dataclass(frozen=True, slots=True)
class _Run:
    """Columns that lie side by side in a record.

    Args:
        first: where the first of them is among the record's.
        columns: where they are among those that are asked for.
    """

    first: int
    columns: npt.NDArray[np.intp]


class _Runs:
    """What of the columns that are asked for is in a record. Those of the last record are known: most are like it."""

    def __init__(self, records: Records, columns: Sequence[str]) -> None:
        self._records = records
        self._asked = np.full(len(records.ids) + 1, -1, np.intp)
        for place, name in enumerate(columns):
            if name in records.ids:
                self._asked[records.ids[name]] = place
        self._ids: Ids | None = None
        self._found: list[_Run] = []
        self._read = np.empty(0, np.float64)

    def of(self, ids: Ids) -> list[_Run]:
        if ids is not self._ids:
            asked = self._asked[ids]
            places = np.flatnonzero(asked >= 0)
            cuts = np.flatnonzero(np.diff(places) != 1) + 1
            self._ids = ids
            self._found = [_Run(int(run[0]), asked[run]) for run in np.split(places, cuts) if len(run)]
        return self._found

    def read(self, run: _Run, record: Record, begun: int, part: Floats) -> None:
        """Args:
        begun: row of the record.
        part: (columns, rows) to fill.
        """
        rows, place = part.shape[1], record.place + run.first * record.rows * NUMBER
        if len(run.columns) == 1 or rows < record.rows:
            for position, column in enumerate(run.columns.tolist()):
                self._records.read_into(part[column], place + (position * record.rows + begun) * NUMBER)
            return
        size = len(run.columns) * rows
        if len(self._read) < size:
            self._read = np.empty(size, np.float64)
        self._records.read_into(self._read[:size], place)
        part[run.columns] = self._read[:size].reshape(-1, rows)


def finite(numbers: Floats) -> Floats:
    """The same array where all are finite. A sum tells: it holds on to what is not, and is infinite else but rarely."""
    with np.errstate(all="ignore"):
        if np.isfinite(numbers.sum()):
            return numbers
    return numbers[np.isfinite(numbers)]


def encoded(ids: Sequence[int]) -> bytes:
    return np.array(ids, "<u4").tobytes()
