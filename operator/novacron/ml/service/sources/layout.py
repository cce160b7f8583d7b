"""The columns of lines, learned from lines: what msgspec decodes in one go.

Typed structures decode in half the time of dictionaries, and hold no keys. What a column may hold is learned from the
rows that did not fit, so that they fit from the next block on.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from novacron.ml.service.sources.values import ABSENT, ANY, KINDS, NAN, Kind, Record

MOST_FIELDS = 1024
"""More are read as dictionaries: of a row in another order, msgspec tries the fields one by one for each key."""
_UNNAMEABLE = frozenset(map(chr, range(32))) | {'"', "\\"}
"""msgspec refuses them in a field's name."""

Row = msgspec.Struct


@dataclass(frozen=True, slots=True)
class Layout:
    """Columns in the order in which rows have them.

    Args:
        names: of the columns.
        kinds: what each may hold.
        decoder: lines to rows; a line that does not fit is an error.
        listed: the same for an array.
    """

    names: tuple[str, ...]
    kinds: tuple[int, ...]
    decoder: msgspec.json.Decoder[Row]
    listed: msgspec.json.Decoder[list[Row]]

    def too_wide(self, rows: int, size: int) -> bool:
        """Whether most columns must be absent from so many rows of so many bytes: an absent field costs time too."""
        return rows * len(self.names) > size


def layout(kinds: Mapping[str, int]) -> Layout:
    """For columns that hold these kinds."""
    fields = [_field(f"f{place}", kind) for place, kind in enumerate(kinds.values())]
    renamed = {f"f{place}": name for place, name in enumerate(kinds)}
    row = msgspec.defstruct("Row", fields, gc=False, forbid_unknown_fields=True, rename=renamed, kw_only=True)
    decoders = msgspec.json.Decoder(row), msgspec.json.Decoder(list[row])  # type: ignore[valid-type]
    return Layout(tuple(kinds), tuple(kinds.values()), *decoders)


def _field(name: str, kind: int) -> tuple[str, Any] | tuple[str, Any, Any]:
    """A column of numbers may always be absent, at no cost: the absent one is a NaN, which no JSON number is."""
    if kind in (Kind.NULL, Kind.NUMBER, Kind.NUMBER | Kind.MISSING, Kind.MISSING):
        return (name, float | bool | None, NAN)
    if kind == Kind.TEXT:
        return (name, str | None)
    return (name, str | None if kind == Kind.TEXT | Kind.MISSING else ANY, ABSENT)


class Learner:
    """Makes layouts from rows, so rarely that even rows of ever new columns cost no more than their share."""

    def __init__(self) -> None:
        self.layout: Layout | None = None
        self.rows = 0
        """Rows so far. Whoever decodes by the layout counts them here."""
        self._kinds: dict[str, int] = {}
        self._fields = 0
        self._hopeless = False
        self._batch = 0
        self._times: dict[str, int] = {}
        """How many rows of the batch have the column."""

    def learn(self, record: Record) -> None:
        """From a row that did not fit, or stands beside such a one."""
        self._batch += 1
        if self._hopeless:
            return
        kinds, times = self._kinds, self._times
        unknown = Kind.MISSING if self.rows else Kind.NULL
        for name, value in record.items():
            times[name] = times.get(name, 0) + 1
            kinds[name] = kinds.get(name, unknown) | KINDS[type(value)]
        if len(kinds) > MOST_FIELDS:
            self._give_up()

    def settle(self) -> None:
        """The batch is complete: a layout that fits it, if one is due."""
        kinds = self._kinds
        for name, times in self._times.items():
            if times < self._batch:
                kinds[name] |= Kind.MISSING
        self._times = dict.fromkeys(kinds, 0)
        self.rows, self._batch = self.rows + self._batch, 0
        if self.layout and self.layout.kinds == tuple(kinds.values()):
            return
        # building costs microseconds a field: rows that went by have earned it
        if kinds and self._fields + len(kinds) <= 4 * MOST_FIELDS + self.rows:
            self._fields += len(kinds)
            if any(not _UNNAMEABLE.isdisjoint(name) for name in kinds):
                self._give_up()
            else:
                self.layout = layout(kinds)

    def _give_up(self) -> None:
        self._hopeless, self.layout = True, None
        self._kinds, self._times = {}, {}
