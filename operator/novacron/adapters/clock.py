"""The only place that reads the time."""

from __future__ import annotations

import time
from datetime import UTC, datetime

_CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


def monotonic() -> float:
    """Seconds that never go backwards; they stand still while the machine is suspended, and so do our sleeps."""
    return time.monotonic()


def elapsed() -> float:
    """Seconds that never go backwards, and go on while the machine is suspended: others do not wait for it."""
    return time.clock_gettime(_CLOCK)


def now() -> datetime:
    return datetime.now(UTC)


def timestamp(moment: datetime) -> str:
    """RFC 3339 with seconds: ``metav1.Time``."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def precise_timestamp(moment: datetime) -> str:
    """RFC 3339 with microseconds: ``metav1.MicroTime``."""
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
