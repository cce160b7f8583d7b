"""The pipeline: chunks in, features out, in memory that does not grow with the rows (decisions 0030, 0032, 0033)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Literal

import numpy as np

from novacron.ml.domain import columns as known
from novacron.ml.domain.budget import Pace
from novacron.ml.domain.chunk import Chunk
from novacron.ml.domain.columns import Columns
from novacron.ml.domain.features import BOUNDS, Features, Quantiles, Rejected
from novacron.ml.service import ranks
from novacron.ml.service.pressure import Budget, Pressure
from novacron.ml.service.records import Records
from novacron.ml.service.room import Room
from novacron.ml.service.spill import Spill
from novacron.ml.service.texts import COLUMN_BYTES, Texts
from novacron.quantiles.sketch import Sketch

_COLUMNS_SHARE = 3
"""Of the memory, the part that columns may take by their mere number."""
_TEXTS_SHARE = 8
"""Of the memory, the part that the texts of all columns together may take."""
_GATHERED = 1 << 18
"""Numbers for which it pays to look at them at once: chunks of wide tables have few rows."""
_FEW_ROWS = 256


@dataclass(frozen=True, slots=True)
class Plan:
    """What is asked for, and what it may take.

    Args:
        directory: for what does not fit into memory.
        max_spill: bytes there.
        max_distinct: bytes of memory for the distinct texts of a column.
        matrix: whether the numbers are wanted again, row by row.
        codes: whether the texts are wanted again, as codes.
        own: bytes of the budget that this pipeline may have, where several share it; None: all of them.
    """

    budget: Budget
    directory: Path
    max_spill: int = 10_000_000_000
    max_distinct: int = COLUMN_BYTES
    median: Literal["exact", "kll"] = "exact"
    categories: Literal["exact", "misra-gries"] = "exact"
    matrix: bool = False
    codes: bool = False
    own: int | None = None


class Pipeline:
    """Of one input; not for several threads at once. A context manager: what it holds on disk goes with it.

    Args:
        pace: of the input, made smaller while memory is short.
        room: on disk, where it is not the plan's alone.
    """

    def __init__(self, plan: Plan, pace: Pace, room: Room | None = None) -> None:
        self.pace = pace
        self._plan = plan
        self._pressure = Pressure(plan.budget, pace)
        own = plan.budget.limit if plan.own is None else plan.own
        self.room = room or Room(plan.directory, plan.max_spill)
        self.columns = Columns(own // _COLUMNS_SHARE // known.COLUMN_BYTES, _sketch(plan))
        self._spill = Spill(self.room) if plan.median == "exact" or plan.matrix else None
        self._texts = Texts(
            self.room,
            column_bytes=plan.max_distinct,
            total_bytes=own // _TEXTS_SHARE,
            approximate=plan.categories == "misra-gries",
        )
        self._pending: list[Chunk] = []

    def __enter__(self) -> Pipeline:
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _value: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Frees what it holds on disk."""
        if self._spill is not None:
            self._spill.close()
        self._texts.close()

    def run(self, chunks: Iterable[Chunk]) -> None:
        """Takes all of them. Raises ``MemoryBudgetExceeded``, ``SpillFull``, and what reading them raises."""
        for chunk in chunks:
            self.add(chunk)

    def add(self, chunk: Chunk) -> None:
        """Takes one. Raises ``MemoryBudgetExceeded`` or ``SpillFull``."""
        self.columns.take(chunk)
        if self._spill is not None:
            self._spill.write(chunk)
        self._texts.add(chunk.texts)
        self._gather(chunk)
        self._pressure.check()

    def _gather(self, chunk: Chunk) -> None:
        """Chunks of few rows wait for each other."""
        pending = self._pending
        if pending and pending[0].number_names != chunk.number_names:
            self._count()
        pending.append(chunk)
        rows = sum(one.rows for one in pending)
        if rows >= _FEW_ROWS or rows * len(chunk.number_names) >= _GATHERED:
            self._count()

    def _count(self) -> None:
        if not self._pending:
            return
        blocks = [one.numbers for one in self._pending]
        self.columns.count(self._pending[0].number_names, blocks[0] if len(blocks) == 1 else np.hstack(blocks))
        self._pending.clear()

    def finish(self, rejected: Rejected, done: Callable[[int], None] = lambda _columns: None) -> Features:
        """Of all that was taken.

        Args:
            done: told how many columns are.

        Raises:
            SpillFull, Damaged, DamagedRecords
        """
        self._count()
        quantiles: dict[str, Quantiles] = {}
        for name, found in self._sketched() if self._plan.median == "kll" else self._exact():
            quantiles[name] = found
            done(len(quantiles))
        return Features(self.columns, quantiles, self._texts.finish, rejected)

    def _sketched(self) -> Iterator[tuple[str, Quantiles]]:
        for name, column in self.columns:
            if column.sketch is not None and column.sketch.count:
                found = column.sketch.estimates(BOUNDS)
                yield name, Quantiles([one.value for one in found], max(one.error.rank for one in found))

    def _exact(self) -> Iterator[tuple[str, Quantiles]]:
        asked = [
            ranks.Column(name, column.numbers.count, column.numbers.minimum, column.numbers.maximum)
            for name, column in self.columns
            if column.numbers.count
        ]
        for name, values in ranks.exact(self._records(), asked, BOUNDS):
            yield name, Quantiles(np.array(values).data)

    def _records(self) -> list[Records]:
        """Of all numbers."""
        return [self._spill.records()] if self._spill is not None else []


def _sketch(plan: Plan) -> Callable[[], Sketch] | None:
    if plan.median == "exact":
        return None
    from novacron.quantiles.sketches import Kll  # here, because its library is not needed where medians are exact

    return Kll
