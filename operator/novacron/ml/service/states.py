"""States of parts of a table, in files: what ``--partial`` writes, and what is put together again in any order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import msgspec

from novacron.core.errors import NovaCronError
from novacron.ml.domain.categories import Forgotten
from novacron.ml.domain.columns import Columns
from novacron.ml.domain.features import Counting, Median, Rejected
from novacron.ml.service import container
from novacron.ml.service.container import Container
from novacron.ml.service.records import Records
from novacron.ml.service.runs import Run
from novacron.quantiles.sketch import InvalidState

_NUMBERS, _TEXTS, _COLUMNS = "numbers", "texts", "columns"
_AGAIN = "write it again with novacron features --partial"


class InvalidPart(NovaCronError):
    """A state that contradicts itself, or was made in another way than those before it."""


class _Note(msgspec.Struct, frozen=True):
    """Of the section of columns: how the state was made, and what is small in it."""

    median: Median
    categories: Counting
    rejected: int
    first: list[tuple[int, str]]
    forgotten: dict[str, tuple[int, int, int]]


@dataclass(frozen=True, slots=True)
class Contents:
    """What is written of a part.

    Args:
        numbers: of all rows; none where medians come from sketches.
        texts: sorted runs.
        forgotten: by column, what Misra-Gries left out.
    """

    median: Median
    categories: Counting
    columns: Columns
    numbers: Sequence[Records]
    texts: Sequence[Run]
    forgotten: Mapping[str, Forgotten]
    rejected: Rejected


def write(path: Path, contents: Contents) -> None:
    """The file is there when all of it is. Raises ``Unwritten``."""
    with container.written(path) as writer:
        for records in contents.numbers:
            writer.add(_NUMBERS, records.section.pieces(), list(records.ids))
        for run in contents.texts:
            writer.add(_TEXTS, run.pieces())
        forgotten = {name: (one.rows, one.error, one.counters) for name, one in contents.forgotten.items()}
        rejected = contents.rejected
        note = _Note(contents.median, contents.categories, rejected.count, list(rejected.first), forgotten)
        writer.add(_COLUMNS, [msgspec.msgpack.encode(contents.columns.plain())], note)


class State:
    """A file that ``write`` wrote; open for as long as its numbers and texts are used.

    Raises:
        Unreadable: it is no such file, or not a whole one.
        InvalidPart: it contradicts itself.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._container = Container(path)
        try:
            self._container.check()
            (self._columns,) = self._container.of(_COLUMNS)
            self._note = msgspec.msgpack.decode(self._columns.note, type=_Note)
        except (ValueError, msgspec.DecodeError):
            self.close()
            raise self._invalid() from None
        except BaseException:
            self.close()
            raise

    @property
    def median(self) -> Median:
        return self._note.median

    @property
    def categories(self) -> Counting:
        return self._note.categories

    @property
    def rejected(self) -> Rejected:
        return Rejected(self._note.rejected, self._note.first)

    @property
    def forgotten(self) -> dict[str, Forgotten]:
        return {name: Forgotten(*one) for name, one in self._note.forgotten.items()}

    def restore(self, columns: Columns) -> None:
        """Into an empty one. Raises ``InvalidPart``, ``MemoryBudgetExceeded``."""
        from novacron.quantiles import sketches  # here, because exact states need none of its library

        try:
            plain: Any = msgspec.msgpack.decode(b"".join(self._columns.section.pieces()))
            columns.restore(plain, sketches.loaded if self.median == "kll" else _no_sketch)
        except (KeyError, TypeError, ValueError, InvalidState, msgspec.DecodeError):
            raise self._invalid() from None

    def numbers(self) -> list[Records]:
        """Raises ``InvalidPart``."""
        try:
            return [Records(part.section, _ids(part.note)) for part in self._container.of(_NUMBERS)]
        except (msgspec.DecodeError, UnicodeDecodeError):
            raise self._invalid() from None

    def texts(self) -> list[Run]:
        return [
            Run(part.section.descriptor, part.section.offset, part.section.length)
            for part in self._container.of(_TEXTS)
        ]

    def close(self) -> None:
        self._container.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _invalid(self) -> InvalidPart:
        return InvalidPart(f"{self.path}: its columns contradict themselves; {_AGAIN}")


def _ids(note: bytes) -> dict[str, int]:
    """Column -> its number in the records."""
    return {name: place for place, name in enumerate(msgspec.msgpack.decode(note, type=list[str]))}


def _no_sketch(_state: bytes) -> Any:
    raise ValueError("a state with exact medians has no sketches")
