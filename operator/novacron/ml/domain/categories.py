"""How often each text of a column occurs: in memory, exactly or the frequent ones within a bound, and which are kept.

Texts are compared by code points, which is also the order of their UTF-8 bytes: the same on every machine.
"""

from __future__ import annotations

import heapq
import sys
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import cast

KEPT = 1000
"""Categories of a column that have a code of their own."""
LONGEST = 512
"""Code points. A text this long or longer is counted by a name of exactly this length, which no other text has."""
COUNTERS = 4096
"""Of Misra-Gries: a count is at most n / 4097 too low, where so many of a column's texts fit into its memory."""
_DIGEST_LENGTH = 64
_MARK = "...#sha256:"
_BEGINNING = LONGEST - len(_MARK) - _DIGEST_LENGTH
_LARGEST_SHORT = sys.getsizeof("a") - 1 + LONGEST
"""Bytes of an object; a text of ``LONGEST`` code points is at least as large."""
_NUMBER = 32
_SHARED = 256
"""Integers up to this one exist once; others have ``_NUMBER`` bytes each."""


def named(text: str) -> str:
    """What a text is counted by: itself, or its beginning and its SHA-256 if it is long."""
    if len(text) < LONGEST:
        return text
    import hashlib  # here, because it loads OpenSSL: 4 MB and 10 ms, and most columns have no such texts

    return f"{text[:_BEGINNING]}{_MARK}{hashlib.sha256(text.encode()).hexdigest()}"


@dataclass(frozen=True, slots=True)
class Categories:
    """The texts of one column.

    Args:
        count: rows with a text.
        distinct: different texts; None where sketches left some out.
        kept: text and count, by (-count, text): a text's place is its code. The code behind the last one is everybody
            else's ("OTHER", which is never mixed up with a text of that name).
        error: each count of ``kept`` is at most this much too low, and texts that occur no oftener may be missing.
            0: all are exact.
    """

    count: int
    distinct: int | None
    kept: tuple[tuple[str, int], ...]
    error: int = 0

    @property
    def other(self) -> int:
        """Rows whose text is not kept."""
        return self.count - sum(count for _, count in self.kept)

    @property
    def shortened(self) -> int:
        """How many of ``kept`` are names of longer texts."""
        return sum(len(text) == LONGEST for text, _ in self.kept)


@dataclass(frozen=True, slots=True)
class Forgotten:
    """What Misra-Gries left out of one column.

    Args:
        rows: that were counted and are in no count.
        error: each count is at most this much too low.
        counters: that it may have.
    """

    rows: int = 0
    error: int = 0
    counters: int = COUNTERS


class Ranking:
    """Finds the most frequent of counts that come in batches, and forgets the rest.

    Args:
        most: how many are kept.
    """

    __slots__ = ("_best", "_least", "_most", "count", "distinct")

    def __init__(self, most: int) -> None:
        self._most = most
        self._best: list[tuple[int, str]] = []
        self._least = 0
        self.count = 0
        self.distinct = 0

    def add(self, counts: Mapping[str, int]) -> None:
        """Of texts that are all greater than those of earlier batches: where counts are equal, the earlier one wins."""
        if not counts:
            return
        self.count += sum(counts.values())
        self.distinct += len(counts)
        if max(counts.values()) <= self._least:
            return
        candidates = ((-count, text) for text, count in counts.items() if count > self._least)
        self._best += heapq.nsmallest(self._most, candidates)
        if len(self._best) > 2 * self._most:
            self._trim()

    def kept(self) -> tuple[tuple[str, int], ...]:
        self._trim()
        return tuple((text, -negative) for negative, text in self._best)

    def _trim(self) -> None:
        self._best = sorted(self._best)[: self._most]
        if len(self._best) == self._most:
            self._least = -self._best[-1][0] if self._most else sys.maxsize


class Tally:
    """Counts of one column's texts in memory.

    ``error`` stays 0 until ``shrink``.
    """

    __slots__ = ("_counters", "_counts", "_dropped", "_long", "_rows", "_texts", "error")

    def __init__(self) -> None:
        # None is a key from the start: it needs neither a look at each value nor a case among the new ones
        self._counts: Counter[str | None] = Counter({None: 0})
        # apart: a text may come that is the same as the name of a longer one
        self._long: Counter[str] = Counter()
        self._rows = 0
        self._texts = 0
        self._dropped = 0
        self._counters = COUNTERS
        self.error = 0

    @property
    def bytes(self) -> int:
        """What it holds, in memory: within a tenth."""
        counts, long = self._counts, self._long
        numbers = min(len(counts) + len(long), self._rows // _SHARED)
        return sys.getsizeof(counts) + sys.getsizeof(long) + self._texts + _NUMBER * numbers

    @property
    def count(self) -> int:
        """Texts that were counted."""
        return sum(self._counts.values()) - self._counts[None] + self._long.total() + self._dropped

    def update(self, texts: Sequence[str | None]) -> int:
        """Counts the texts of a chunk; None is none. Gives how many there are."""
        counts = self._counts
        before, none = len(counts), counts[None]
        counts.update(texts)
        self._rows += len(texts)
        if len(counts) > before:
            self._admit(len(counts) - before)
        return len(texts) - (counts[None] - none)

    def add(self, counts: Mapping[str, int]) -> None:
        """Adds counts of texts that have their names already."""
        for text, count in counts.items():
            mine = cast("Counter[str]", self._counts) if len(text) < LONGEST else self._long
            if text not in mine:
                self._texts += text.__sizeof__()
            mine[text] += count
            self._rows += count

    def forgotten(self) -> Forgotten:
        return Forgotten(self._dropped, self.error, self._counters)

    def forget(self, other: Forgotten) -> None:
        """What another one, whose counts are added, has forgotten."""
        self._dropped += other.rows
        self.error += other.error
        self._counters = min(self._counters, other.counters)

    def in_order(self) -> tuple[list[str], list[int]]:
        """Texts, ascending, and their counts."""
        texts = [text for text in self._counts if text is not None]
        texts += self._long
        texts.sort()
        if not self._long:
            return texts, list(map(self._counts.__getitem__, texts))
        return texts, [self._counts[text] if len(text) < LONGEST else self._long[text] for text in texts]

    def clear(self) -> None:
        """Gives the memory of all counts back."""
        self._counts = Counter({None: 0})
        self._long = Counter()
        self._texts = self._rows = 0

    def shrink(self, size: int) -> None:
        """Forgets the rarest until it holds at most ``size`` bytes: Misra and Gries (1982), many texts at a time.

        The count of the first one that is forgotten is taken off all: each time at least ``_counters + 1`` rows for one
        of error, so the error is at most n / (counters + 1), after merges too (Agarwal et al., Mergeable Summaries).
        """
        self._prune()
        while self.bytes > size and self._counters:
            self._counters //= 2
            self._prune()

    def _prune(self) -> None:
        if len(self._counts) - 1 + len(self._long) <= self._counters:
            return
        texts, counts = self.in_order()
        off = sorted(counts, reverse=True)[self._counters]
        left = {text: count - off for text, count in zip(texts, counts, strict=True) if count > off}
        self._dropped += sum(counts) - sum(left.values())
        self.error += off
        self.clear()
        self.add(left)

    def ranked(self, most: int) -> Categories:
        """What is kept of the texts, at most so many."""
        ranking = Ranking(most)
        del self._counts[None]
        counts = cast("Counter[str]", self._counts)
        ranking.add({**counts, **self._long} if self._long else counts)
        self._counts[None] = 0
        distinct = None if self.error else ranking.distinct
        return Categories(self.count, distinct, ranking.kept(), self.error)

    def _admit(self, number: int) -> None:
        """Takes note of the last texts, which are new. A dictionary keeps the order in which keys came."""
        fresh = cast("list[str]", list(islice(reversed(self._counts), number)))
        sizes = list(map(str.__sizeof__, fresh))
        self._texts += sum(sizes)
        if max(sizes) >= _LARGEST_SHORT:
            self._rename(text for text in fresh if len(text) >= LONGEST)

    def _rename(self, long: Iterable[str]) -> None:
        for text in long:
            name = named(text)
            self._texts -= text.__sizeof__() - (0 if name in self._long else name.__sizeof__())
            self._long[name] += self._counts.pop(text)
