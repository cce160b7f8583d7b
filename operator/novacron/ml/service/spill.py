"""The numbers of an input on disk: written once, in the order in which they come, and read again by column.

Chunks are put together before they are written: many rows of a column that lie side by side are read by one call.
"""

from __future__ import annotations

from typing import Self

import numpy as np

from novacron.ml.domain.chunk import Chunk, Floats
from novacron.ml.service.records import HEAD, RECORD, Records, encoded
from novacron.ml.service.room import Room
from novacron.ml.service.section import Section


class Spill:
    """Args:
    room: what counts its bytes; one file of it is used.
    """

    def __init__(self, room: Room) -> None:
        self._file = room.file()
        self.ids: dict[str, int] = {}
        """Column -> its number here."""
        self.rows = 0
        self._stage = np.empty(0, np.float64)
        self._names: tuple[str, ...] = ()
        """Columns of what is staged."""
        self._staged = 0
        """Rows of it."""
        self._listed: tuple[tuple[str, ...], int] | None = None
        """Columns of the last record, and where their numbers stand."""

    def write(self, chunk: Chunk) -> None:
        """Takes the numbers of a chunk, infinities too.

        Raises:
            SpillFull: some of its rows may be written. Nothing more can be.
        """
        if self._staged and not self._joins(chunk):
            self._flush()
        if not self._staged:
            self._begin(chunk.number_names)
        taken = 0
        while taken < chunk.rows:
            now = min(chunk.rows - taken, self._fitting() - self._staged)
            self._put(chunk, taken, now)
            taken += now
            if self._staged == self._fitting():
                self._flush()
        self.rows += chunk.rows

    def records(self) -> Records:
        """All that was written; good until the next ``write`` or ``close``. Raises ``SpillFull``."""
        self._flush()
        self._stage = np.empty(0, np.float64)
        return Records(Section(self._file.descriptor, 0, self._file.size), self.ids)

    def close(self) -> None:
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _joins(self, chunk: Chunk) -> bool:
        """Whether it may stand in one record with what is staged: the columns that it has not are filled with NaN."""
        if chunk.number_names == self._names:
            return True
        return 2 * len(chunk.number_names) >= len(self._names) and set(chunk.number_names) <= set(self._names)

    def _begin(self, names: tuple[str, ...]) -> None:
        self._names = names
        for name in names:
            self.ids.setdefault(name, len(self.ids))
        size = max(RECORD, len(names))
        if len(self._stage) < size:
            self._stage = np.empty(size, np.float64)

    def _fitting(self) -> int:
        """Rows of a record."""
        return len(self._stage) // max(1, len(self._names))

    def _table(self) -> Floats:
        """What is staged, and what has room beside it: (columns, rows)."""
        columns, rows = len(self._names), self._fitting()
        return self._stage[: columns * rows].reshape(columns, rows)

    def _put(self, chunk: Chunk, begun: int, rows: int) -> None:
        part = self._table()[:, self._staged : self._staged + rows]
        if chunk.number_names == self._names:
            part[...] = chunk.numbers[:, begun : begun + rows]
        else:
            place = {name: position for position, name in enumerate(self._names)}
            part[...] = np.nan
            part[[place[name] for name in chunk.number_names]] = chunk.numbers[:, begun : begun + rows]
        self._staged += rows

    def _flush(self) -> None:
        if not self._staged:
            return
        columns, rows = len(self._names), self._staged
        numbers = np.ascontiguousarray(self._table()[:, :rows])
        if self._listed and self._listed[0] == self._names:
            listed, ids = self._listed[1], b""
        else:
            listed = self._file.size + HEAD.size
            ids = encoded([self.ids[name] for name in self._names])
        self._file.append(HEAD.pack(columns, rows, listed), ids, numbers.data if columns else b"")
        self._listed = (self._names, listed)
        self._staged = 0
