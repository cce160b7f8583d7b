"""A stream of bytes, whatever is in it, to chunks."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from typing import BinaryIO, cast

from novacron.ml.domain.budget import Pace
from novacron.ml.domain.chunk import Chunk
from novacron.ml.service.sources.arrays import Elements
from novacron.ml.service.sources.blocks import Blocks, Readable
from novacron.ml.service.sources.lines import Lines
from novacron.ml.service.sources.report import Report, Unreadable

FORMATS = ("jsonl", "json", "csv", "parquet", "arrow")
COMPRESSIONS = ("none", "gzip", "zstd")
_GZIP, _ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"
_SKIPPED = b"\x2a\x4d\x18"
_PARQUET = b"PAR1"
_ARROW_FILE, _ARROW_STREAM = b"ARROW1", b"\xff\xff\xff\xff"
_BOM = b"\xef\xbb\xbf"
_WIDE = (b"\xff\xfe", b"\xfe\xff")
_SPACE = b" \t\r\n"
_LOOK = 4096

LIBRARY_BYTES = 90_000_000
"""Of memory, for pyarrow alone, once it is imported (docs/decisions/0034)."""

Spool = Callable[[Readable], BinaryIO]
Reserve = Callable[[int, str], None]


class Peeked:
    """A stream whose first bytes may be looked at before they are read."""

    def __init__(self, stream: Readable) -> None:
        self.stream = stream
        self._head = b""

    def peek(self, size: int) -> bytes:
        """So many bytes, fewer only at the end."""
        while len(self._head) < size and (piece := self.stream.read(size - len(self._head))):
            self._head += piece
        return self._head[:size]

    def read(self, size: int, /) -> bytes:
        """At most so many bytes."""
        if not self._head:
            return self.stream.read(size)
        piece, self._head = self._head[:size], self._head[size:]
        return piece


def opened(
    stream: Readable,
    *,
    format: str | None = None,  # noqa: A002 - as the option is called
    compression: str | None = None,
    pace: Pace,
    report: Report,
    spool: Spool | None = None,
    reserve: Reserve = lambda _size, _what: None,
) -> Iterator[Chunk]:
    """All rows of the stream, in its order.

    Args:
        stream: bytes; closed by the caller.
        format: one of ``FORMATS``; None: what the first bytes look like.
        compression: one of ``COMPRESSIONS``; None: the same.
        pace: looked at before each chunk.
        report: rows that cannot be read are told there.
        reserve: asked before much memory is taken at once: for the library that reads Arrow and Parquet, and for each
            row group or record batch; raises where it is not there.
        spool: makes a file of a stream that Parquet cannot be read from; closed by whoever made it.

    Raises:
        Unreadable: the input as a whole is not what it should be, or not to its end. Chunks came before it.
        Rejected: a row cannot be read, and the report is strict.
    """
    plain = _decompressed(Peeked(stream), compression)
    kind = format or _looks_like(plain)
    if kind in {"parquet", "arrow"}:
        if "pyarrow" not in sys.modules:
            reserve(LIBRARY_BYTES, f"reading {kind}")
        from novacron.ml.service.sources import arrow

        if kind == "parquet":
            yield from arrow.parquet(_seekable(stream, plain, spool), pace, reserve)
        else:
            yield from arrow.stream(plain, pace, reserve, file=plain.peek(len(_ARROW_FILE)) == _ARROW_FILE)
    elif kind in {"jsonl", "json", "csv"}:
        yield from _text(plain, kind, pace, report)
    else:
        raise Unreadable(f"there is no format {kind!r}; choose one of {', '.join(FORMATS)}")


def _text(plain: Peeked, kind: str, pace: Pace, report: Report) -> Iterator[Chunk]:
    if plain.peek(len(_BOM)) == _BOM:
        plain.read(len(_BOM))
    elif plain.peek(len(_WIDE[0])) in _WIDE:
        raise Unreadable("the input is UTF-16; convert it to UTF-8 first")
    if kind == "json":
        report.unit = "element"
        yield from Elements(plain, pace, report).chunks()
    elif kind == "csv":
        # csv, not imported for JSON
        from novacron.ml.service.sources.tables import Table

        yield from Table(Blocks(plain, pace, report), pace, report).chunks()
    else:
        lines = Lines(pace, report)
        for block in Blocks(plain, pace, report):
            yield from lines.chunks(block)


def _seekable(stream: Readable, plain: Peeked, spool: Spool | None) -> BinaryIO:
    """Parquet is read from its end."""
    if plain.stream is stream and getattr(stream, "seekable", bool)():
        file = cast(BinaryIO, stream)
        file.seek(0)
        return file
    if spool is None:
        raise Unreadable("Parquet is read from its end: give it as a plain file")
    return spool(plain)


def _decompressed(stream: Peeked, compression: str | None) -> Peeked:
    start = stream.peek(len(_ZSTD))
    kind = compression or _compression(start)
    if kind == "none":
        return stream
    # neither is imported for a plain input
    from novacron.ml.service.sources import compression as compressed

    if kind == "gzip":
        return Peeked(compressed.Gunzipped(stream))
    if kind == "zstd":
        return Peeked(compressed.Unzstded(stream))
    raise Unreadable(f"there is no compression {kind!r}; choose one of {', '.join(COMPRESSIONS)}")


def _compression(start: bytes) -> str:
    if start.startswith(_GZIP):
        return "gzip"
    # a stream of zstd may begin with a frame that is to be skipped
    return "zstd" if start == _ZSTD or (start[1:] == _SKIPPED and start[0] >> 4 == 5) else "none"


def _looks_like(stream: Peeked) -> str:
    start = stream.peek(len(_ARROW_FILE))
    if start.startswith(_PARQUET):
        return "parquet"
    if start.startswith((_ARROW_FILE, _ARROW_STREAM)):
        return "arrow"
    text = stream.peek(_LOOK).removeprefix(_BOM).lstrip(_SPACE)
    if text.startswith(b"["):
        return "json"
    return "jsonl" if not text or text.startswith(b"{") else "csv"
