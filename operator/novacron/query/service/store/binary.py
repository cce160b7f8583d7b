"""Columns of numpy as rows of PostgreSQL's binary COPY format, without a loop over rows.

The format: https://www.postgresql.org/docs/current/sql-copy.html, "Binary Format".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)
TRAILER = b"\xff\xff"
_NULL = 0xFF
"""Each of the four bytes of a length that says NULL."""


@dataclass(frozen=True, slots=True)
class Column:
    """Args:
    fields: one row of bytes for each value, as PostgreSQL sends its type.
    missing: which values are NULL; None: none of them.
    """

    fields: npt.NDArray[np.uint8]
    missing: npt.NDArray[np.bool_] | None = None


def column(values: npt.NDArray[Any], type_: str, missing: npt.NDArray[np.bool_] | None = None) -> Column:
    """Numbers in network order.

    Args:
        type_: as numpy writes it: i4, i8 or f8. A timestamptz is an i8, microseconds since 2000.
    """
    ordered = np.ascontiguousarray(values, f">{type_}")
    lacks = None if missing is None or not missing.any() else missing
    return Column(ordered.view(np.uint8).reshape(len(values), -1), lacks)


def rows(columns: Sequence[Column]) -> bytes:
    """Without header and trailer; columns have the same length."""
    count = len(columns[0].fields)
    width = 2 + sum(4 + one.fields.shape[1] for one in columns)
    table = np.empty((count, width), np.uint8)
    table[:, :2] = _big_endian(len(columns), 2)
    kept = None if all(one.missing is None for one in columns) else np.ones((count, width), np.bool_)
    at = 2
    for one in columns:
        begin, end = at + 4, at + 4 + one.fields.shape[1]
        table[:, at:begin] = _big_endian(one.fields.shape[1], 4)
        table[:, begin:end] = one.fields
        if one.missing is not None and kept is not None:
            table[one.missing, at:begin] = _NULL
            kept[one.missing, begin:end] = False
        at = end
    return table.tobytes() if kept is None else table[kept].tobytes()


def _big_endian(number: int, size: int) -> npt.NDArray[np.uint8]:
    return np.frombuffer(number.to_bytes(size, "big"), np.uint8)
