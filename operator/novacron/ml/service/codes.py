"""Codes of texts, row by row, on disk: provisional ones at first, since which texts are kept is known at the end only.

A record holds the rows of one chunk: each column's texts that are new since its dictionary was last emptied, and the
rows' places in that dictionary. So one pass over the records, with one dictionary of bounded size for each column,
turns places into codes.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from struct import Struct
from typing import BinaryIO, Self

import msgspec
import numpy as np
import numpy.typing as npt

from novacron.ml.domain.categories import named
from novacron.ml.service.room import Room
from novacron.ml.service.section import Damaged, Section

COLUMN_BYTES = 1 << 20
TOTAL_BYTES = 10 << 20
NO_TEXT = -1
"""Code of a row without a text: null, absent, a number, a list or an object."""
_CELLS = 1 << 16
"""Codes that are written at a time, where a row has no more."""
_HEAD = Struct("<II")
_MOST = 1 << 30
"""Bytes of a record: more than a chunk has."""

Ids = npt.NDArray[np.int32]


class _Column(msgspec.Struct, array_like=True):
    """Of a record: whether the column's dictionary begins anew, and texts that it did not hold before."""

    name: str
    anew: bool
    fresh: list[str]


class _Record(msgspec.Struct, array_like=True):
    rows: int
    columns: list[_Column]


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(_Record).decode


class _Places(dict[str | None, int]):
    """Text -> place, in the order in which they came."""

    def __missing__(self, text: str | None) -> int:
        place = self[text] = len(self) - 1
        return place


class _Dictionary:
    __slots__ = ("_places", "_texts", "anew")

    def __init__(self) -> None:
        self.empty()

    def empty(self) -> None:
        self._places = _Places({None: NO_TEXT})
        self._texts = 0
        self.anew = True

    @property
    def bytes(self) -> int:
        return sys.getsizeof(self._places) + self._texts + 32 * len(self._places)

    def places(self, texts: Sequence[str | None]) -> tuple[Ids, list[str]]:
        """Of the texts of a chunk; and which of them are new, each once."""
        before = len(self._places)
        places = np.fromiter(map(self._places.__getitem__, texts), np.int32, len(texts))
        fresh = [text for text in islice(reversed(self._places), len(self._places) - before) if text is not None]
        fresh.reverse()
        self._texts += sum(map(str.__sizeof__, fresh))
        return places, fresh


class Codes:
    """Codes of all columns' texts, in the order of rows. Not for several threads.

    Args:
        room: for what is written.
        column_bytes: of memory that one column's dictionary may take before it is emptied; one chunk more at times.
        total_bytes: that all of them may; then all are.
    """

    def __init__(self, room: Room, *, column_bytes: int = COLUMN_BYTES, total_bytes: int = TOTAL_BYTES) -> None:
        self._file = room.file()
        self._column_bytes = column_bytes
        self._total_bytes = total_bytes
        self._dictionaries: dict[str, _Dictionary] = {}
        self._sections: list[Section] = []
        self._begun = 0

    def add(self, rows: int, texts: Mapping[str, Sequence[str | None]]) -> None:
        """Takes the rows of a chunk. Raises SpillFull: none of them is written then, and nothing can follow."""
        if not rows:
            return
        columns: list[_Column] = []
        places: list[Ids] = []
        for name, values in texts.items():
            dictionary = self._dictionaries.get(name)
            if dictionary is None:
                dictionary = self._dictionaries[name] = _Dictionary()
            found, fresh = dictionary.places(values)
            columns.append(_Column(name, dictionary.anew, list(map(named, fresh))))
            places.append(found)
            dictionary.anew = False
            if dictionary.bytes > self._column_bytes:
                dictionary.empty()
        head = _encode(_Record(rows, columns))
        size = sum(found.nbytes for found in places)
        self._file.append(_HEAD.pack(len(head), size), head, *(found.data.cast("B") for found in places))
        if sum(dictionary.bytes for dictionary in self._dictionaries.values()) > self._total_bytes:
            for dictionary in self._dictionaries.values():
                dictionary.empty()

    def adopt(self, sections: Iterable[Section]) -> None:
        """Appends the rows of another one. Their file must stay open until the codes are written."""
        self._close_section()
        self._sections += sections

    def sections(self) -> tuple[Section, ...]:
        """All rows so far, for a state or another one."""
        self._close_section()
        return tuple(self._sections)

    def write(self, target: BinaryIO, rows: int, kept: Mapping[str, Sequence[str]]) -> None:
        """Writes the matrix of codes as .npy: int32, (rows, columns), columns in the order of ``kept``.

        Args:
            target: is only written to, from where it stands.
            rows: that were added, all together.
            kept: column -> texts that have a code of their own, in the order of codes; all others have the next one.

        Raises:
            Damaged: a section is not what was written.
        """
        number = np.lib.format.dtype_to_descr(np.dtype(np.int32))
        header = {"descr": number, "fortran_order": False, "shape": (rows, len(kept))}
        np.lib.format.write_array_header_1_0(target, header)
        columns = {name: _Translation(place, texts) for place, (name, texts) in enumerate(kept.items())}
        left = rows
        for section in self.sections():
            for record, places in _records(section):
                left -= record.rows
                translated = _translated(record, places, columns)
                step = max(1, _CELLS // max(1, len(kept)))
                for first in range(0, record.rows, step):
                    target.write(_matrix(translated, first, min(first + step, record.rows), len(kept)))
        if left:
            raise Damaged(f"codes of {rows - left} rows are there, and {rows} rows in all; write the state again")

    def close(self) -> None:
        """Gives memory and disk back."""
        self._file.close()
        self._dictionaries.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _close_section(self) -> None:
        if self._file.size > self._begun:
            self._sections.append(Section(self._file.descriptor, self._begun, self._file.size - self._begun))
            self._begun = self._file.size
            for dictionary in self._dictionaries.values():
                dictionary.empty()


class _Translation:
    """From places in a column's dictionary to codes."""

    def __init__(self, column: int, kept: Sequence[str]) -> None:
        self.column = column
        self._codes = {text: code for code, text in enumerate(kept)}
        self._other = len(kept)
        self._known = np.full(1, NO_TEXT, np.int32)
        self._number = 0

    def learn(self, column: _Column) -> None:
        if column.anew:
            self._number = 0
        needed = self._number + len(column.fresh) + 1
        if needed > len(self._known):
            self._known = np.concatenate([self._known, np.empty(needed, np.int32)])
        code, other = self._codes.get, self._other
        self._known[self._number : needed - 1] = [code(text, other) for text in column.fresh]
        self._number = needed - 1
        self._known[-1] = NO_TEXT

    def codes(self, places: Ids) -> Ids:
        if places.max() >= self._number or places.min() < NO_TEXT:
            raise Damaged("a record of codes names a text that it does not have; write the state again")
        return self._known[places]


def _records(section: Section) -> Iterator[tuple[_Record, Ids]]:
    at = 0
    while at < section.length:
        head, size = _HEAD.unpack(section.read(_HEAD.size, at).ljust(_HEAD.size, b"\xff"))
        at += _HEAD.size
        if max(head, size) > _MOST or at + head + size > section.length:
            raise Damaged("a record of codes has an impossible length; write the state again")
        try:
            record = _decode(section.read(head, at))
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise Damaged(f"a record of codes cannot be read: {error}; write the state again") from error
        if size != 4 * record.rows * len(record.columns):
            raise Damaged("a record of codes has more or fewer rows than it says; write the state again")
        places = np.frombuffer(section.read(size, at + head), np.int32)
        yield record, places.reshape(len(record.columns), record.rows)
        at += head + size


def _translated(record: _Record, places: Ids, columns: Mapping[str, _Translation]) -> list[tuple[int, Ids]]:
    """Column of the matrix, and its codes."""
    found = []
    for column, ids in zip(record.columns, places, strict=True):
        translation = columns.get(column.name)
        if translation is not None:
            translation.learn(column)
            found.append((translation.column, translation.codes(ids)))
    return found


def _matrix(translated: Sequence[tuple[int, Ids]], first: int, end: int, columns: int) -> bytes:
    matrix = np.full((end - first, columns), NO_TEXT, np.int32)
    for column, codes in translated:
        matrix[:, column] = codes[first:end]
    return matrix.tobytes()
