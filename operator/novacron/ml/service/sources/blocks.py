"""Bytes as they come, cut into blocks of whole lines."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from novacron.ml.domain.budget import LINE_BYTES, Pace
from novacron.ml.service.sources.report import Report

Positions = npt.NDArray[np.intp]
LINE_FEED, OPEN, CLOSE = b"\n{}"
NO_TEXT = "is not UTF-8"
TOO_LONG = f"is longer than {LINE_BYTES} bytes"


class Readable(Protocol):
    """All that is asked of a stream: files, pipes, bodies of requests."""

    def read(self, size: int, /) -> bytes:
        """At most so many bytes, fewer when fewer are there; none: the end."""


@dataclass(frozen=True, slots=True)
class Block:
    """Whole lines, each with its line feed.

    Args:
        data: the lines.
        ends: where their line feeds are.
        line: number of the first one.
    """

    data: memoryview
    ends: Positions
    line: int

    def part(self, begin: int, end: int) -> Block:
        """Lines ``begin`` to ``end`` of it, counted from 0, the last one excluded."""
        first = int(self.ends[begin - 1]) + 1 if begin else 0
        last = int(self.ends[end - 1]) + 1
        return Block(self.data[first:last], self.ends[begin:end] - first, self.line + begin)

    def braced(self) -> bool:
        """Whether each line begins with ``{`` and ends with ``}``.

        Over the end of such a line no JSON value can go on: a text holds no line feed, and inside a value there would
        be a comma between ``}`` and ``{``. So as many values as lines means one value in each.
        """
        bytes_ = np.frombuffer(self.data, np.uint8)
        begins = self.ends[:-1] + 1
        return bool(bytes_[0] == OPEN and (bytes_[begins] == OPEN).all() and (bytes_[self.ends - 1] == CLOSE).all())

    def lines(self) -> list[bytes]:
        """Without line feeds."""
        return bytes(self.data[:-1]).split(b"\n")

    def short(self, report: Report) -> Iterator[Block]:
        """Without the lines that are too long, which are reported: what stands before, between and behind them."""
        begin, lines = 0, len(self.ends)
        if len(self.data) > LINE_BYTES:
            for long in np.flatnonzero(np.diff(self.ends, prepend=-1) > LINE_BYTES + 1).tolist():
                if long > begin:
                    yield self.part(begin, long)
                report.reject(self.line + long, TOO_LONG)
                begin = long + 1
        if begin < lines:
            yield self.part(begin, lines) if begin else self


def more(stream: Readable, rest: bytes, pace: Pace) -> bytes:
    """What is left and what follows it, a block at least unless the stream ends; nothing when nothing follows."""
    # at least as much again as a line that has not ended yet: it is joined a few times, not once for each block
    pieces, missing = [rest], max(pace.block_bytes - len(rest), len(rest))
    while missing > 0 and (piece := stream.read(missing)):
        pieces.append(piece)
        missing -= len(piece)
    return b"".join(pieces) if len(pieces) > 1 else b""


class Blocks:
    """The blocks of a stream.

    Blocks are as long as the pace says; a line may be as long as ``LINE_BYTES`` at any pace. A longer one is passed
    over without ever being held.
    """

    def __init__(self, stream: Readable, pace: Pace, report: Report) -> None:
        self._stream = stream
        self._pace = pace
        self._report = report
        self._line = 1

    def __iter__(self) -> Iterator[Block]:
        rest = b""
        while data := more(self._stream, rest, self._pace):
            end = data.rfind(b"\n") + 1
            rest = data[end:]
            if end:
                yield from self._block(memoryview(data)[:end]).short(self._report)
            if len(rest) > LINE_BYTES:
                rest = self._passed_over()
            del data
        if rest:
            yield self._block(memoryview(rest + b"\n"))

    def _block(self, data: memoryview) -> Block:
        ends = np.flatnonzero(np.frombuffer(data, np.uint8) == LINE_FEED)
        block = Block(data, ends, self._line)
        self._line += len(ends)
        return block

    def _passed_over(self) -> bytes:
        """What follows the line that is too long."""
        self._report.reject(self._line, TOO_LONG)
        self._line += 1
        while piece := self._stream.read(self._pace.block_bytes):
            end = piece.find(b"\n") + 1
            if end:
                return piece[end:]
        return b""
