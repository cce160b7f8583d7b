"""The pipeline: chunks in, features out, in memory that does not grow with the rows (decisions 0030, 0032, 0033)."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Literal

import numpy as np

from novacron.adapters import memory
from novacron.ml.domain import columns as known
from novacron.ml.domain.budget import MemoryBudgetExceeded, Pace
from novacron.ml.domain.chunk import Chunk, Floats
from novacron.ml.domain.columns import Columns
from novacron.ml.domain.features import BOUNDS, MEDIAN, NOTHING, Counting, Features, Median, Quantiles, Rejected
from novacron.ml.service import matrix, ranks, states
from novacron.ml.service.codes import Codes
from novacron.ml.service.matrix import Dtype
from novacron.ml.service.output import output
from novacron.ml.service.pressure import Budget, Pressure
from novacron.ml.service.records import Records
from novacron.ml.service.room import Room
from novacron.ml.service.spill import Spill
from novacron.ml.service.states import Contents, InvalidPart, State
from novacron.ml.service.texts import COLUMN_BYTES, Texts
from novacron.quantiles.sketch import Sketch

_COLUMNS_SHARE = 3
"""Of the memory, the part that columns may take by their mere number."""
_SKETCH_BYTES = 19_000
"""Of memory, for the sketch of a column, once it has taken many numbers."""
_TEXTS_SHARE = 8
"""Of the memory, the part that the texts of all columns together may take."""
_CODES_SHARE = 4
"""Of the memory, the part that categories may take while codes are written."""
_CODE_BYTES = 150
"""Of memory, for the code of a text, beside the text."""
_GATHERED = 1 << 17
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
    median: Median = "exact"
    categories: Counting = "exact"
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
        self.pressure = Pressure(plan.budget, pace)
        self._own = plan.budget.limit if plan.own is None else plan.own
        self.room = room or Room(plan.directory, plan.max_spill)
        self.columns = self._empty()
        self._spill = Spill(self.room) if plan.median == "exact" or plan.matrix else None
        self._texts = Texts(
            self.room,
            column_bytes=plan.max_distinct,
            total_bytes=self._own // _TEXTS_SHARE,
            approximate=plan.categories == "misra-gries",
        )
        self._codes = (
            Codes(self.room, column_bytes=plan.max_distinct, total_bytes=self._own // _TEXTS_SHARE)
            if plan.codes
            else None
        )
        self._states: list[State] = []
        self._rejected = NOTHING
        self._pending: list[Floats] = []
        self._names: tuple[str, ...] = ()
        """Columns of what is pending."""

    def __enter__(self) -> Pipeline:
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _value: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Frees what it holds on disk, and gives memory back that the C library would keep for the next job."""
        if self._spill is not None:
            self._spill.close()
        if self._codes is not None:
            self._codes.close()
        self._texts.close()
        for state in self._states:
            state.close()
        self._pending.clear()
        gc.collect()  # types of rows are circles, which only a collection of all finds
        memory.trim()  # what jobs of many kinds leave between each other's blocks adds up

    def run(self, chunks: Iterable[Chunk]) -> None:
        """Takes all of them. Raises ``MemoryBudgetExceeded``, ``SpillFull``, and what reading them raises."""
        for chunk in chunks:
            self.add(chunk)

    def add(self, chunk: Chunk) -> None:
        """Takes one. Raises ``MemoryBudgetExceeded`` or ``SpillFull``."""
        self.columns.take(chunk)
        if self._spill is not None:
            self._spill.write(chunk)
        self.columns.count_texts(self._texts.add(chunk.texts))
        if self._codes is not None:
            self._codes.add(chunk.rows, chunk.texts)
        self._gather(chunk)
        self.pressure.check()

    def _gather(self, chunk: Chunk) -> None:
        """Chunks of few rows wait for each other: of wide tables, which are looked at a row at a time else."""
        if chunk.number_names != self._names:
            self._count()
            self._names = chunk.number_names
        self._pending.append(chunk.numbers)
        rows = sum(numbers.shape[1] for numbers in self._pending)
        if rows >= _FEW_ROWS or rows * len(self._names) >= _GATHERED:
            self._count()

    def _count(self) -> None:
        if self._pending:
            block = self._pending[0] if len(self._pending) == 1 else np.hstack(self._pending)
            self._pending.clear()
            self.columns.count(self._names, block)

    def absorb(self, state: State) -> None:
        """Takes all that another one has taken, which then belongs to this one.

        Raises:
            InvalidPart: it was made in another way.
            MemoryBudgetExceeded, SpillFull, Damaged
        """
        self._states.append(state)
        if (state.median, state.categories) != (self._plan.median, self._plan.categories):
            made, wanted = (f"--median {one.median} --categories {one.categories}" for one in (state, self._plan))
            raise InvalidPart(f"{state.path}: it was made with {made}, another one with {wanted}; make all alike")
        columns = self._empty()
        state.restore(columns)
        self.columns.merge(columns)
        self._texts.adopt(state.texts(), state.forgotten)
        self._rejected = self._rejected.with_part(state.rejected)

    def save(self, path: Path, rejected: Rejected = NOTHING) -> None:
        """Writes the state of all that was taken. Afterwards only to be closed. Raises ``Unwritten``, ``SpillFull``."""
        self._count()
        numbers = self._records() if self._plan.median == "exact" else []
        texts, forgotten = self._texts.parts()
        states.write(
            path,
            Contents(
                self._plan.median,
                self._plan.categories,
                self.columns,
                numbers,
                texts,
                forgotten,
                rejected.with_part(self._rejected),
            ),
        )

    def write_matrix(self, path: Path, dtype: Dtype) -> list[str]:
        """The numbers, row by row, once all were taken; gives the names of the columns.

        Args:
            path: ends with ``.npy`` or ``.arrow``, which says what is written.

        Raises:
            Unwritten
        """
        columns = [name for name, column in self.columns if column.numbers.count or column.numbers.infinite]
        form: Literal["npy", "arrow"] = "arrow" if path.suffix == ".arrow" else "npy"
        with output(path) as target:
            matrix.write(target, form, self._records(), columns, self.columns.rows, dtype)
        return columns

    def write_codes(self, path: Path) -> list[str]:
        """The texts, row by row, as places among the categories, once all were taken; gives the columns' names.

        Raises:
            Unwritten, Damaged
            MemoryBudgetExceeded: the categories of all columns are needed at once, and do not fit.
        """
        kept: dict[str, list[str]] = {}
        size = 0
        for name, categories in self._texts.finish():
            kept[name] = [text for text, _count in categories.kept]
            size += sum(map(str.__sizeof__, kept[name])) + _CODE_BYTES * len(kept[name])
            if size > self._own // _CODES_SHARE:
                said = f"the categories of {len(kept):,} columns and more do not fit into the memory"
                raise MemoryBudgetExceeded(f"{said}; allow more (--max-memory), or leave out --codes")
        if self._codes is not None:
            with output(path) as target:
                self._codes.write(target, self.columns.rows, kept)
        return list(kept)

    def finish(
        self,
        rejected: Rejected = NOTHING,
        done: Callable[[int], None] = lambda _columns: None,
        check: Callable[[], None] | None = None,
    ) -> Features:
        """Of all that was taken.

        Args:
            done: told how many columns are.
            check: called now and then while numbers are read again; what it raises ends that.

        Raises:
            SpillFull, Damaged
        """
        self._count()
        quantiles: dict[str, Quantiles] = {}
        for name, found in self._sketched() if self._plan.median == "kll" else self._exact(check):
            quantiles[name] = found
            done(len(quantiles))
        return Features(self.columns, quantiles, self._texts.finish, rejected.with_part(self._rejected))

    def _sketched(self) -> Iterator[tuple[str, Quantiles]]:
        for name, column in self.columns:
            if column.sketch is not None and column.sketch.count:
                found = column.sketch.estimates(BOUNDS)
                values = [one.value for one in found]
                yield name, Quantiles(values[MEDIAN], values, max(one.error.rank for one in found))

    def _exact(self, check: Callable[[], None] | None) -> Iterator[tuple[str, Quantiles]]:
        asked = [
            ranks.Asked(name, column.numbers.count, column.numbers.minimum, column.numbers.maximum)
            for name, column in self.columns
            if column.numbers.count
        ]
        for name, found in ranks.exact(self._records(), asked, BOUNDS, check=check):
            yield name, Quantiles(found.median(), np.array(found.values()).data)

    def _records(self) -> list[Records]:
        """Of all numbers."""
        own = [self._spill.records()] if self._spill is not None and self._spill.rows else []
        return [*own, *(records for state in self._states for records in state.numbers())]

    def _empty(self) -> Columns:
        each = known.COLUMN_BYTES + (_SKETCH_BYTES if self._plan.median == "kll" else 0)
        return Columns(self._own // _COLUMNS_SHARE // each, _sketch(self._plan))


def _sketch(plan: Plan) -> Callable[[], Sketch] | None:
    if plan.median == "exact":
        return None
    from novacron.quantiles.sketches import Kll  # here, because its library is not needed where medians are exact

    return Kll
