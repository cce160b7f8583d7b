"""A JSON array of objects, element by element: it may be far longer than memory."""

from __future__ import annotations

from collections.abc import Generator, Iterator

import numpy as np

from novacron.ml.domain.budget import LINE_BYTES, Pace
from novacron.ml.domain.chunk import Chunk
from novacron.ml.service.sources.blocks import LINE_FEED, TOO_LONG, Block, Readable, more
from novacron.ml.service.sources.elements import Place, Scan, scan
from novacron.ml.service.sources.lines import FAILURES, Lines
from novacron.ml.service.sources.report import Report, Unreadable

_CARRIAGE_RETURN = ord("\r")
_OPEN, _CLOSE, _COMMA = b"{},"
_SPACE = b" \t\r\n"


class Elements:
    """The elements of an array, to chunks.

    Mostly nothing is scanned: what stands before some ``},`` is taken for whole elements. If that, in brackets, is a
    valid array, it was right, for how JSON begins decides how it goes on. Else the true ends are looked for, and the
    elements become lines.
    """

    def __init__(self, stream: Readable, pace: Pace, report: Report) -> None:
        self._stream = stream
        self._pace = pace
        self._report = report
        self._lines = Lines(pace, report, blanks=False)
        self._element = 1
        """The next one."""
        self._closed = False

    def chunks(self) -> Iterator[Chunk]:
        """All rows. Raises ``Unreadable``: it is no array, or not a whole one, or more stands behind it."""
        rest = self._begun()
        while not self._closed:
            data = more(self._stream, rest, self._pace)
            taken = yield from self._guessed(data)
            if taken:
                rest = data[taken:]
                continue
            whole = data or rest
            found = scan(np.frombuffer(whole, np.uint8))
            if found.end is None and not data:
                raise self._cut_off()
            rest = whole[(yield from self._between(whole, found)) :]
            if len(rest) > LINE_BYTES and not self._closed:
                rest = self._passed_over(found.place)
        self._nothing_behind(rest)

    def _begun(self) -> bytes:
        """What follows the bracket that opens the array."""
        start = b""
        while not start and (piece := self._stream.read(self._pace.block_bytes)):
            start = piece.lstrip(_SPACE)
        if not start.startswith(b"["):
            raise Unreadable("this is no JSON array; say what it is with --format")
        return start[1:]

    def _guessed(self, data: bytes) -> Generator[Chunk, None, int]:
        """Rows that were easy to find. Returns how many bytes of the data they are."""
        text = np.frombuffer(data, np.uint8)
        begin, layout = 0, self._lines.layout
        if not layout or not data:
            return 0
        opened = np.flatnonzero(text == _OPEN)
        commas = np.flatnonzero((text[:-1] == _CLOSE) & (text[1:] == _COMMA)) + 1
        while True:
            # no more rows than objects are opened: else a dense block would be far more rows than a chunk may have
            first = np.searchsorted(opened, begin)
            last = first + self._lines.most_rows()
            comma = np.searchsorted(commas, opened[last]) if last < len(opened) else len(commas)
            if not comma or commas[comma - 1] < begin:
                return begin
            end = int(commas[comma - 1])
            if layout.too_wide(int(np.searchsorted(opened, end) - first), end - begin):
                return begin
            try:
                rows = layout.listed.decode(b"".join((b"[", memoryview(data)[begin:end], b"]")))
            except FAILURES:
                return begin
            self._element += len(rows)
            yield self._lines.fitting(layout, rows)
            begin = end + 1

    def _between(self, data: bytes, found: Scan) -> Generator[Chunk, None, int]:
        """Elements whose ends were found. Returns how many bytes of the data they are, with their commas."""
        ends = found.commas
        if found.end is not None:
            self._closed = True
            if data[found.end] != ord("]"):
                raise Unreadable(f"element {self._element + len(ends)} closes what was never opened; write it anew")
            if self._element > 1 or len(ends) or data[: found.end].strip(_SPACE):
                ends = np.append(ends, found.end)
        if not len(ends):
            return 0 if found.end is None else found.end + 1
        lines = np.frombuffer(data, np.uint8, int(ends[-1]) + 1).copy()
        # inside a text neither is allowed, elsewhere both are space
        lines[lines == LINE_FEED] = _CARRIAGE_RETURN
        lines[ends] = LINE_FEED
        block = Block(lines.data, ends, self._element)
        self._element += len(ends)
        for short in block.short(self._report):
            yield from self._lines.chunks(short)
        return len(lines)

    def _passed_over(self, place: Place) -> bytes:
        """What follows the element that is too long, from behind its comma or from the array's end."""
        self._report.reject(self._element, TOO_LONG)
        self._element += 1
        while piece := self._stream.read(self._pace.block_bytes):
            found = scan(np.frombuffer(piece, np.uint8), place)
            if len(found.commas):
                return piece[int(found.commas[0]) + 1 :]
            if found.end is not None:
                self._closed = True
                return piece[found.end + 1 :]
            place = found.place
        raise self._cut_off()

    def _cut_off(self) -> Unreadable:
        return Unreadable(f"the array ends within element {self._element}; it was cut off: write it anew")

    def _nothing_behind(self, rest: bytes) -> None:
        while not rest.strip(_SPACE):
            rest = self._stream.read(self._pace.block_bytes)
            if not rest:
                return
        raise Unreadable(
            "something stands behind the array; one array is read, or objects, one a line (--format jsonl)"
        )
