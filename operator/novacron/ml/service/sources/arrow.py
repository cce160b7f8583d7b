"""What Arrow reads: record batches, streams and files of them, Parquet. Imported, as pyarrow, for such inputs alone."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from novacron.ml.domain.budget import Pace
from novacron.ml.domain.chunk import Chunk
from novacron.ml.service.sources.blocks import Readable
from novacron.ml.service.sources.columns import Assembly
from novacron.ml.service.sources.dates import iso, shortened
from novacron.ml.service.sources.records import most_cells
from novacron.ml.service.sources.report import Unreadable
from novacron.ml.service.sources.values import NESTED, kind_of

MOST_HELD = 64 << 20
"""Bytes of a record batch, or of a row group: either is held as a whole, or nearly."""
_FILE_HEADER = 8
"""Of an Arrow file; a stream follows it, with all that is needed."""
_PAGES = 64 << 10
_HELD_TIMES = 8
"""Of a row group's size, while it is decoded; measured."""
Reserve = Callable[[int, str], None]
"""Asked before so many bytes are taken at once, for what."""


def parquet(file: BinaryIO, pace: Pace, reserve: Reserve) -> Iterator[Chunk]:
    """Rows of a Parquet file, which must be seekable. Raises ``Unreadable``, and what ``reserve`` raises."""
    with explained("Parquet file"):
        opened = pq.ParquetFile(file, buffer_size=_PAGES, pre_buffer=False, memory_map=False)
        metadata = opened.metadata
        for group in range(metadata.num_row_groups):
            size = metadata.row_group(group).total_byte_size
            if size > MOST_HELD:
                raise Unreadable(
                    f"row group {group} holds {size} bytes, more than {MOST_HELD}; write smaller row groups"
                )
            reserve(_HELD_TIMES * size, f"row group {group}")
        batches = opened.iter_batches(batch_size=pace.rows, use_threads=False)
        yield from _chunks(batches, pace)


def stream(source: Readable, pace: Pace, reserve: Reserve, *, file: bool) -> Iterator[Chunk]:
    """Rows of an Arrow stream, or of an Arrow file, which is one behind a header.

    Raises:
        Unreadable, and what ``reserve`` raises.
    """
    whole = _Whole(source, reserve)
    if file:
        whole.read(_FILE_HEADER)
    with explained("Arrow stream"), pa.ipc.open_stream(pa.PythonFile(whole, mode="r")) as reader:
        yield from _chunks(reader, pace)


def table(whole: pa.Table | pa.RecordBatch, pace: Pace) -> Iterator[Chunk]:
    """Rows of what a caller holds."""
    batches = whole.to_batches() if isinstance(whole, pa.Table) else [whole]
    with explained("table"):
        yield from _chunks(batches, pace)


class _Whole:
    """A stream that gives as many bytes as it is asked for, and refuses to give far too many at once."""

    closed = False

    def __init__(self, stream: Readable, reserve: Reserve) -> None:
        self._stream = stream
        self._reserve = reserve

    def read(self, size: int, /) -> bytes:
        if size > MOST_HELD:
            raise Unreadable(f"a record batch holds {size} bytes, more than {MOST_HELD}; write smaller ones")
        if size > _PAGES:
            self._reserve(size, "a record batch")
        pieces = []
        while size > 0 and (piece := self._stream.read(size)):
            pieces.append(piece)
            size -= len(piece)
        return b"".join(pieces)

    def close(self) -> None:
        """The stream is its owner's to close."""


@contextmanager
def explained(what: str) -> Iterator[None]:
    """Raises ``Unreadable`` for what pyarrow says of data that it cannot read."""
    try:
        yield
    except (pa.ArrowException, UnicodeDecodeError, OSError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise  # what holds the data failed, not the data
        said = str(error).partition("\n")[0]
        raise Unreadable(f"the {what} cannot be read: {said}; write it anew") from None


def _chunks(batches: Iterable[pa.RecordBatch], pace: Pace) -> Iterator[Chunk]:
    for batch in batches:
        # what comes from elsewhere may point outside of its own buffers
        batch.validate(full=True)
        names = batch.schema.names
        if len(set(names)) < len(names):
            raise Unreadable("two columns have the same name; give each a name of its own")
        begin = 0
        while begin < batch.num_rows:
            rows = min(pace.rows, max(1, most_cells(pace) // max(len(names), 1)))
            yield _chunk(batch.slice(begin, rows))
            begin += rows


def _chunk(batch: pa.RecordBatch) -> Chunk:
    assembly = Assembly(batch.num_rows, batch.num_columns)
    for name, column in zip(batch.schema.names, batch.columns, strict=True):
        add(assembly, name, column)
    return assembly.chunk()


def whole(column: Any) -> pa.Array:
    """A column of a DataFrame that holds Arrow's values already, in one piece."""
    found = pa.array(column)
    return found.combine_chunks() if isinstance(found, pa.ChunkedArray) else found


def add(assembly: Assembly, name: str, column: pa.Array) -> None:
    """One column; whichever way it is encoded, its values count."""
    if isinstance(column, pa.ExtensionArray):
        column = column.storage
    if isinstance(column, pa.RunEndEncodedArray):
        from pyarrow import compute  # here, because few have such columns, and it takes some megabytes

        column = compute.run_end_decode(column)
    if isinstance(column, pa.DictionaryArray):
        column = column.dictionary_decode()
    if pa.types.is_date64(column.type):  # days, in milliseconds
        column = column.cast(pa.date32(), safe=False)
    if pa.types.is_decimal(column.type):  # by way of their digits: the direct one is off by a last bit at times
        column = column.cast(pa.string()).cast(pa.float64())
    kind = column.type
    types = pa.types
    if types.is_null(kind) or types.is_boolean(kind) or _is_number(kind):
        floats = column.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False)
        assembly.floats(name, floats)
        return
    values: list[Any]
    if types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind):
        values = column.to_pylist()
    elif types.is_date(kind) or types.is_timestamp(kind):
        zone = "+00:00" if types.is_timestamp(kind) and kind.tz else ""
        values = iso(column.to_numpy(zero_copy_only=False), zone)
    elif types.is_time(kind):
        values = [text and shortened(text) for text in column.cast(pa.string()).to_pylist()]
    else:
        values = [NESTED if valid else None for valid in column.is_valid().to_pylist()]
    assembly.add(name, kind_of(values), values)


def _is_number(kind: pa.DataType) -> bool:
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind))
