"""Ranges of time that may be asked for, and the intervals that they are cut into. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from novacron.core import duration

INTERVAL_LONGEST = 32
"""Characters of an interval."""
_SHORTEST = 1
"""Seconds of an interval."""


class InvalidSpan(ValueError):
    """The text names the field, the reason and the remedy, and never a value that was given."""


@dataclass(frozen=True, slots=True)
class Span:
    """From start to end, both included."""

    start: datetime
    end: datetime


def span(start: datetime, end: datetime, longest: int) -> Span:
    """Args:
    longest: seconds.

    Raises:
        InvalidSpan: it ends before it begins, or is too long.
    """
    if end < start:
        raise InvalidSpan("end: is before start; exchange the two")
    if end - start > timedelta(seconds=longest):
        raise InvalidSpan(f"end: is more than {duration.written(longest)} after start; ask for several ranges")
    return Span(start, end)


def interval(text: str, longest: int) -> timedelta:
    """The length of ``30s``, ``5m`` or ``1h30m``.

    Args:
        longest: seconds.

    Raises:
        InvalidSpan: it is no duration, or too short or too long.
    """
    try:
        seconds = duration.seconds(text) if len(text) <= INTERVAL_LONGEST else 0
    except ValueError:
        raise InvalidSpan("interval: is no duration; write e.g. 30s, 5m or 1h") from None
    if not _SHORTEST <= seconds <= longest:
        raise InvalidSpan(f"interval: must be from {_SHORTEST}s to {duration.written(longest)}")
    return timedelta(seconds=seconds)
