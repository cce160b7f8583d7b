"""JSON Lines: one object a line."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from novacron.ml.domain.budget import Pace
from novacron.ml.domain.chunk import Chunk
from novacron.ml.service.sources.blocks import NO_TEXT, Block
from novacron.ml.service.sources.columns import turned
from novacron.ml.service.sources.layout import Layout, Learner, Row
from novacron.ml.service.sources.records import gathered, most_cells
from novacron.ml.service.sources.report import Report
from novacron.ml.service.sources.values import ANY, Record

_FIRST_ROWS = 128
"""Rows that the first layout is learned from."""
_BLANK = b" \t\r"
_DEEP = "is nested too deeply"
_LARGE = "Number out of range"
FAILURES = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)

_any_object: msgspec.json.Decoder[Record] = msgspec.json.Decoder(dict[str, ANY])
_any_values: msgspec.json.Decoder[dict[str, msgspec.Raw]] = msgspec.json.Decoder(dict[str, msgspec.Raw])
_any_value: msgspec.json.Decoder[Any] = msgspec.json.Decoder(ANY)


class Unfit(ValueError):
    """A line holds no row; the text says why, without what stands there."""


def record(line: bytes) -> Record:
    """The row of a line, whatever its columns. Of a name that comes twice the last value counts. Raises ``Unfit``."""
    try:
        try:
            return _any_object.decode(line)
        except msgspec.ValidationError as error:
            if not str(error).startswith(_LARGE):
                raise Unfit("is not a JSON object") from None
            return {name: _value(raw) for name, raw in _any_values.decode(line).items()}
    except UnicodeDecodeError:
        raise Unfit(NO_TEXT) from None
    except RecursionError:
        raise Unfit(_DEEP) from None
    except msgspec.DecodeError as error:
        raise Unfit(_malformed(str(error))) from None


def _malformed(said: str) -> str:
    _, malformed, what = said.partition("malformed: ")
    return f"is not valid JSON: {what}" if malformed else "is not valid JSON"


def _value(raw: msgspec.Raw) -> Any:
    """A number beyond what a float holds is infinite, as for Python's json."""
    text = bytes(raw)
    return float(text) if text[0] in b"-0123456789" else _any_value.decode(text)


class Lines:
    """Blocks to chunks. What decodes as the layout says, and that is nearly everything, is never seen line by line.

    Args:
        blanks: lines with nothing in them are passed over; else they are reported.
    """

    def __init__(self, pace: Pace, report: Report, *, blanks: bool = True) -> None:
        self._pace = pace
        self._report = report
        self._blanks = blanks
        self._learner = Learner()

    def chunks(self, block: Block) -> Iterator[Chunk]:
        """All rows of a block."""
        begin, lines = 0, len(block.ends)
        while begin < lines:
            end = min(begin + self.most_rows(), lines)
            yield from self._part(block.part(begin, end))
            begin = end

    @property
    def layout(self) -> Layout | None:
        """What most rows are expected to decode as."""
        return self._learner.layout

    def most_rows(self) -> int:
        """Of the next chunk."""
        if self.layout:
            return max(1, min(self._pace.rows, most_cells(self._pace) // max(len(self.layout.names), 1)))
        return self._pace.rows if self._learner.rows else min(self._pace.rows, _FIRST_ROWS)

    def fitting(self, layout: Layout, rows: list[Row]) -> Chunk:
        """Of rows that decoded as the layout says; there is one at least."""
        self._learner.rows += len(rows)
        return turned(layout, rows)

    def _part(self, part: Block) -> Iterator[Chunk]:
        layout = self.layout
        if layout and layout.too_wide(len(part.ends), len(part.data)):
            layout = None
        rows = _all(layout, part) or self._most(layout, part) if layout else None
        if layout and rows is not None:
            if rows:
                yield self.fitting(layout, rows)
        else:
            yield from gathered(self._each(part), self._pace)
            self._learner.settle()

    def _most(self, layout: Layout, part: Block) -> list[Row] | None:
        """Rows of all lines but those that are none at all; None: a line has a row that does not fit."""
        rows, unfit = [], []
        for place, line in self._lines(part):
            try:
                rows.append(layout.decoder.decode(line))
            except FAILURES:
                try:
                    record(line)
                except Unfit as error:
                    unfit.append((place, str(error)))
                else:
                    return None
        for place, reason in unfit:
            self._report.reject(place, reason)
        return rows

    def _each(self, part: Block) -> Iterator[Record]:
        """Rows of any kind, and what is to be learned from them."""
        for place, line in self._lines(part):
            try:
                row = record(line)
            except Unfit as error:
                self._report.reject(place, str(error))
            else:
                self._learner.learn(row)
                yield row

    def _lines(self, part: Block) -> Iterator[tuple[int, bytes]]:
        """With their numbers."""
        for place, line in enumerate(part.lines(), part.line):
            if line.strip(_BLANK) or not self._blanks:
                yield place, line


def _all(layout: Layout, part: Block) -> list[Row] | None:
    """Rows of all lines at once; None: something is wrong with one of them, or it cannot be told which is whose."""
    if not part.braced():
        return None
    try:
        rows = layout.decoder.decode_lines(part.data)
    except FAILURES:
        return None
    return rows if len(rows) == len(part.ends) else None
