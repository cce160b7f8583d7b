"""Counts of texts on disk: sorted runs, and how they become one.

A run holds blocks, each the length of its message and the message (msgpack): column, texts, their counts; ascending by
(column, text), each of them once. Blocks take about the same memory whatever the texts are, so many runs are read at a
time in little of it.
"""

from __future__ import annotations

import os
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from struct import Struct

import msgspec
import numpy as np

from novacron.core.errors import NovaCronError
from novacron.ml.service.room import RoomFile

FAN_IN = 64
"""Runs that are read at a time."""
BLOCK = 8 << 10
"""Bytes that a block's texts and counts take in memory; a single text may be larger."""
_PIECE = 64 << 10
"""Bytes of a run that are read or written at a time."""
_READ = 4 << 10
"""Bytes within which most blocks end."""
_PER_TEXT = 16
"""Bytes of its places in two lists."""
_HEAD = Struct("<I")
_MOST = 16 << 20
"""Bytes of a block: far more than any has, and less than what a damaged length would make of memory."""

Batch = tuple[str, Sequence[str], Sequence[int]]
"""Column, texts, their counts."""

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(tuple[str, list[str], list[int]]).decode


class Damaged(NovaCronError):
    """What is read is not what was written."""


@dataclass(frozen=True, slots=True)
class Section:
    """A part of an open file, which whoever made this keeps open.

    Args:
        descriptor: of the file.
        offset: of the first byte.
        length: in bytes.
    """

    descriptor: int
    offset: int
    length: int

    def read(self, size: int, at: int) -> bytes:
        """At most ``size`` bytes from ``at``, counted from the section's beginning; less only at its end."""
        wanted = min(size, self.length - at)
        data = os.pread(self.descriptor, wanted, self.offset + at)
        if len(data) < wanted:
            raise Damaged(f"the file ends at {self.offset + at + len(data)}, {wanted - len(data)} bytes too early")
        return data

    def pieces(self) -> Iterator[bytes]:
        """All of it, to be written elsewhere."""
        for at in range(0, self.length, _PIECE):
            yield self.read(_PIECE, at)


class Run(Section):
    """A section with a run in it."""

    __slots__ = ()

    def blocks(self) -> Iterator[tuple[str, list[str], list[int]]]:
        at = 0
        while at < self.length:
            data = self.read(_READ, at)
            size = _HEAD.unpack_from(data)[0] if len(data) >= _HEAD.size else _MOST
            at += _HEAD.size + size
            if at > self.length or size >= _MOST:
                raise Damaged("a block of counted texts has an impossible length; write the state again")
            rest = at - len(data) - (at - _HEAD.size - size)
            if rest > 0:
                data += self.read(rest, at - rest)
            try:
                yield _decode(memoryview(data)[_HEAD.size : _HEAD.size + size])
            except msgspec.DecodeError as error:
                raise Damaged(f"a block of counted texts cannot be read: {error}; write the state again") from error


def written(file: RoomFile, batches: Iterable[Batch]) -> Run:
    """A run of batches that ascend by (column, text), at the file's end. Raises SpillFull."""
    begun = file.size
    pieces: list[bytes] = []
    size = 0
    for column, texts, counts in batches:
        for first, end in _cut(texts):
            message = _encode((column, texts[first:end], counts[first:end]))
            pieces += (_HEAD.pack(len(message)), message)
            size += len(message)
            if size >= _PIECE:
                file.append(*pieces)
                pieces, size = [], 0
    file.append(*pieces)
    return Run(file.descriptor, begun, file.size - begun)


def _cut(texts: Sequence[str]) -> Iterator[tuple[int, int]]:
    sizes = np.fromiter(map(str.__sizeof__, texts), np.int64, len(texts))
    ends = np.cumsum(sizes + _PER_TEXT)
    first, reached = 0, 0
    while first < len(texts):
        end = max(first + 1, int(ends.searchsorted(reached + BLOCK, "right")))
        yield first, end
        first, reached = end, int(ends[end - 1])


class _Cursor:
    """Where one run is read."""

    __slots__ = ("_at", "_blocks", "_counts", "_texts", "column", "last")

    def __init__(self, run: Run) -> None:
        self._blocks = run.blocks()

    def next(self) -> bool:
        """Goes to the next block, if there is one."""
        block = next(self._blocks, None)
        if block is None:
            return False
        self.column, self._texts, self._counts = block
        self._at = 0
        self.last = self._texts[-1]
        return True

    def give(self, total: dict[str, int], fence: str) -> bool:
        """Adds what is left of its block up to the fence; whether there is more to come, there or in a next one."""
        begun, end = self._at, bisect_right(self._texts, fence, self._at)
        if end > begun:
            part = zip(self._texts[begun:end], self._counts[begun:end], strict=True)
            if total:
                known = total.get
                for text, count in part:
                    total[text] = known(text, 0) + count
            else:
                total.update(part)
            self._at = end
        return end < len(self._texts) or self.next()


def merged(runs: Sequence[Run]) -> Iterator[tuple[str, dict[str, int]]]:
    """Column, and counts of some of its texts, each text once: greater than all before, in no order among themselves.

    All texts up to the least that ends a block are in memory already, so they are added up in a dictionary: a third of
    what a merge by a heap takes. Raises Damaged.
    """
    cursors = [cursor for cursor in map(_Cursor, runs) if cursor.next()]
    while cursors:
        column = min(cursor.column for cursor in cursors)
        fence = min(cursor.last for cursor in cursors if cursor.column == column)
        total: dict[str, int] = {}
        cursors = [cursor for cursor in cursors if cursor.column != column or cursor.give(total, fence)]
        yield column, total


def in_order(batches: Iterable[tuple[str, dict[str, int]]]) -> Iterator[Batch]:
    """Batches for ``written``."""
    for column, total in batches:
        texts = sorted(total)
        yield column, texts, list(map(total.__getitem__, texts))
