"""What memory a pipeline may use, and what follows for the size of its chunks."""

from __future__ import annotations

from dataclasses import dataclass

from novacron.core.errors import NovaCronError

ROWS = 2000
"""Of a chunk: more cost more memory and no less time (docs/decisions/0030)."""
BLOCK_BYTES = 512 << 10
"""Of an input's text that is parsed at once."""
LINE_BYTES = 1 << 20
"""Longest line, or element of an array. It never follows the pressure on memory: an answer must not depend on it."""
_FEWEST_ROWS = 16
_SMALLEST_BLOCK = 16 << 10


class MemoryBudgetExceeded(NovaCronError):
    """What comes next does not fit into the budget; nothing was taken for it yet."""


@dataclass(slots=True)
class Pace:
    """How much is read at once. Becomes smaller while memory is short; inputs look at it before each chunk.

    Args:
        rows: of a chunk, at most.
        block_bytes: of text, at most; a single line may be longer.
    """

    rows: int = ROWS
    block_bytes: int = BLOCK_BYTES

    def halve(self) -> bool:
        """Whether there was anything left to halve."""
        before = (self.rows, self.block_bytes)
        self.rows = max(min(self.rows, _FEWEST_ROWS), self.rows // 2)
        self.block_bytes = max(min(self.block_bytes, _SMALLEST_BLOCK), self.block_bytes // 2)
        return before != (self.rows, self.block_bytes)
