"""Room on disk for what does not fit into memory: counted, bounded, and in files that nobody sees.

Such a file has no name: whatever ends the process, the system takes it back with the process.
"""

from __future__ import annotations

import errno
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Self

from novacron.core.errors import NovaCronError

_FULL = frozenset((errno.ENOSPC, errno.EDQUOT, errno.EFBIG))
NO_UNNAMED = frozenset((errno.EOPNOTSUPP, errno.EISDIR, errno.EINVAL, errno.ENOENT))
"""What a file system, or a kernel, says that cannot make a file without a name."""
_REMEDY = "name a directory with more room (--spill-dir), or do without (--median kll, --categories misra-gries)"
_PIECES = 512
"""Of one call of the system, which has a limit."""

Piece = bytes | bytearray | memoryview


class SpillFull(NovaCronError):
    """What does not fit into memory does not fit on disk either; of what was to be written nothing stays."""


class Unwritable(NovaCronError):
    """The directory of the spill cannot be used."""


class Room:
    """Bytes that one job may have on disk. Not for several threads.

    Args:
        directory: where; the system's for temporary files if None.
        most_bytes: of all files together; None: what the disk has.
    """

    def __init__(self, directory: Path | None = None, most_bytes: int | None = None) -> None:
        self.directory = directory or Path(tempfile.gettempdir())
        self.most_bytes = most_bytes
        self.used = 0
        self.peak = 0

    def take(self, size: int) -> None:
        """Counts bytes before they are written. Raises ``SpillFull``; nothing is counted then."""
        if self.most_bytes is not None and self.used + size > self.most_bytes:
            said = f"the spill in {self.directory} may have {self.most_bytes} bytes, has {self.used}, needs {size} more"
            raise SpillFull(f"{said}; allow more (--max-spill), {_REMEDY}")
        self.used += size
        self.peak = max(self.peak, self.used)

    def give(self, size: int) -> None:
        """Counts bytes that are no longer on disk."""
        self.used -= size

    def file(self) -> RoomFile:
        """A new one, empty. Raises ``Unwritable``, ``SpillFull``."""
        return RoomFile(self)

    def full(self, size: int, error: OSError) -> SpillFull:
        said = f"the spill does not fit into {self.directory}: {error.strerror}, with {self.used} bytes there"
        return SpillFull(f"{said} and {size} more to come; {_REMEDY}")


class RoomFile:
    """A file without a name. Written at its end, read anywhere."""

    def __init__(self, room: Room) -> None:
        self._room = room
        self.descriptor = _opened(room)
        self.size = 0

    def append(self, *pieces: Piece) -> int:
        """Writes them one after the other; gives the place of the first. Raises ``SpillFull``: none was written."""
        size = sum(memoryview(piece).nbytes for piece in pieces)
        self._room.take(size)
        try:
            for begun in range(0, len(pieces), _PIECES):
                self._write(pieces[begun : begun + _PIECES])
        except OSError as error:
            os.ftruncate(self.descriptor, self.size)
            os.lseek(self.descriptor, self.size, os.SEEK_SET)
            self._room.give(size)
            if error.errno in _FULL:
                raise self._room.full(size, error) from None
            raise
        self.size += size
        return self.size - size

    def _write(self, pieces: Sequence[Piece]) -> None:
        left = [memoryview(piece).cast("B") for piece in pieces if memoryview(piece).nbytes]
        while left:
            written = os.writev(self.descriptor, left)
            while left and written >= len(left[0]):
                written -= len(left.pop(0))
            if written:
                left[0] = left[0][written:]

    def truncate(self, size: int = 0) -> None:
        """Gives back what is behind ``size``."""
        os.ftruncate(self.descriptor, size)
        os.lseek(self.descriptor, size, os.SEEK_SET)
        self._room.give(self.size - size)
        self.size = size

    def close(self) -> None:
        """Gives all of it back."""
        if self.descriptor >= 0:
            os.close(self.descriptor)
            self._room.give(self.size)
            self.descriptor, self.size = -1, 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __del__(self) -> None:
        if getattr(self, "descriptor", -1) >= 0:
            self.close()


def _opened(room: Room) -> int:
    try:
        return _unnamed(room.directory)
    except OSError as error:
        if error.errno in _FULL:
            raise room.full(0, error) from None
        said = f"no file can be made in {room.directory}: {error.strerror}"
        raise Unwritable(f"{said}; name a directory that can be written (--spill-dir)") from None


def _unnamed(directory: Path) -> int:
    try:
        return os.open(directory, os.O_TMPFILE | os.O_RDWR | os.O_CLOEXEC, 0o600)
    except OSError as error:
        if error.errno not in NO_UNNAMED or not directory.is_dir():
            raise
    descriptor, name = tempfile.mkstemp(prefix=".novacron-", dir=directory)
    Path(name).unlink()
    return descriptor
