"""Counts of all columns' texts: in memory up to a budget, beyond it on disk; or, when asked, within a bound."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from operator import itemgetter
from typing import Self

from novacron.ml.domain.categories import KEPT, Categories, Forgotten, Ranking, Tally
from novacron.ml.service.room import Room, RoomFile
from novacron.ml.service.runs import FAN_IN, Batch, Run, in_order, merged, written

COLUMN_BYTES = 1 << 20
TOTAL_BYTES = 6 << 20
_REPEATED = 4
"""Runs of a level where merging takes away half or more: the disk grows with different texts, not with rows."""


class _Level:
    """Runs of about one age in one file; all of them become one run of the next level, and the file is empty again."""

    def __init__(self, file: RoomFile) -> None:
        self.file = file
        self.runs: list[Run] = []
        self.most = FAN_IN

    def write(self, batches: Iterable[Batch]) -> None:
        self.runs.append(written(self.file, batches))

    def clear(self) -> None:
        self.runs.clear()
        self.file.truncate()


class Texts:
    """Counts of texts by column. Parts combine in any order to the same answer. Not for several threads.

    Args:
        room: for what does not fit into memory.
        column_bytes: of memory that one column may take before it is moved to disk; one chunk more at times.
        total_bytes: that all of them may; the largest are moved first.
        approximate: nothing is moved to disk; the rarest are forgotten instead, within a bound that is told.
    """

    def __init__(
        self,
        room: Room,
        *,
        column_bytes: int = COLUMN_BYTES,
        total_bytes: int = TOTAL_BYTES,
        approximate: bool = False,
    ) -> None:
        self._room = room
        self._column_bytes = column_bytes
        self._total_bytes = total_bytes
        self._approximate = approximate
        self._tallies: dict[str, Tally] = {}
        self._levels: list[_Level] = []
        self._foreign: list[Run] = []
        self._others: list[Texts] = []
        self.bytes = 0
        """Of memory."""

    def add(self, texts: Mapping[str, Sequence[str | None]]) -> dict[str, int]:
        """Counts the texts of a chunk. Gives how many each column has; looking for None once more is not cheap.

        Raises:
            SpillFull: part of the chunk is counted then, and nothing can follow.
        """
        found = {}
        for column, values in texts.items():
            tally = self._tally(column)
            held = tally.bytes
            found[column] = tally.update(values)
            self._grown(column, tally, held)
        return found

    def adopt(self, runs: Iterable[Run], forgotten: Mapping[str, Forgotten] | None = None) -> None:
        """Adds what another one gave by ``parts``. Their file must stay open until the answer is there."""
        self._foreign += runs
        self._approximate = self._approximate or bool(forgotten)
        for column, lost in (forgotten or {}).items():
            self._tally(column).forget(lost)
        if self._approximate:
            self._absorb()

    def merge(self, other: Texts) -> None:
        """Adds another one, which then belongs to this one."""
        self._others.append(other)
        self.adopt(*other.parts())

    def parts(self) -> tuple[tuple[Run, ...], dict[str, Forgotten]]:
        """All of it, for a state or another one: counts, and what is missing in them. Afterwards only to be closed.

        Raises:
            SpillFull
        """
        forgotten = {column: tally.forgotten() for column, tally in self._tallies.items()} if self._approximate else {}
        self._move(self._tallies)
        return tuple(self._runs()), forgotten

    def finish(self, most: int = KEPT) -> Iterator[tuple[str, Categories]]:
        """Each column, by name. May be asked again, with another ``most``.

        Raises:
            SpillFull, Damaged
        """
        if self._runs():
            self._move(self._tallies)
            for column, batches in groupby(merged(self._few()), itemgetter(0)):
                ranking = Ranking(most)
                for _, counts in batches:
                    ranking.add(counts)
                yield column, Categories(ranking.count, ranking.distinct, ranking.kept())
        for column in sorted(self._tallies):
            if (ranked := self._tallies[column].ranked(most)).count:
                yield column, ranked

    def close(self) -> None:
        """Gives memory and disk back."""
        for level in self._levels:
            level.file.close()
        for other in self._others:
            other.close()
        self._tallies.clear()
        self.bytes = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _tally(self, column: str) -> Tally:
        tally = self._tallies.get(column)
        if tally is None:
            tally = self._tallies[column] = Tally()
            self.bytes += tally.bytes
        return tally

    def _grown(self, column: str, tally: Tally, held: int) -> None:
        now = tally.bytes
        self.bytes += now - held
        if now > self._column_bytes:
            self._relieve([column])
        if self.bytes > self._total_bytes:
            self._relieve(self._largest())

    def _largest(self) -> list[str]:
        """Columns that hold half of the memory, or more."""
        by_size = sorted(self._tallies, key=lambda column: (-self._tallies[column].bytes, column))
        held, chosen = 0, []
        for column in by_size:
            chosen.append(column)
            held += self._tallies[column].bytes
            if 2 * held >= self.bytes:
                break
        return chosen

    def _relieve(self, columns: Sequence[str]) -> None:
        if not self._approximate:
            self._move(columns)
            return
        for tally in map(self._tallies.__getitem__, columns):
            held = tally.bytes
            tally.shrink(held * 3 // 4)
            self.bytes += tally.bytes - held

    def _move(self, columns: Iterable[str]) -> None:
        """From memory to disk."""
        chosen = sorted(columns)
        if not chosen:
            return
        if not self._levels:
            self._levels.append(_Level(self._room.file()))
        self._levels[0].write((column, *self._tallies[column].in_order()) for column in chosen)
        for column in chosen:
            tally = self._tallies.pop(column)
            self.bytes -= tally.bytes
            tally.clear()
        self._compact()

    def _compact(self) -> None:
        for age, level in enumerate(self._levels):
            if len(level.runs) < level.most:
                break
            if level is self._levels[-1]:
                self._levels.append(_Level(self._room.file()))
            older = self._levels[age + 1]
            older.write(in_order(merged(level.runs)))
            if 2 * older.runs[-1].length < sum(run.length for run in level.runs):
                older.most = _REPEATED
            level.clear()

    def _absorb(self) -> None:
        """From disk to memory, where only that is left which fits."""
        for column, counts in merged(self._few()):
            tally = self._tally(column)
            held = tally.bytes
            tally.add(counts)
            self._grown(column, tally, held)
        self._foreign.clear()
        for level in self._levels:
            level.clear()

    def _runs(self) -> list[Run]:
        return self._foreign + [run for level in self._levels for run in level.runs]

    def _few(self) -> list[Run]:
        """As many as are read at a time. Of more, the shortest become one before."""
        found = sorted(self._runs(), key=_length)
        if len(found) > FAN_IN:
            self._levels.append(_Level(self._room.file()))
        while len(found) > FAN_IN:
            chosen = set(found[: min(FAN_IN, len(found) - FAN_IN + 1)])
            self._levels[-1].write(in_order(merged(list(chosen))))
            self._foreign = [run for run in self._foreign if run not in chosen]
            for level in self._levels:
                level.runs = [run for run in level.runs if run not in chosen]
            found = sorted(self._runs(), key=_length)
        return found


def _length(run: Run) -> int:
    return run.length
