"""Memory for formats that are read in large pieces: set aside before a job begins, for what they hold comes at once.

Jobs of other formats are only counted: what they take is there again when they have ended.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from novacron.adapters import memory
from novacron.ml.domain.budget import MemoryBudgetExceeded
from novacron.ml.service.admission import Full
from novacron.ml.service.media import Format
from novacron.ml.service.sources.opened import LIBRARY_BYTES

HEAVY: frozenset[Format] = frozenset(("arrow", "parquet"))
_LIBRARY = "pyarrow"
"""What reads them."""
_PIECE_BYTES = 130_000_000
"""Of one job: a record batch, or row group, of 64 MiB, and what is made of it."""
_REMEDY = "send JSON Lines or CSV, or raise ml.resources.limits.memory"
_MB = 1_000_000


class HeavyJobs:
    """Those of one process, which has no job yet. Thread-safe.

    Args:
        most: bytes of memory that the process may come to by them.
        resident: bytes that it has.
        imported: whether the library is there.
    """

    def __init__(
        self,
        most: float,
        resident: Callable[[], int] = memory.resident,
        imported: Callable[[], bool] = lambda: _LIBRARY in sys.modules,
    ) -> None:
        self._most = most
        self._resident = resident
        self._imported = imported
        self._one_fits_alone = resident() + LIBRARY_BYTES + _PIECE_BYTES <= most
        self._lock = threading.Lock()
        self._running = 0
        self._reserved = 0

    @contextmanager
    def room(self, format_: Format) -> Iterator[None]:
        """For one job.

        Raises:
            MemoryBudgetExceeded: there is too little for any.
            Full: there would be enough if other jobs had ended.
        """
        with self._lock:
            needed = self._needed() if format_ in HEAVY else 0
            self._running += 1
            self._reserved += needed
        try:
            yield
        finally:
            with self._lock:
                self._running -= 1
                self._reserved -= needed

    def _needed(self) -> int:
        needed = _PIECE_BYTES + (0 if self._imported() else LIBRARY_BYTES)
        if self._resident() + self._reserved + needed > self._most:
            text = f"Arrow and Parquet take up to {needed // _MB} MB of memory, more than is left"
            if self._reserved or (self._running and self._one_fits_alone):
                raise Full(f"{text} beside those that are read now")
            raise MemoryBudgetExceeded(f"{text}; {_REMEDY}")
        return needed
