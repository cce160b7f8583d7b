"""Exact percentiles of numbers of which no copy fits: passes over them, each of which narrows where an answer can be.

A float64's bits, ordered as the numbers are, make a whole number of 64 bits. A pass counts how many begin alike; the
next looks only at those that begin as an answer does. Memory is bounded whatever the numbers are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from novacron.quantiles.selection import between, place
from novacron.quantiles.values import Floats

Blocks = Callable[[], Iterable[Floats]]
"""Gives the same numbers each time, a block at a time; they are finite."""
Keys = npt.NDArray[np.uint64]

_EDGES = (64, 48, 36, 24, 12, 0)
"""Bits left after each pass: the first counts 65,536 beginnings, each further one 4,096 for each that is open."""
_SIGN = np.uint64(1 << 63)


def narrowed(blocks: Blocks, count: int, percentiles: Sequence[float], most: int) -> list[float]:
    """One value for each percentile.

    Args:
        count: of the numbers.
        most: numbers that may be held at once, for as long as they are read; sorting takes as much again.
    """
    places = [place(one, count) for one in percentiles]
    indices = sorted({near for index, _ in places for near in (index, min(index + 1, count - 1))})
    found = _at(blocks, indices, most)
    return [between(found[index], found[min(index + 1, count - 1)], share) for index, share in places]


def _at(blocks: Blocks, indices: Sequence[int], most: int) -> Mapping[int, float]:
    """The numbers at these places of all of them, sorted."""
    wanted = {0: [(index, index) for index in indices]}
    """Beginning -> (index among all, index among those that begin so)."""
    for above, edge in pairwise(_EDGES):
        counts = _counted(blocks, list(wanted), above, edge)
        wanted, held = _narrower(wanted, counts, above - edge)
        if held <= most:
            return _gathered(blocks, wanted, edge)
    return {index: float(_numbers(np.array([key], np.uint64))[0]) for key, left in wanted.items() for index, _ in left}


def _counted(blocks: Blocks, beginnings: Sequence[int], above: int, edge: int) -> Mapping[int, npt.NDArray[np.intp]]:
    """How many begin as each of these, by their next bits."""
    size = 1 << (above - edge)
    counts = {beginning: np.zeros(size, np.intp) for beginning in beginnings}
    for block in blocks():
        keys = _keys(block)
        for beginning in beginnings:
            next_bits = (_beginning(keys, beginning, above) >> np.uint64(edge)) & np.uint64(size - 1)
            counts[beginning] += np.bincount(next_bits.astype(np.intp), minlength=size)
    return counts


def _narrower(
    wanted: Mapping[int, Sequence[tuple[int, int]]], counts: Mapping[int, npt.NDArray[np.intp]], bits: int
) -> tuple[dict[int, list[tuple[int, int]]], int]:
    """The same with longer beginnings, and how many numbers begin so."""
    found: dict[int, list[tuple[int, int]]] = {}
    held = 0
    for beginning, asked in wanted.items():
        ends = counts[beginning].cumsum()
        for index, inside in asked:
            part = int(ends.searchsorted(inside, side="right"))
            longer = beginning << bits | part
            before = int(ends[part - 1]) if part else 0
            if longer not in found:
                held += int(ends[part]) - before
            found.setdefault(longer, []).append((index, inside - before))
    return found, held


def _gathered(blocks: Blocks, wanted: Mapping[int, Sequence[tuple[int, int]]], edge: int) -> Mapping[int, float]:
    pieces: dict[int, list[Keys]] = {beginning: [] for beginning in wanted}
    for block in blocks():
        keys = _keys(block)
        for beginning, kept in pieces.items():
            kept.append(_beginning(keys, beginning, edge))
    found: dict[int, float] = {}
    for beginning, kept in pieces.items():
        numbers = _numbers(np.concatenate(kept))
        numbers.sort()
        found |= {index: float(numbers[inside]) for index, inside in wanted[beginning]}
    return found


def _beginning(keys: Keys, beginning: int, bits: int) -> Keys:
    """Those that do, up to ``bits`` bits that are left."""
    return keys if bits == 64 else keys[keys >> np.uint64(bits) == np.uint64(beginning)]


def _keys(numbers: Floats) -> Keys:
    """Ordered as the numbers are: the sign's bit set for those above zero, all bits turned over for those below."""
    bits = numbers.view(np.uint64)
    return np.where(bits & _SIGN, ~bits, bits | _SIGN)


def _numbers(keys: Keys) -> Floats:
    return np.where(keys & _SIGN, keys ^ _SIGN, ~keys).view(np.float64)
