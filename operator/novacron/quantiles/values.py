"""What is taken in: numbers and percentiles, checked before anything is calculated, and never modified."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from novacron.core.errors import NovaCronError

Floats = npt.NDArray[np.float64]
Array = npt.NDArray[Any]
"""One-dimensional, of integers or floats of at most 64 bits."""
Values = Sequence[float] | Array
Checked = list[float] | Array

BLOCK = 1 << 16
"""Numbers that are handled at once where all at once would take memory, or keep other threads waiting."""
SHORT = 80
"""Up to here a list is sorted as it is: to make an array of it takes longer."""
_NUMBERS = frozenset((int, float, np.float64))


class InvalidInput(NovaCronError):
    """Numbers or percentiles of which there is no answer; the text names position, reason and remedy."""


def percentiles(given: Sequence[float]) -> tuple[float, ...]:
    """The same, each between 0 and 100. Raises ``InvalidInput``."""
    if len(given) == 0:
        raise InvalidInput("empty percentiles slice; ask for one at least, such as 50")
    return tuple(_percentile(position, one) for position, one in enumerate(given))


def _percentile(position: int, given: float) -> float:
    if type(given) not in _NUMBERS:
        raise InvalidInput(f"percentiles[{position}] is no number; give one from 0 to 100")
    if not 0 <= given <= 100:
        raise InvalidInput(f"percentiles[{position}]: invalid percentile: {_float(given):f} (must be 0-100)")
    return float(given)


def numbers(given: Values) -> Checked:
    """The same as a list of floats where it is short, else as an array, which may be the one that is given.

    Integers above 2**53 count as the nearest float64.

    Raises:
        InvalidInput: there are none, or one of them is no finite number.
    """
    if isinstance(given, np.ndarray):
        numeric(given)
    if len(given) == 0:
        raise InvalidInput("empty values slice; give one number at least")
    if isinstance(given, np.ndarray):
        return array(given)
    kinds = set(map(type, given))
    if not kinds <= _NUMBERS:
        position = next(place for place, one in enumerate(given) if type(one) not in _NUMBERS)
        raise InvalidInput(f"values[{position}] is no number; leave it out, or correct it")
    if len(given) > SHORT:
        return array(_converted(given))
    short = list(given) if int not in kinds else [_float(one) for one in given]
    if not math.isfinite(sum(short)):
        _refuse_first(np.array(short), 0)
    return short


def array(given: Array, begun: int = 0) -> Array:
    """The same array. Raises ``InvalidInput``.

    Args:
        begun: how many numbers came before, where it is a piece of more.
    """
    numeric(given)
    if given.dtype.kind == "f" and not _surely_finite(given):
        for place in range(0, len(given), BLOCK):
            _refuse_first(given[place : place + BLOCK], begun + place)
    return given


def numeric(given: Array) -> None:
    """Raises ``InvalidInput`` for an array that can hold anything else, or in another form."""
    if given.ndim != 1:
        raise InvalidInput(f"the array has {given.ndim} dimensions; give one of a single dimension")
    if given.dtype.kind not in "iuf" or given.dtype.itemsize > 8:
        raise InvalidInput(f"the array is of {given.dtype}; give integers or floats of at most 64 bits")


def floats(given: Array) -> Floats:
    """A copy, in one piece."""
    return np.array(given, dtype=np.float64, order="C")


def blocks(given: Array) -> Iterator[Floats]:
    """Copies of a few numbers at a time."""
    for place in range(0, len(given), BLOCK):
        yield floats(given[place : place + BLOCK])


def _surely_finite(given: Array) -> bool:
    """By one pass: a sum holds on to whatever is not finite; it may be infinite for other reasons, too."""
    with np.errstate(all="ignore"):
        return math.isfinite(given.sum(dtype=np.float64))


def _refuse_first(given: Array, begun: int) -> None:
    """Raises ``InvalidInput`` for the first that is not finite, if there is one."""
    finite = np.isfinite(given)
    if not finite.all():
        position = int(finite.argmin())
        shown = "NaN" if np.isnan(given[position]) else "infinite"
        raise InvalidInput(f"values[{begun + position}] is {shown}; leave it out, or correct it")


def _converted(given: Sequence[float]) -> Floats:
    try:
        return np.fromiter(given, np.float64, len(given))
    except OverflowError:  # an integer of more than 1024 bits
        return np.array([_float(one) for one in given])


def _float(given: float) -> float:
    try:
        return float(given)
    except OverflowError:
        return math.inf if given > 0 else -math.inf
