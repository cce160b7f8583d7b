"""Where the elements of a JSON array begin and end, found without parsing them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from novacron.ml.service.sources.blocks import Positions

Bytes = npt.NDArray[np.uint8]
_QUOTE, _BACKSLASH, _COMMA = b'"\\,'
_WINDOW = 32 << 10
"""Bytes that are looked at together: each may take dozens of bytes meanwhile."""
_DEPTH = np.zeros(256, np.int8)
_DEPTH[list(b"[{")] = 1
_DEPTH[list(b"]}")] = -1
_STRUCTURAL = _DEPTH.astype(bool)
_STRUCTURAL[_COMMA] = True


@dataclass(frozen=True, slots=True)
class Place:
    """Somewhere inside an array.

    Args:
        depth: of lists and objects that are open there, beside the array itself.
        quoted: inside a text.
        escaped: behind a backslash that concerns the next character.
    """

    depth: int = 0
    quoted: bool = False
    escaped: bool = False


START = Place()


@dataclass(frozen=True, slots=True)
class Scan:
    """What was found in some bytes.

    Args:
        commas: that divide the array's elements.
        end: where the array is closed; None: not here.
        place: at the end of the bytes.
    """

    commas: Positions
    end: int | None
    place: Place


def scan(data: Bytes, place: Place = START) -> Scan:
    """Of bytes that begin at this place.

    Brackets are counted, whichever they are; what is between is not judged.
    """
    commas = []
    for begin in range(0, len(data), _WINDOW):
        found = _scan(data[begin : begin + _WINDOW], place)
        commas.append(found.commas + begin)
        place = found.place
        if found.end is not None:
            return Scan(np.concatenate(commas), found.end + begin, place)
    return Scan(np.concatenate(commas) if commas else np.empty(0, np.intp), None, place)


def _scan(data: Bytes, place: Place) -> Scan:
    quotes, escaped = _quotes(data, place.escaped)
    structural = np.flatnonzero(_STRUCTURAL[data])
    inside = (np.searchsorted(quotes, structural) + place.quoted) & 1
    structural = structural[inside == 0]
    characters = data[structural]
    depth = np.cumsum(_DEPTH[characters], dtype=np.int64) + place.depth
    closed = np.flatnonzero(depth < 0)
    end = None
    if len(closed):
        first = closed[0]
        end = int(structural[first])
        structural, characters, depth = structural[:first], characters[:first], depth[:first]
    commas = structural[(characters == _COMMA) & (depth == 0)]
    after = int(depth[-1]) if len(depth) else place.depth
    return Scan(commas, end, Place(after, bool((len(quotes) + place.quoted) & 1), escaped))


def _quotes(data: Bytes, escaped: bool) -> tuple[Positions, bool]:
    """Quotes that no backslash concerns, and whether one concerns what follows the bytes."""
    quotes = np.flatnonzero(data == _QUOTE)
    slashes = np.flatnonzero(data == _BACKSLASH)
    if escaped:
        quotes, slashes = quotes[quotes > 0], slashes[slashes > 0]
    if not len(slashes):
        return quotes, False
    # of a run of backslashes, the first, third, ... concern what follows them
    order = np.arange(len(slashes))
    begins = np.diff(slashes, prepend=-2) > 1
    concerned = slashes[(order - np.maximum.accumulate(np.where(begins, order, 0))) % 2 == 0] + 1
    return np.setdiff1d(quotes, concerned, assume_unique=True), bool(concerned[-1] == len(data))
