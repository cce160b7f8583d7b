"""The table of the features' bench: twelve columns of numbers, three of texts, made column by column from a seed.

Whoever knows the seed knows each column without the file: what is right can be found without any parser.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

SEED = 7
BLOCK = 50_000
"""Rows that are made at once."""

Integers = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Bytes = npt.NDArray[np.uint8]
Rng = np.random.Generator


@dataclass(frozen=True, slots=True)
class Number:
    """A column of numbers, each an integer over a power of ten: so a reader's float64 is known to the last bit.

    Args:
        make: (rng, share of the file before each row) -> values.
        nulls: share of rows without a number.
    """

    decimals: int
    make: Callable[[Rng, Floats], npt.NDArray[np.floating]]
    nulls: float = 0.0


@dataclass(frozen=True, slots=True)
class Category:
    """A column of texts.

    Args:
        skew: 1 for values that are all as frequent; above, the first ones are more so.
    """

    pattern: str
    count: int
    skew: float = 1.0

    def values(self) -> list[str]:
        return [self.pattern.format(number) for number in range(self.count)]


NUMBERS: Mapping[str, Number] = {
    "cpu": Number(7, lambda rng, share: np.clip(25 + 50 * share + rng.normal(0, 8, len(share)), 0, 100)),
    "memory": Number(7, lambda rng, share: np.clip(rng.normal(61, 12, len(share)), 0, 100), nulls=0.01),
    "disk": Number(7, lambda rng, share: rng.uniform(0, 100, len(share))),
    "load": Number(6, lambda rng, share: rng.gamma(2, 1.5, len(share))),
    "net_in": Number(4, lambda rng, share: 1e9 + rng.normal(0, 1000, len(share))),
    "net_out": Number(5, lambda rng, share: rng.lognormal(9, 1.5, len(share))),
    "latency": Number(6, lambda rng, share: rng.pareto(1.1, len(share)) + 1),
    "iops": Number(0, lambda rng, share: rng.uniform(0, 60_000, len(share))),
    "temperature": Number(6, lambda rng, share: rng.normal(4, 15, len(share))),
    "power": Number(6, lambda rng, share: rng.normal(240, 20, len(share))),
    "queue": Number(0, lambda rng, share: rng.geometric(0.2, len(share)) - 1.0),
    "errors": Number(0, lambda rng, share: rng.poisson(0.05, len(share)) * 1.0),
}
"""``memory`` has nulls, ``net_in`` a large offset, ``cpu`` drifts, ``latency`` has a heavy tail."""
CATEGORIES: Mapping[str, Category] = {
    "zone": Category("zone-{}", 5),
    "app": Category("app-{:03d}", 800, skew=2.0),
    "host": Category("host-{:04d}", 5000),
}
_COLUMNS = (*NUMBERS, *CATEGORIES)


def write(path: Path, rows: int) -> int:
    """JSON Lines; bytes written."""
    with path.open("wb") as file:
        return sum(file.write(_lines(block, rows)) for block in range(-(-rows // BLOCK)))


def numbers(name: str, rows: int) -> Floats:
    """What a correct reader finds in the column; NaN for null."""
    return np.concatenate([_read(NUMBERS[name], _scaled(name, block, rows)) for block in _blocks(rows)])


def indexes(name: str, rows: int) -> Integers:
    """Of each row's text in ``CATEGORIES[name].values()``."""
    return np.concatenate([_indexes(name, block, rows) for block in _blocks(rows)])


def _blocks(rows: int) -> Iterator[int]:
    return iter(range(-(-rows // BLOCK)))


def _rng(name: str, block: int) -> Rng:
    return np.random.default_rng([SEED, _COLUMNS.index(name), block])


def _length(block: int, rows: int) -> int:
    return min(BLOCK, rows - block * BLOCK)


def _scaled(name: str, block: int, rows: int) -> tuple[Integers, npt.NDArray[np.bool_]]:
    """The numbers times their power of ten, and which rows have none."""
    column, rng, length = NUMBERS[name], _rng(name, block), _length(block, rows)
    share = (block * BLOCK + np.arange(length)) / rows
    made = np.rint(column.make(rng, share) * 10**column.decimals).astype(np.int64)
    return made, rng.random(length) < column.nulls


def _read(column: Number, scaled: tuple[Integers, npt.NDArray[np.bool_]]) -> Floats:
    """The quotient is correctly rounded, as a parsed decimal is: both parts are exact in float64."""
    made, null = scaled
    return np.where(null, np.nan, made / 10.0**column.decimals)


def _indexes(name: str, block: int, rows: int) -> Integers:
    column = CATEGORIES[name]
    drawn = _rng(name, block).random(_length(block, rows)) ** column.skew
    return (drawn * column.count).astype(np.int64)


def _lines(block: int, rows: int) -> bytes:
    """A matrix of characters with a line in each row, and zeros, which are dropped, where a line needs fewer."""
    length = _length(block, rows)
    parts: list[Bytes] = []
    for place, name in enumerate(_COLUMNS):
        parts.append(_same(f'{"," if place else "{"}"{name}":', length))
        if name in NUMBERS:
            parts.append(_decimal(NUMBERS[name].decimals, *_scaled(name, block, rows)))
        else:
            parts.append(_texts(CATEGORIES[name])[_indexes(name, block, rows)])
    matrix = np.concatenate([*parts, _same("}\n", length)], axis=1)
    kept: Bytes = matrix[matrix != 0]
    return kept.tobytes()


def _same(text: str, length: int) -> Bytes:
    return np.broadcast_to(np.frombuffer(text.encode(), np.uint8), (length, len(text)))


def _texts(column: Category) -> Bytes:
    quoted = np.array([f'"{value}"'.encode() for value in column.values()])
    return quoted.view(np.uint8).reshape(len(quoted), -1)


def _decimal(decimals: int, scaled: Integers, null: npt.NDArray[np.bool_]) -> Bytes:
    """Sign, digits without leading zeros, point, ``decimals`` digits; or null."""
    rest = np.abs(scaled).astype(np.uint64)
    whole = max(1, len(str(int(rest.max(initial=0)))) - decimals)
    width = 1 + whole + (1 + decimals if decimals else 0)
    made = np.zeros((len(scaled), max(width, 4)), np.uint8)
    place = width - 1
    for power in range(whole + decimals):
        if decimals and power == decimals:
            made[:, place] = ord(".")
            place -= 1
        rest, digit = rest // 10, rest
        character = (digit - rest * 10).astype(np.uint8) + ord("0")
        made[:, place] = character if power <= decimals else np.where(digit > 0, character, 0)
        place -= 1
    made[:, 0] = np.where(scaled < 0, ord("-"), 0)
    if null.any():
        made[null] = 0
        made[null, :4] = np.frombuffer(b"null", np.uint8)
    return made
