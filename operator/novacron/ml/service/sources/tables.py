"""Comma-separated values (RFC 4180), with a header."""

from __future__ import annotations

import csv
from collections import Counter, deque
from collections.abc import Iterable, Iterator

import numpy as np

from novacron.ml.domain.budget import LINE_BYTES, Pace
from novacron.ml.domain.chunk import Chunk
from novacron.ml.service.sources.blocks import LINE_FEED, NO_TEXT, TOO_LONG, Block
from novacron.ml.service.sources.cells import chunk
from novacron.ml.service.sources.records import most_cells
from novacron.ml.service.sources.report import Report, Unreadable

_COMMA = ord(",")
_SHOWN = 80
_LINES = 1000
_ENDS, _ENDLESS = "unexpected end of data", "field larger than field limit"
"""What the csv module says of a quote that nothing closes."""


class Broken(ValueError):
    """A record cannot be read to its end; the text says why."""


class Text:
    """The lines of all blocks, as the reader of records wants them: a quoted cell may go on over lines, and blocks."""

    def __init__(self, blocks: Iterator[Block]) -> None:
        self._blocks = blocks
        self._again: deque[Block] = deque()
        """What comes before them, once more."""
        self._behind = bytearray()
        """Lines of the record at hand but its first."""
        self._reread = 0
        """Last line that came, or comes, once more."""
        self._block: Block | None = None
        self._taken = 0
        """Lines of the block that are, or were, in ``_lines``."""
        self._lines: list[bytes] = []
        self._next = 0
        self._first = self._last = 0
        self.began = 0
        """Line with which the record at hand began."""
        self._size = 0

    def block(self) -> Block | None:
        """The next one that was not loaded."""
        return self._again.popleft() if self._again else next(self._blocks, None)

    def load(self, block: Block) -> None:
        """Its lines are the next ones."""
        self._block, self._taken = block, 0
        self._more()

    def empty(self) -> bool:
        """Whether no line is left of what was loaded."""
        return self._next == len(self._lines)

    def _more(self) -> None:
        """Some lines of the block; all at once would be far more memory than the block when they are short."""
        self._lines, self._next = [], 0
        if self._block is None:
            return
        end = min(self._taken + _LINES, len(self._block.ends))
        part = self._block.part(self._taken, end)
        self._lines, self._first, self._taken = part.lines(), part.line, end
        if end == len(self._block.ends):
            self._block = None

    def begin(self) -> None:
        """A record begins with the next line."""
        self.began = self._size = 0
        self._behind.clear()

    def lines(self) -> int:
        """Of the record at hand."""
        return self._last - self.began + 1

    def again(self) -> None:
        """The lines of the record at hand but its first come once more; no line comes a third time."""
        if self.began <= self._reread:
            return
        self._reread = self._last
        left = [_block(self._behind, self.began + 1)]
        if not self.empty():
            left.append(_block(b"".join(b"%b\n" % line for line in self._lines[self._next :]), self._last + 1))
        if self._block is not None:
            left.append(self._block.part(self._taken, len(self._block.ends)))
        self._again.extendleft(reversed(left))
        self._lines, self._next, self._block = [], 0, None

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        """The next line. Raises ``Broken``."""
        if self.empty():
            block = self.block()
            if block is None:
                raise StopIteration
            self.load(block)
        number = self._first + self._next
        if self.began and number > self._last + 1:
            raise Broken(TOO_LONG)  # a line of it was passed over
        line = self._lines[self._next]
        self._next += 1
        if self._next == len(self._lines):
            self._more()
        self._last = number
        if self.began:
            self._behind += line
            self._behind += b"\n"
        else:
            self.began = number
        self._size += len(line)
        if self._size > LINE_BYTES:
            raise Broken(TOO_LONG)
        try:
            return f"{line.decode()}\n"
        except UnicodeDecodeError:
            raise Broken(NO_TEXT) from None


def _block(lines: bytes | bytearray, first: int) -> Block:
    data = bytes(lines)
    return Block(memoryview(data), np.flatnonzero(np.frombuffer(data, np.uint8) == LINE_FEED), first)


class Table:
    """Blocks to chunks. Blocks without quotes are split, the others read record by record, to the same effect."""

    def __init__(self, blocks: Iterable[Block], pace: Pace, report: Report) -> None:
        self._text = Text(iter(blocks))
        self._reader = csv.reader(self._text, strict=True)
        self._pace = pace
        self._report = report
        self._names: list[str] = []
        self._longest_cell = csv.field_size_limit()
        self._unclosed = f"opens a quote that is not closed within {self._longest_cell} characters"

    def chunks(self) -> Iterator[Chunk]:
        """All rows. Raises ``Unreadable``: columns without a name, or two of the same."""
        while not self._names:
            record = self._record()
            if record is None:
                return
            self._names = _header(record)
        while True:
            yield from self._records()
            block = self._text.block()
            if block is None:
                return
            yield from self._block(block)

    def _block(self, block: Block) -> Iterator[Chunk]:
        """All that is simple of a block; the rest is loaded."""
        begin, lines = 0, len(block.ends)
        while begin < lines:
            end = min(begin + self._most_rows(), lines)
            part = block.part(begin, end)
            text = self._simple(part)
            if text is None:
                self._text.load(block.part(begin, lines))
                return
            width = len(self._names)
            cells = text.replace("\n", ",").split(",")
            cells.pop()
            yield chunk(self._names, [cells[place::width] for place in range(width)], plain=_plain(text))
            begin = end

    def _simple(self, part: Block) -> str | None:
        """Lines that may be split at each comma, and have as many cells as they should; None: they may not."""
        try:
            text = str(part.data, "utf-8")
        except UnicodeDecodeError:
            return None
        if '"' in text or np.diff(part.ends, prepend=-1).max() > self._longest_cell:
            return None
        data = part.data
        if "\r" in text:
            text = text.replace("\r\n", "\n")
            if "\r" in text:
                return None
            data = memoryview(text.encode())
        rows, width = len(part.ends), len(self._names)
        if width == 1 and (text.startswith("\n") or "\n\n" in text):
            return None
        text_bytes = np.frombuffer(data, np.uint8)
        ends = np.flatnonzero((text_bytes == _COMMA) | (text_bytes == LINE_FEED))
        whole = len(ends) == rows * width and (text_bytes[ends[width - 1 :: width]] == LINE_FEED).all()
        return text if whole else None

    def _records(self) -> Iterator[Chunk]:
        """Of what is loaded."""
        rows: list[list[str]] = []
        while not self._text.empty():
            record = self._record()
            if not record:
                continue
            if len(record) != len(self._names):
                reason = f"has {len(record)} cells where the header has {len(self._names)}"
                self._report.reject(self._text.began, reason)
                continue
            rows.append(record)
            if len(rows) >= self._most_rows():
                yield self._turned(rows)
                rows = []
        if rows:
            yield self._turned(rows)

    def _turned(self, rows: list[list[str]]) -> Chunk:
        return chunk(self._names, list(map(list, zip(*rows, strict=True))), plain=False)

    def _record(self) -> list[str] | None:
        """The next one; empty: it cannot be read, or is an empty line; None: there is none."""
        self._text.begin()
        unclosed = False
        try:
            return next(self._reader, None)
        except Broken as error:
            reason = str(error)
        except csv.Error as error:
            said = str(error).partition(" - ")[0]
            unclosed = said.startswith(_ENDS) or (said.startswith(_ENDLESS) and self._text.lines() > 1)
            reason = self._unclosed if unclosed else f"is not valid CSV: {said}"
        if not self._names:
            raise Unreadable(f"the header (line {self._text.began}) {reason}; correct it, or name the right --format")
        self._report.reject(self._text.began, reason)
        if unclosed:
            self._text.again()  # what the quote swallowed are rows of their own, most likely
        return []

    def _most_rows(self) -> int:
        return max(1, min(self._pace.rows, most_cells(self._pace) // len(self._names)))


def _plain(text: str) -> bool:
    return text.isascii() and "_" not in text


def _header(names: list[str]) -> list[str]:
    for place, name in enumerate(names, 1):
        if not name:
            raise Unreadable(f"column {place} of the header has no name; give it one")
    for name, times in Counter(names).items():
        if times > 1:
            raise Unreadable(f"{times} columns of the header are called {name[:_SHOWN]!r}; give each a name of its own")
    return names
