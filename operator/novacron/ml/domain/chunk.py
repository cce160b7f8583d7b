"""Some rows, by column: what every input becomes, and all that the pipeline reads.

A column may hold numbers and texts at once: each value counts by what it is, so that no order of rows, chunks or parts
changes what a column is. What is neither, a list or an object, is counted and not looked into.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Oddity:
    """Of one column in one chunk: rows that hold neither number nor text nor null.

    Args:
        absent: rows without the column.
        nested: rows with a list or an object in it.
    """

    absent: int = 0
    nested: int = 0


@dataclass(frozen=True, slots=True)
class Chunk:
    """Rows of an input, in its order. A column that is in none of the mappings is absent from all of its rows.

    Args:
        rows: how many.
        number_names: columns with a number in one row at least, or with nothing but nulls.
        numbers: (columns, rows), C-contiguous; NaN where the row has no number there. Booleans are 0 and 1. Infinities
            are allowed.
        texts: column -> for each row a text, or None; only columns with one text at least.
        oddities: only of columns that have any; also of those with neither number nor text.
    """

    rows: int
    number_names: tuple[str, ...]
    numbers: Floats
    texts: Mapping[str, Sequence[str | None]] = field(default_factory=dict)
    oddities: Mapping[str, Oddity] = field(default_factory=dict)
