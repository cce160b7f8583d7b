"""Exact percentiles by as little sorting as it takes.

numpy's own partition at several places at once, which ``np.percentile`` uses, does not use the processor's vectors; at
one place it does. So places are partitioned one after the other, each inside the upper part that the last one left.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from novacron.quantiles.values import Checked, Floats, floats

_SORTED = 4_000
"""Numbers up to which sorting is no slower."""
_SORTING = 4.0
"""What sorting costs, in partitions of the whole."""

Place = tuple[int, float]
"""An index into the sorted numbers, and the share of the way from there to the next."""


def place(percentile: float, count: int) -> Place:
    """Where a percentile stands: percentile / 100 * (count - 1), as numpy's method ``linear`` has it."""
    position = percentile / 100 * (count - 1)
    index = int(position)
    return index, position - index


def between(low: float, high: float, share: float) -> float:
    """Linear interpolation, to the bit as numpy does it; and right where numpy's overflows."""
    if not share:
        return low
    gap = high - low
    if math.isinf(gap):
        return low * (1 - share) + high * share
    return high - gap * (1 - share) if share >= 0.5 else low + gap * share


def selected(values: Checked, percentiles: Sequence[float]) -> list[float]:
    """One value for each percentile.

    Args:
        values: of ``values.numbers``; they stay as they are, so an array is copied.
    """
    if isinstance(values, list):
        return _of_sorted(sorted(values), percentiles)
    return selected_inside(floats(values), percentiles)


def selected_inside(work: Floats, percentiles: Sequence[float]) -> list[float]:
    """The same without a copy: the array is left in another order."""
    places = [place(one, len(work)) for one in percentiles]
    if len(work) <= _SORTED or _cost(places, len(work)) > _SORTING:
        work.sort()
        return _of_sorted(work, percentiles)
    found = dict(_chained(work, sorted(set(places))))
    return [found[one] for one in places]


def _of_sorted(ordered: Sequence[float] | Floats, percentiles: Iterable[float]) -> list[float]:
    last = len(ordered) - 1
    places = (place(one, len(ordered)) for one in percentiles)
    return [between(float(ordered[low]), float(ordered[min(low + 1, last)]), share) for low, share in places]


def _cost(places: Iterable[Place], count: int) -> float:
    """Of partitioning one after the other, in partitions of the whole."""
    begins = [0, *sorted({index for index, _ in places})[:-1]]
    return sum(1 - begun / count for begun in begins)


def _chained(work: Floats, places: Iterable[Place]) -> Iterable[tuple[Place, float]]:
    """Args:
    places: ascending.
    """
    begun = -1
    for index, share in places:
        if index > begun:
            begun = max(begun, 0)
            work[begun:].partition(index - begun)
            begun = index
        low = float(work[index])
        high = float(work[index + 1 :].min()) if share else low
        yield (index, share), between(low, high, share)
