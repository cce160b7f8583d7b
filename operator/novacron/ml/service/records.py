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

from novacron.core.errors import NovaCronError
from novacron.ml.domain.chunk import Floats

Ids = npt.NDArray[np.uint32]

HEAD = struct.Struct("<IIQ")
"""Of a record: columns, rows, and where the numbers of its columns stand: behind this head, or in another record."""
NUMBER = 8
ID = 4
BLOCK = 1 << 16
"""Numbers of a block."""


class DamagedRecords(NovaCronError):
    """Records that nobody can have written so."""


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
    descriptor: of an open file, which stays open for as long as this is used; its position is not.
    begin, size: where they lie in it, in bytes.
    ids: column -> its number in them.
    """

    descriptor: int
    begin: int
    size: int
    ids: Mapping[str, int]

    def __iter__(self) -> Iterator[Record]:
        """In the order of the input. Raises ``DamagedRecords``."""
        at, known, ids = 0, -1, np.empty(0, np.uint32)
        while at < self.size:
            columns, rows, listed = HEAD.unpack(self._read(at, HEAD.size))
            body = at + HEAD.size
            if listed != known:
                ids = np.frombuffer(self._read(listed, columns * ID), "<u4")
                known = listed
            if len(ids) != columns or (columns and int(ids.max()) >= len(self.ids)):
                raise DamagedRecords(f"the record at byte {at} has columns that there are not; make the file again")
            body += columns * ID if listed == body else 0
            at = body + columns * rows * NUMBER
            if at > self.size:
                raise DamagedRecords(f"the last record ends {at - self.size} bytes behind the end; make the file again")
            yield Record(rows, ids, self.begin + body)

    def blocks(self, column: str) -> Iterator[Floats]:
        """Its finite numbers, in the order of the input; each block is valid until the next one is asked for."""
        number = self.ids.get(column)
        if number is None:
            return
        block, filled = np.empty(BLOCK, np.float64), 0
        for record in self:
            for position in np.flatnonzero(record.ids == number).tolist():
                at, left = record.place + position * record.rows * NUMBER, record.rows
                while left:
                    taken = min(left, BLOCK - filled)
                    self.read_into(block[filled : filled + taken], at)
                    at, left, filled = at + taken * NUMBER, left - taken, filled + taken
                    if filled == BLOCK:
                        yield finite(block)
                        filled = 0
        if filled:
            yield finite(block[:filled])

    def read_into(self, numbers: Floats, place: int) -> None:
        """Args:
        numbers: in one piece; all of it is filled.
        place: in the file.
        """
        view = numbers.data.cast("B")
        while view:
            got = os.preadv(self.descriptor, [view], place)
            if not got:
                raise DamagedRecords("the file of the records has become shorter; leave it as it is while it is read")
            view, place = view[got:], place + got

    def _read(self, at: int, size: int) -> bytes:
        if at + size > self.size:
            raise DamagedRecords(f"the record at byte {at} ends behind the end; make the file again")
        return os.pread(self.descriptor, size, self.begin + at)


def finite(numbers: Floats) -> Floats:
    """The same array where all are finite. A sum tells: it holds on to what is not, and is infinite else but rarely."""
    with np.errstate(all="ignore"):
        if np.isfinite(numbers.sum()):
            return numbers
    return numbers[np.isfinite(numbers)]


def encoded(ids: Sequence[int]) -> bytes:
    return np.array(ids, "<u4").tobytes()
