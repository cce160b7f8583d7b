"""Counts of texts on disk: sorted runs, and how they become one.

A run holds blocks, each the length of its message and the message (msgpack): column, texts, their counts; ascending by
(column, text), each of them once. Blocks take about the same memory whatever the texts are, so many runs are read at a
time in little of it.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate
from struct import Struct

import msgspec

from novacron.ml.service.room import RoomFile
from novacron.ml.service.section import Damaged, Section

FAN_IN = 96
"""Runs that are read at a time."""
BLOCK = 4 << 10
"""Bytes that a block's texts take in memory; a single text may be larger."""
_PIECE = 64 << 10
"""Bytes of a run that are written at a time."""
_READ = 2 << 10
"""Bytes within which most blocks end."""
_PORTION = 2048
"""Texts that are looked at together."""
_HEAD = Struct("<I")
_MOST = 16 << 20
"""Bytes of a block: far more than any has, and less than what a damaged length would make of memory."""

Batch = tuple[str, Sequence[str], Sequence[int]]
"""Column, texts, their counts."""

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(tuple[str, list[str], list[int]]).decode


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
            except (msgspec.DecodeError, UnicodeDecodeError) as error:
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
    for begun in range(0, len(texts), _PORTION):
        ends = list(accumulate(map(str.__sizeof__, texts[begun : begun + _PORTION])))
        first, reached = 0, 0
        while first < len(ends):
            end = max(first + 1, bisect_right(ends, reached + BLOCK, first))
            yield begun + first, begun + end
            first, reached = end, ends[end - 1]


class _Cursor:
    """Where one run is read: what is left of a block, and the next one too where that would be less than a block."""

    __slots__ = ("_blocks", "_counts", "_full", "_next", "_texts", "column")

    def __init__(self, run: Run) -> None:
        self._blocks = run.blocks()
        self._next: tuple[str, list[str], list[int]] | None = None
        self._texts: list[str] = []
        self._counts: list[int] = []
        self._full = 1
        self.column = ""

    def fill(self) -> bool:
        """Whether there is anything left."""
        if self._next is None and len(self._texts) < self._full:
            self._next = next(self._blocks, None)
        if self._next is not None and (not self._texts or self._next[0] == self.column):
            self.column, texts, counts = self._next
            self._texts += texts
            self._counts += counts
            self._full = len(texts)
            self._next = None
        return bool(self._texts)

    @property
    def last(self) -> str:
        return self._texts[-1]

    def give(self, fence: str, texts: list[str], counts: list[int]) -> None:
        """Appends what it holds up to the fence."""
        end = bisect_right(self._texts, fence)
        texts += self._texts[:end]
        counts += self._counts[:end]
        del self._texts[:end]
        del self._counts[:end]


def merged(runs: Sequence[Run]) -> Iterator[tuple[str, dict[str, int]]]:
    """Column, and counts of some of its texts, each text once: greater than all before, in no order among themselves.

    All texts up to the least that ends what a run has in memory are there already, so they are added up by a
    dictionary: a fraction of what a merge by a heap takes. Raises Damaged.
    """
    cursors = [_Cursor(run) for run in runs]
    while cursors := [cursor for cursor in cursors if cursor.fill()]:
        column = min(cursor.column for cursor in cursors)
        here = [cursor for cursor in cursors if cursor.column == column]
        fence = min(cursor.last for cursor in here)
        texts: list[str] = []
        counts: list[int] = []
        for cursor in here:
            cursor.give(fence, texts, counts)
        yield column, _added_up(texts, counts)


def _added_up(texts: Sequence[str], counts: Sequence[int]) -> dict[str, int]:
    total = dict(zip(texts, counts, strict=True))
    if len(total) < len(texts):
        total.clear()
        known = total.get
        for text, count in zip(texts, counts, strict=True):
            total[text] = known(text, 0) + count
    return total


def in_order(batches: Iterable[tuple[str, dict[str, int]]]) -> Iterator[Batch]:
    """Batches for ``written``."""
    for column, total in batches:
        texts = sorted(total)
        yield column, texts, list(map(total.__getitem__, texts))
