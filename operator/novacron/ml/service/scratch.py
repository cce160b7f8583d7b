"""The scratch space of a job: its share of the disk that all jobs use, for the spill, for bodies and for answers."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from novacron.ml.domain.shares import Share, ShareExceeded
from novacron.ml.service.room import Room, SpillFull

_REMEDY = "send less at once, ask for median=kll and categories=misra-gries, or raise ml.scratch.size"


class Scratch(Room):
    """Room that is counted against the share."""

    def __init__(self, directory: Path, share: Share) -> None:
        super().__init__(directory)
        self._share = share

    def take(self, size: int) -> None:
        try:
            self._share.take(size)
        except ShareExceeded as error:
            raise SpillFull(f"the scratch space is full: {error}; {_REMEDY}") from None
        super().take(size)

    def give(self, size: int) -> None:
        self._share.give(size)
        super().give(size)

    def full(self, size: int, error: OSError) -> SpillFull:
        return SpillFull(f"the scratch space is full: {error.strerror}, {size:,} bytes more to come; {_REMEDY}")

    def write(self, file: BinaryIO, piece: bytes) -> None:
        """To a file that is on disk once it is long. Raises ``SpillFull``."""
        self.take(len(piece))
        with self._telling(len(piece)):
            file.write(piece)

    def flush(self, file: BinaryIO) -> None:
        """After the last piece: the disk may be full for what was only buffered. Raises ``SpillFull``."""
        with self._telling(0):
            file.flush()

    @contextmanager
    def _telling(self, size: int) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise self.full(size, error) from None
            raise
