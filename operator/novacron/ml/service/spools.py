"""Inputs that must be there before they can be read: on disk meanwhile."""

from __future__ import annotations

import os
from contextlib import ExitStack
from typing import BinaryIO, Self

from novacron.ml.service.room import Room
from novacron.ml.service.sources.blocks import Readable

_PIECE = 1 << 18


class Spools:
    """Bodies that must be there before they can be read: on disk, and gone at the end of the block."""

    def __init__(self, room: Room) -> None:
        self._room = room
        self._opened = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._opened.close()

    def file(self, stream: Readable) -> BinaryIO:
        """All of it. Raises ``SpillFull``."""
        kept = self._opened.enter_context(self._room.file())
        while piece := stream.read(_PIECE):
            kept.append(piece)
        found = self._opened.enter_context(os.fdopen(kept.descriptor, "rb", closefd=False))
        found.seek(0)
        return found
