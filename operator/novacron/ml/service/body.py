"""A body on its way from the event loop to the thread that reads it: a file to the one, and back-pressure to the other.

Little is held: a client that sends faster than the thread reads is not read from, and TCP tells it so.
"""

from __future__ import annotations

import asyncio
import io
import threading
from typing import TYPE_CHECKING

from novacron.core.errors import NovaCronError

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer


class Abandoned(NovaCronError):
    """Nobody waits for the answer any more. Ends the thread at its next look at the body."""


class Pipe(io.RawIOBase):
    """One body. Made in the event loop; ``readinto``, what it is the base of, and ``check`` are the thread's.

    Args:
        most: bytes from which on nothing more is taken, unless the thread wants more at once.
    """

    def __init__(self, most: int) -> None:
        super().__init__()
        self._most = most
        self._loop = asyncio.get_running_loop()
        self._room = asyncio.Event()
        self._room.set()
        self._changed = threading.Condition()
        self._held = bytearray()
        self._wanted = 0
        self._ended = False
        self._abandoned = False
        self.size = 0
        """Bytes that came so far."""

    async def put(self, piece: bytes) -> None:
        """Takes it, once there is room."""
        await self._room.wait()
        with self._changed:
            if self._abandoned:
                return
            self._held += piece
            self.size += len(piece)
            if self._full:
                self._room.clear()
            if len(self._held) >= self._wanted:  # woken for every piece, the thread would do little else
                self._changed.notify()

    def end(self) -> None:
        """The body has come to its end."""
        with self._changed:
            self._ended = True
            self._changed.notify()

    def abandon(self) -> None:
        """The thread is to stop, if it still runs; whatever comes is dropped."""
        with self._changed:
            self._abandoned = True
            self._held.clear()
            self._changed.notify()
        self._room.set()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        """Fills it; less only at the end of the body: each read becomes a block, and pieces may be of a byte each.

        Raises:
            Abandoned: also where the whole body has come.
        """
        target = memoryview(buffer).cast("B")
        with self._changed:
            self._wanted = len(target)
            if len(self._held) < self._wanted:
                self._ask()
                self._changed.wait_for(lambda: self._abandoned or self._ended or len(self._held) >= self._wanted)
            self._wanted = 0
            self.check()
            size = min(len(self._held), len(target))
            with memoryview(self._held) as held:
                target[:size] = held[:size]
            del self._held[:size]
            self._ask()
        return size

    def check(self) -> None:
        """Raises ``Abandoned``. For work that reads nothing for long."""
        if self._abandoned:
            raise Abandoned("nobody waits for the answer any more")

    @property
    def _full(self) -> bool:
        return len(self._held) >= max(self._most, self._wanted)

    def _ask(self) -> None:
        """Has the event loop look whether there is room; it may have ended meanwhile, and then nothing more comes."""
        if not self._ended and not self._abandoned:
            self._loop.call_soon_threadsafe(self._look)

    def _look(self) -> None:
        with self._changed:
            if not self._full:
                self._room.set()
