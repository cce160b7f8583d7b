"""A part of a file: where records, runs and codes lie, on disk or in a state."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass

from novacron.core.errors import NovaCronError

_PIECE = 64 << 10
"""Bytes that are read at a time."""


class Damaged(NovaCronError):
    """What is read is not what was written."""


@dataclass(frozen=True, slots=True)
class Section:
    """A part of an open file, which whoever made this keeps open.

    Args:
        descriptor: of the file.
        offset: of the first byte.
        length: in bytes.
    """

    descriptor: int
    offset: int
    length: int

    def read(self, size: int, at: int) -> bytes:
        """At most ``size`` bytes from ``at``, counted from the section's beginning; less only at its end."""
        wanted = min(size, self.length - at)
        data = os.pread(self.descriptor, wanted, self.offset + at)
        if len(data) < wanted:
            raise Damaged(f"the file ends at {self.offset + at + len(data)}, {wanted - len(data)} bytes too early")
        return data

    def pieces(self) -> Iterator[bytes]:
        """All of it, to be written elsewhere."""
        for at in range(0, self.length, _PIECE):
            yield self.read(_PIECE, at)
