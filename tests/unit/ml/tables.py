"""Tables of numbers as chunks, for the tests of the spill."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from novacron.ml.domain.chunk import Chunk, Floats


def chunk(columns: Mapping[str, Sequence[float] | Floats], rows: int | None = None) -> Chunk:
    numbers = [np.asarray(one, np.float64) for one in columns.values()]
    count = len(numbers[0]) if rows is None else rows
    return Chunk(count, tuple(columns), np.array(numbers, np.float64).reshape(len(numbers), count))


def chunks(columns: Mapping[str, Floats], rows: int) -> Iterator[Chunk]:
    """Args:
    rows: of each.
    """
    for begun in range(0, len(next(iter(columns.values()))), rows):
        yield chunk({name: numbers[begun : begun + rows] for name, numbers in columns.items()})
