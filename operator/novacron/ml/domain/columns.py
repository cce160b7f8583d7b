"""What is known of every column so far, but for what needs disk: counts of each kind of value, and the numbers.

Every row of a column is exactly one of: a finite number, an infinity, a text, null, nested, absent. Nulls are what the
others leave, so that columns without oddities cost nothing to count.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from novacron.core.errors import NovaCronError
from novacron.ml.domain import numbers
from novacron.ml.domain.budget import MemoryBudgetExceeded
from novacron.ml.domain.chunk import Chunk, Floats
from novacron.ml.domain.numbers import Numbers
from novacron.quantiles.sketch import Sketch

COLUMN_BYTES = 2048
"""Of memory, about, for a column without its texts: two whole numbers of up to 4,300 bits, its name, its counts."""


class InvalidState(NovaCronError):
    """Columns that contradict themselves, or were put together in another way than those they are merged with."""


@dataclass(slots=True)
class Column:
    """Args:
    seen: rows of chunks that had the column.
    missing: of these, rows without it.
    nested: rows with a list or an object.
    texts: rows with a text.
    sketch: of the finite numbers, where medians are asked by one.
    """

    seen: int = 0
    missing: int = 0
    nested: int = 0
    texts: int = 0
    numbers: Numbers = field(default_factory=Numbers)
    sketch: Sketch | None = None

    def absent(self, rows: int) -> int:
        """Of so many rows of the table."""
        return rows - self.seen + self.missing

    @property
    def nulls(self) -> int:
        other = self.missing + self.nested + self.texts + self.numbers.count + self.numbers.infinite
        return self.seen - other

    def merge(self, other: Column) -> None:
        self.seen += other.seen
        self.missing += other.missing
        self.nested += other.nested
        self.texts += other.texts
        self.numbers.merge(other.numbers)
        if self.sketch is not None and other.sketch is not None:
            self.sketch.merge(other.sketch)


class Columns:
    """Args:
    most: columns that fit the budget.
    sketch: an empty one for each column, where medians come from sketches.
    """

    def __init__(self, most: int, sketch: Callable[[], Sketch] | None = None) -> None:
        self.rows = 0
        self._most = most
        self._sketch = sketch
        self._known: dict[str, Column] = {}

    def __iter__(self) -> Iterator[tuple[str, Column]]:
        """In the order of their names."""
        return iter(sorted(self._known.items()))

    def __len__(self) -> int:
        return len(self._known)

    def __getitem__(self, name: str) -> Column:
        """Raises ``MemoryBudgetExceeded``: it is new, and there is no room."""
        found = self._known.get(name)
        if found is None:
            if len(self._known) >= self._most:
                raise MemoryBudgetExceeded(
                    f"more than {self._most:,} columns do not fit into the memory; allow more with --max-memory, or"
                    " send fewer columns"
                )
            found = self._known[name] = Column(sketch=self._sketch() if self._sketch is not None else None)
        return found

    def take(self, chunk: Chunk) -> None:
        """Brings all columns forward but for texts and numbers, which follow. Raises ``MemoryBudgetExceeded``."""
        self.rows += chunk.rows
        for name in {*chunk.number_names, *chunk.texts, *chunk.oddities}:
            self[name].seen += chunk.rows
        for name, oddity in chunk.oddities.items():
            self[name].missing += oddity.absent
            self[name].nested += oddity.nested

    def count_texts(self, texts: Mapping[str, int]) -> None:
        """Takes how many texts each column has in a chunk that ``take`` has taken."""
        for name, count in texts.items():
            self._known[name].texts += count

    def count(self, names: tuple[str, ...], block: Floats) -> None:
        """Takes the numbers of rows that ``take`` has taken.

        Args:
            block: (columns, rows); it is written over.
        """
        if self._sketch is not None:
            for name, row in zip(names, block, strict=True):
                self._sketched(self[name], row)
        numbers.count([self._known[name].numbers for name in names], block)

    @staticmethod
    def _sketched(column: Column, row: Floats) -> None:
        finite = row[np.isfinite(row)]
        if column.sketch is not None and len(finite):
            column.sketch.update(finite)

    def merge(self, other: Columns) -> None:
        """Raises ``MemoryBudgetExceeded``, or ``InvalidState``: the one has sketches, the other has not."""
        if (self._sketch is None) != (other._sketch is None):
            raise InvalidState(
                "one part has exact medians, another has sketches of them; make all with the same --median"
            )
        self.rows += other.rows
        for name, column in other:
            self[name].merge(column)

    def plain(self) -> Mapping[str, Any]:
        """Of what msgpack knows; read again by ``restore``."""
        return {
            "rows": self.rows,
            "columns": {
                name: {
                    "seen": column.seen,
                    "missing": column.missing,
                    "nested": column.nested,
                    "texts": column.texts,
                    "numbers": column.numbers.plain(),
                    "sketch": column.sketch.to_bytes() if column.sketch is not None and column.sketch.count else None,
                }
                for name, column in self
            },
        }

    def restore(self, plain: Mapping[str, Any], loaded: Callable[[bytes], Sketch]) -> None:
        """Takes what ``plain`` gave, into an empty one.

        Args:
            loaded: reads a sketch.

        Raises:
            KeyError, TypeError, ValueError, MemoryBudgetExceeded: for what it did not give, or does not fit.
        """
        self.rows = int(plain["rows"])
        for name, one in plain["columns"].items():
            column = self[name]
            column.seen, column.missing = int(one["seen"]), int(one["missing"])
            column.nested, column.texts = int(one["nested"]), int(one["texts"])
            column.numbers = Numbers.of(one["numbers"])
            if one["sketch"] is not None:
                column.sketch = loaded(one["sketch"])
