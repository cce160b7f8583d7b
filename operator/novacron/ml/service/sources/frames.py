"""Tables that a caller brings: DataFrames of pandas and polars, tables of pyarrow. Whoever has one has its library."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from novacron.ml.domain.budget import Pace
from novacron.ml.domain.chunk import Chunk
from novacron.ml.service.sources.caller import Unfit, value_of
from novacron.ml.service.sources.columns import Assembly
from novacron.ml.service.sources.dates import iso
from novacron.ml.service.sources.records import most_cells
from novacron.ml.service.sources.report import Unreadable
from novacron.ml.service.sources.values import NAN, kind_of

if TYPE_CHECKING:
    import pandas as pd

_WIDE = ("Int128", "UInt128")
"""Of polars."""


def frame(table: Any, pace: Pace) -> Iterator[Chunk]:
    """Rows of the table, which is not changed.

    Args:
        table: a DataFrame of pandas or polars, a Table or RecordBatch of pyarrow.

    Raises:
        Unreadable: it is none of these; two columns have the same name; a text is none.
    """
    library = {kind.__module__.partition(".")[0] for kind in type(table).__mro__}
    if "pandas" in library and hasattr(table, "iloc"):
        return _pandas(table, pace)
    from novacron.ml.service.sources import arrow

    if "polars" in library and hasattr(table, "to_arrow"):  # what is lazy has no rows yet
        return _polars(table, pace)
    if "pyarrow" in library:
        return arrow.table(table, pace)
    raise Unreadable(
        f"a {type(table).__name__} is no table; bring one of pandas, polars or pyarrow, or a list of records"
    )


def _rows(pace: Pace, columns: int) -> int:
    return min(pace.rows, max(1, most_cells(pace) // max(columns, 1)))


def _polars(table: Any, pace: Pace) -> Iterator[Chunk]:
    import polars as pl

    from novacron.ml.service.sources import arrow

    # pyarrow knows no integers of 128 bits
    wide: dict[str, Any] = {name: pl.Float64 for name, kind in table.schema.items() if str(kind) in _WIDE}
    begin = 0
    while begin < table.height:
        rows = _rows(pace, table.width)
        with arrow.explained("table"):
            part = table.slice(begin, rows).cast(wide).to_arrow()
        yield from arrow.table(part, pace)
        begin += rows


def _pandas(table: pd.DataFrame, pace: Pace) -> Iterator[Chunk]:
    names = [str(name) for name in table.columns]
    for place, name in enumerate(names, 1):
        try:
            value_of(name)
        except Unfit as error:
            raise Unreadable(f"the name of column {place} {error}; give it another one") from None
    for name, times in Counter(names).items():
        if times > 1:
            raise Unreadable(f"{times} columns are called {name!r}; give each a name of its own")
    begin = 0
    while begin < len(table):
        part = table.iloc[begin : begin + _rows(pace, len(names))]
        assembly = Assembly(len(part), len(names))
        for place, name in enumerate(names):
            _add(assembly, name, part.iloc[:, place])
        yield assembly.chunk()
        begin += len(part)


def _add(assembly: Assembly, name: str, column: pd.Series[Any]) -> None:
    import pandas as pd

    kind = column.dtype
    if isinstance(kind, pd.ArrowDtype):
        from novacron.ml.service.sources import arrow

        arrow.add(assembly, name, arrow.whole(column))
        return
    if pd.api.types.is_bool_dtype(kind) or (pd.api.types.is_numeric_dtype(kind) and kind.kind != "c"):
        assembly.floats(name, column.to_numpy(dtype=np.float64, na_value=NAN))
        return
    if pd.api.types.is_datetime64_any_dtype(kind):
        zoned = isinstance(kind, pd.DatetimeTZDtype)
        # in their own unit: most of the years that others know are beyond nanoseconds
        moments = (column.dt.tz_convert(None) if zoned else column).to_numpy()
        values: list[Any] = iso(moments, "+00:00" if zoned else "")
    else:
        try:
            values = [value_of(value) for value in column.to_list()]
        except Unfit as error:
            raise Unreadable(f"a value of column {name!r} {error}; correct it") from None
    assembly.add(name, kind_of(values), values)
