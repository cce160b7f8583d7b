"""What a sample of a virtual machine must be, before anybody asks whether there is such a machine.

Each of the thousands in a body is judged by itself, so that one which is wrong does not cost the others their place.
Plain Python over what the parser made, two microseconds a sample [measured]: pydantic takes as long, all of a body in
one go, and would read numbers as moments.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

_UUID = re.compile(r"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}", re.ASCII)
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)", re.ASCII)
_MOST_BYTES = 2**63 - 1
AHEAD = timedelta(seconds=30)
"""So far may a client's clock be ahead of the database's."""
DAYS_BEHIND = 7
"""How old a sample may be at most, where samples are kept for longer than that."""


def taken_for(retention: timedelta) -> timedelta:
    """How late a sample may come.

    Args:
        retention: how long samples are kept; there are partitions for no more than a week of the past.
    """
    return min(retention, timedelta(days=DAYS_BEHIND))


class Sample(NamedTuple):
    """Usages are percent, bytes are counters; None: not measured. In the order of the table's columns."""

    vm_id: UUID
    timestamp: datetime
    cpu_usage: float | None
    memory_usage: float | None
    disk_usage: float | None
    network_in_bytes: int | None
    network_out_bytes: int | None


class InvalidSample(ValueError):
    """It cannot be taken; the text names member, reason and remedy, never a value."""


class SampleReader:
    """Of one batch: whatever is in it again and again is read once."""

    def __init__(self) -> None:
        self._ids: dict[str, UUID] = {}

    def read(self, sent: Any) -> Sample:
        """A sample of what a client sent. Raises ``InvalidSample``."""
        if type(sent) is not dict:
            raise InvalidSample("is no object; send one")
        if not sent.keys() <= _KNOWN:  # which one is the client's own word, and may be anything
            raise InvalidSample(f"has an unknown member; known are: {', '.join(Sample._fields)}")
        get: Callable[[str], Any] = sent.get
        return Sample(
            self._id(get("vm_id")),
            _moment(get("timestamp")),
            _percent("cpu_usage", get("cpu_usage")),
            _percent("memory_usage", get("memory_usage")),
            _percent("disk_usage", get("disk_usage")),
            _count("network_in_bytes", get("network_in_bytes")),
            _count("network_out_bytes", get("network_out_bytes")),
        )

    def _id(self, sent: Any) -> UUID:
        if type(sent) is not str:
            raise InvalidSample("vm_id: is no text; send the UUID of a virtual machine")
        found = self._ids.get(sent)
        if found is None:
            if not _UUID.fullmatch(sent):
                raise InvalidSample("vm_id: is no UUID; send that of a virtual machine")
            found = self._ids[sent] = UUID(sent)
        return found


_KNOWN = frozenset(Sample._fields)


def _moment(sent: Any) -> datetime:
    """RFC 3339, 5.6, with its T and Z as capitals; what is finer than a microsecond is cut off."""
    if type(sent) is str and _MOMENT.fullmatch(sent):
        try:
            return datetime.fromisoformat(sent)
        except ValueError:
            pass
    raise InvalidSample("timestamp: is no moment of RFC 3339 with an offset; send 2026-01-31T12:00:00Z, say")


def _percent(member: str, sent: Any) -> float | None:
    if sent is None:
        return None
    if type(sent) is not float and type(sent) is not int:
        raise InvalidSample(f"{member}: is no number; send percent, or null where it was not measured")
    if not 0 <= sent <= 100:
        raise InvalidSample(f"{member}: is not within 0 to 100; send percent")
    return float(sent)


def _count(member: str, sent: Any) -> int | None:
    if sent is None:
        return None
    if type(sent) is not int:
        raise InvalidSample(f"{member}: is no whole number; send bytes, or null where it was not measured")
    if not 0 <= sent <= _MOST_BYTES:
        raise InvalidSample(f"{member}: is not within 0 to {_MOST_BYTES}; send a counter of bytes")
    return sent
