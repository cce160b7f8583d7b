"""Chunks put together again, and the table that they should amount to."""

from __future__ import annotations

import io
import math
import random
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np

from novacron.ml.domain.chunk import Chunk


@dataclass
class Whole:
    """A table by column: rows without a number, or a text, have None there."""

    rows: int = 0
    numbers: dict[str, list[float | None]] = field(default_factory=dict)
    texts: dict[str, list[str | None]] = field(default_factory=dict)
    absent: dict[str, int] = field(default_factory=dict)
    nested: dict[str, int] = field(default_factory=dict)
    nulls: dict[str, int] = field(default_factory=dict)

    def see(self, row: Mapping[str, object]) -> None:
        """One more row, as ``json.loads`` has it."""
        for name in row.keys() | self.absent.keys():
            numbers, texts = self._column(name)
            value = row.get(name, self)
            if value is self:
                self.absent[name] += 1
            elif value is None or value != value:  # noqa: PLR0124
                self.nulls[name] += 1
            elif isinstance(value, list | dict):
                self.nested[name] += 1
            numbers.append(_number(value) if isinstance(value, bool | int | float) else None)
            texts.append(value if isinstance(value, str) else None)
        self.rows += 1

    def add(self, chunk: Chunk) -> None:
        """One more chunk, which keeps its promises."""
        check(chunk)
        numbers_of = dict(zip(chunk.number_names, chunk.numbers.tolist(), strict=True))
        names = chunk.oddities.keys() | numbers_of.keys() | chunk.texts.keys()
        for name in names | self.absent.keys():
            numbers, texts = self._column(name)
            found = [None if math.isnan(value) else value for value in numbers_of.get(name, [math.nan] * chunk.rows)]
            words = chunk.texts.get(name, [None] * chunk.rows)
            numbers += found
            texts += words
            odd = chunk.oddities.get(name)
            nested = odd.nested if odd else 0
            absent = chunk.rows if name not in names else odd.absent if odd else 0
            self.nested[name] += nested
            self.absent[name] += absent
            given = sum(value is not None for value in found) + sum(word is not None for word in words)
            self.nulls[name] += chunk.rows - given - nested - absent
        self.rows += chunk.rows

    def _column(self, name: str) -> tuple[list[float | None], list[str | None]]:
        if name not in self.absent:
            self.numbers[name], self.texts[name] = [None] * self.rows, [None] * self.rows
            self.absent[name], self.nested[name], self.nulls[name] = self.rows, 0, 0
        return self.numbers[name], self.texts[name]


def _number(value: float) -> float | None:
    try:
        number = float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf
    return None if math.isnan(number) else number


def check(chunk: Chunk) -> None:
    """What a chunk promises (``Chunk``)."""
    assert chunk.rows > 0
    assert chunk.numbers.shape == (len(chunk.number_names), chunk.rows)
    assert chunk.numbers.dtype == np.float64
    assert chunk.numbers.flags.c_contiguous
    assert len(set(chunk.number_names)) == len(chunk.number_names)
    for values in chunk.texts.values():
        assert len(values) == chunk.rows
        assert any(value is not None for value in values)
    for oddity in chunk.oddities.values():
        assert oddity.absent or oddity.nested
        assert oddity.absent < chunk.rows


def together(chunks: Iterable[Chunk]) -> Whole:
    """All of them."""
    whole = Whole()
    for chunk in chunks:
        whole.add(chunk)
    return whole


def table(rows: Iterable[Mapping[str, object]]) -> Whole:
    """What the rows amount to."""
    whole = Whole()
    for row in rows:
        whole.see(row)
    return whole


class Dribble(io.RawIOBase):
    """A stream that gives as little at a time as it likes."""

    def __init__(self, data: bytes, seed: int, most: int = 40) -> None:
        self._rest = io.BytesIO(data)
        self._chance = random.Random(seed)
        self._most = most

    def read(self, size: int = -1, /) -> bytes:
        """One byte at least, until the end."""
        return self._rest.read(min(size, self._chance.randint(1, self._most)))
