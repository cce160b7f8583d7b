"""What the texts of a table's cells mean, column by column (docs/ml.md)."""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Sequence
from math import isnan
from typing import Any

import msgspec
import numpy as np

from novacron.ml.domain.chunk import Chunk, Floats
from novacron.ml.service.sources.values import NAN

_DECIMAL = (
    r"{0}[-+]?(?:(?:[0-9]++(?:\.[0-9]*+)?|\.[0-9]++)(?:[eE][-+]?[0-9]++)?"
    r"|[nN][aA][nN]|[iI][nN][fF](?:[iI][nN][iI][tT][yY])?){0}"
)
"""What ``float`` reads, without underscores and digits of other scripts. Possessive: no text is looked at twice."""
_SPACE = r" \t\r\f\v"
_floats = msgspec.json.Decoder(list[float])
_number = re.compile(_DECIMAL.format(rf"[{_SPACE}\n]*+")).fullmatch
_any_number = re.compile(rf"\n{_DECIMAL.format(rf'[{_SPACE}]*+')}(?=\n)").search


def chunk(names: Sequence[str], columns: Sequence[list[str]], *, plain: bool) -> Chunk:
    """Of cells. An empty one and ``nan`` are null, decimal numbers and ``inf`` are numbers, all the rest is text.

    Args:
        names: of the columns.
        columns: their cells; one row at least.
        plain: no cell has an underscore or a character beyond ASCII, which ``float`` takes for a number here and there.
    """
    rows = len(columns[0])
    numbers = np.empty((len(names), rows))
    pack = struct.Struct(f"{rows}d").pack_into
    numeric: list[str] = []
    texts: dict[str, Sequence[str | None]] = {}
    for name, cells in zip(names, columns, strict=True):
        row = numbers[len(numeric)]
        if _packed(pack, row, cells, plain):
            numeric.append(name)
            continue
        values, kinds = _values(cells)
        if float in kinds or str not in kinds:
            row[:] = [value if type(value) is float else NAN for value in values]
            numeric.append(name)
        if str in kinds:
            texts[name] = values if float not in kinds else [value if type(value) is str else None for value in values]
    return Chunk(rows, tuple(numeric), numbers[: len(numeric)], texts)


def _packed(pack: Callable[..., None], row: Floats, cells: list[str], plain: bool) -> bool:
    """Whether every cell is a number or empty; then they are in the row."""
    try:
        # nearly all numbers are JSON's too, and msgspec reads them twice as fast as ``float``; a cell with a comma
        # in it shows in their count
        values = _floats.decode(f"[{','.join(cells)}]")
        if len(values) == len(cells):
            pack(row.data, 0, *values)
            return True
    except msgspec.DecodeError:
        pass
    try:
        row[:] = [float(cell) if cell else NAN for cell in cells]
    except ValueError:
        return False
    return plain or _plain(cells)


def _plain(cells: list[str]) -> bool:
    joined = "".join(cells)
    return joined.isascii() and "_" not in joined


def _values(cells: list[str]) -> tuple[list[Any], set[type]]:
    """Numbers, texts and nulls, and which of these there are."""
    joined = "\n".join(("", *cells, ""))
    if joined.count("\n") == len(cells) + 1 and not _any_number(joined):
        if "\n\n" not in joined:
            return cells, {str}
        texts = [cell or None for cell in cells]
        return texts, {str} if any(cells) else set()
    values = [_value(cell) for cell in cells]
    return values, set(map(type, values))


def _value(cell: str) -> float | str | None:
    if not cell:
        return None
    if not _number(cell):
        return cell
    number = float(cell)
    return None if isnan(number) else number
