"""What of an input could not be read, and where."""

from __future__ import annotations

from dataclasses import dataclass, field

from novacron.core.errors import NovaCronError

MOST_SHOWN = 20


class Unreadable(NovaCronError):
    """The input as a whole cannot be read, or not to its end; the text names the place, the reason and the remedy."""


class Rejected(NovaCronError):
    """A row cannot be read, and nothing of the kind is to be passed over."""


@dataclass(slots=True)
class Report:
    """Rows that were passed over.

    Args:
        strict: the first one ends the reading.
        unit: what is counted: lines of the uncompressed text, elements of an array, records of a list; the first is 1.
    """

    strict: bool = False
    unit: str = "line"
    count: int = 0
    first: list[tuple[int, str]] = field(default_factory=list)
    """The first ``MOST_SHOWN``: where, and why; never what stood there."""

    def reject(self, place: int, reason: str) -> None:
        """Raises ``Rejected`` when strict."""
        if self.strict:
            raise Rejected(f"{self.unit} {place}: {reason}; correct it, or leave out --strict to pass over such rows")
        self.count += 1
        if len(self.first) < MOST_SHOWN:
            self.first.append((place, reason))
