"""The numbers again, row by row: as a .npy file or an Arrow file, streamed from the spill and never held."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import BinaryIO, Literal

import numpy as np
import numpy.typing as npt

from novacron.core.errors import NovaCronError
from novacron.ml.domain.chunk import Floats
from novacron.ml.service.records import RECORD, Records

Form = Literal["npy", "arrow"]
Dtype = Literal["float32", "float64"]
Numbers = npt.NDArray[np.float32] | Floats


class OtherRows(NovaCronError):
    """The records have not the rows that were said."""


def write(
    target: BinaryIO, form: Form, records: Sequence[Records], columns: Sequence[str], rows: int, dtype: Dtype
) -> None:
    """Writes all rows, those of the first records first; NaN where a row has no number.

    Args:
        target: is only written to, from where it stands.
        form: ``npy``: (rows, columns), C order; ``arrow``: an IPC file, a field for each column.
        columns: in their order.
        rows: of all records.
        dtype: what is beyond float32 becomes infinite there.

    Raises:
        OtherRows: too late to take back what was written.
    """
    writer = _npy if form == "npy" else _arrow
    counted = _Counted(records, columns, dtype)
    writer(target, counted, columns, rows, dtype)
    if counted.rows != rows:
        raise OtherRows(f"{counted.rows} rows of numbers are there, and {rows} rows in all; write the state again")


class _Counted:
    """Some rows at a time: (columns, rows)."""

    def __init__(self, records: Sequence[Records], columns: Sequence[str], dtype: Dtype) -> None:
        self._records, self._columns, self._dtype = records, columns, dtype
        self.rows = 0

    def __iter__(self) -> Iterator[Numbers]:
        rows = max(1, RECORD // max(1, len(self._columns)))
        for one in self._records:
            for table in one.tables(self._columns, rows):
                self.rows += table.shape[1]
                with np.errstate(over="ignore"):
                    yield table.astype(self._dtype, copy=False)


def _npy(target: BinaryIO, tables: _Counted, columns: Sequence[str], rows: int, dtype: Dtype) -> None:
    descr = np.lib.format.dtype_to_descr(np.dtype(dtype).newbyteorder("<"))
    header = {"descr": descr, "fortran_order": False, "shape": (rows, len(columns))}
    np.lib.format.write_array_header_1_0(target, header)
    for table in tables:
        target.write(np.ascontiguousarray(table.T).data)


def _arrow(target: BinaryIO, tables: _Counted, columns: Sequence[str], rows: int, dtype: Dtype) -> None:
    import pyarrow as pa  # here, because few ask for it, and it is large

    schema = pa.schema([(name, pa.from_numpy_dtype(np.dtype(dtype))) for name in columns])
    with pa.ipc.new_file(target, schema) as writer:
        for table in tables:
            arrays = [pa.array(np.ascontiguousarray(column)) for column in table]
            writer.write_batch(pa.record_batch(arrays, schema=schema))
