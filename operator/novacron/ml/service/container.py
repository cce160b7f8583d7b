"""The file of ``--partial``: a state, and what on disk belongs to it. Written and read a piece at a time.

``NCF1``, sections one after the other, a table of them (msgpack), and at the end the table's length, its CRC-32, the
format, and ``NCF1`` again. A section has a kind, a CRC-32 and a note; the small things are in notes, the large ones in
sections, and neither is looked into here.
"""

from __future__ import annotations

import errno
import os
import struct
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Self

import msgspec

from novacron.core.errors import NovaCronError
from novacron.ml.service.output import output
from novacron.ml.service.section import Damaged, Section

MAGIC = b"NCF1"
FORMAT = 1
"""Of the table and of all sections. Whoever changes one of them counts on; an older reader refuses the file then."""
_END = struct.Struct("<QII4s")
"""Length of the table, CRC-32 of it that begins with the format, the format, the magic."""
_MOST_TABLE = 1 << 28
"""Bytes: more than any table has, and less than what a damaged length would make of memory."""
_AGAIN = "write it again with novacron features --partial"
_NAME = "name a file of novacron features --partial"
_FEWER = "merge fewer at a time with --partial, and then what that wrote"
_MANY = frozenset((errno.EMFILE, errno.ENFILE))


class Unreadable(NovaCronError):
    """A file that is no container of ours, or not a whole one; the text names it, the reason and the remedy."""


class _Entry(msgspec.Struct, frozen=True, array_like=True):
    kind: str
    note: msgspec.Raw
    offset: int
    length: int
    checksum: int


@dataclass(frozen=True, slots=True)
class Part:
    """One section.

    Args:
        kind: what is in it.
        note: what its writer noted, as msgpack.
    """

    kind: str
    note: bytes
    section: Section
    checksum: int


class Writer:
    """Of a container that ``written`` makes."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._at = file.write(MAGIC)
        self._entries: list[_Entry] = []

    def add(self, kind: str, pieces: Iterable[bytes], note: Any = None) -> None:
        """A section: these bytes, one after the other.

        Args:
            note: whatever msgspec makes msgpack of; whoever reads the container holds it in memory.
        """
        begun, checksum = self._at, 0
        for piece in pieces:
            self._at += self._file.write(piece)
            checksum = zlib.crc32(piece, checksum)
        raw = msgspec.Raw(msgspec.msgpack.encode(note))
        self._entries.append(_Entry(kind, raw, begun, self._at - begun, checksum))

    def end(self) -> None:
        table = msgspec.msgpack.encode(self._entries)
        self._file.write(table)
        self._file.write(_END.pack(len(table), zlib.crc32(table, FORMAT), FORMAT, MAGIC))


@contextmanager
def written(path: Path) -> Iterator[Writer]:
    """A new container, which is there when the block ends without an error. Raises ``Unwritten``."""
    with output(path) as file:
        writer = Writer(file)
        yield writer
        writer.end()


class Container:
    """Open for as long as its sections are used. The table is looked at now, the sections by ``check``.

    Raises:
        Unreadable
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            self._descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except OSError as error:
            raise self._refused(f"{error.strerror}", _FEWER if error.errno in _MANY else _NAME) from None
        try:
            self.parts = self._parts()
        except OSError as error:
            self.close()
            raise self._refused(f"{error.strerror}", _NAME) from None
        except BaseException:
            self.close()
            raise

    def of(self, kind: str) -> list[Part]:
        """Its sections of a kind, in the order in which they were written."""
        return [part for part in self.parts if part.kind == kind]

    def check(self) -> None:
        """Reads all of it once. Raises ``Unreadable``: a section is not what was written."""
        for part in self.parts:
            checksum = 0
            try:
                for piece in part.section.pieces():
                    checksum = zlib.crc32(piece, checksum)
            except Damaged:
                raise self._refused("it has become shorter while it was read", _AGAIN) from None
            if checksum != part.checksum:
                raise self._damaged(f"its section {part.kind!r} at byte {part.section.offset} is not what was written")

    def close(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _parts(self) -> tuple[Part, ...]:
        size = os.fstat(self._descriptor).st_size
        head = os.pread(self._descriptor, len(MAGIC), 0)
        if head[:3] != MAGIC[:3]:
            raise self._refused("it is no state of ours", _NAME)
        if head != MAGIC:
            raise self._newer(head[3:].decode("ascii", "replace"))
        end = os.pread(self._descriptor, _END.size, max(0, size - _END.size))
        if len(end) < _END.size or end[-len(MAGIC) :] != MAGIC:
            raise self._damaged("its end is missing")
        length, checksum, form, _ = _END.unpack(end)
        if form > FORMAT:
            raise self._newer(str(form))
        begin = size - _END.size - length
        if begin < len(MAGIC) or length > _MOST_TABLE:
            raise self._damaged("its table has an impossible length")
        table = os.pread(self._descriptor, length, begin)
        if zlib.crc32(table, form) != checksum:
            raise self._damaged("its table is not what was written")
        try:
            entries = msgspec.msgpack.decode(table, type=list[_Entry])
        except (msgspec.DecodeError, UnicodeDecodeError):
            raise self._damaged("its table cannot be read") from None
        if any(one.offset < len(MAGIC) or one.length < 0 or one.offset + one.length > begin for one in entries):
            raise self._damaged("a section is outside of it")
        return tuple(
            Part(one.kind, bytes(one.note), Section(self._descriptor, one.offset, one.length), one.checksum)
            for one in entries
        )

    def _damaged(self, reason: str) -> Unreadable:
        return self._refused(f"{reason}: it was cut off or damaged", _AGAIN)

    def _newer(self, form: str) -> Unreadable:
        said = f"it has format {form}, and this novacron knows {FORMAT} at most"
        return self._refused(said, "merge it with the version that wrote it, or a later one")

    def _refused(self, reason: str, remedy: str) -> Unreadable:
        return Unreadable(f"{self._path}: {reason}; {remedy}")
