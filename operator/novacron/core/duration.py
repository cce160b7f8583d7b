"""Durations such as ``1h30m`` or ``7d``, as they stand in the resource (Go's ``ParseDuration`` knows no days)."""

from __future__ import annotations

import re

_SYNTAX = re.compile(r"(?:([0-9]+)d)?(?:([0-9]+)h)?(?:([0-9]+)m)?(?:([0-9]+)s)?")


def seconds(text: str) -> int:
    """The length in whole seconds.

    Raises:
        ValueError: the text is no duration, with the remedy in the message.
    """
    match = _SYNTAX.fullmatch(text)
    if match is None or not text:
        raise ValueError(f"{text!r} is not a duration; write e.g. 30s, 15m, 24h or 7d")
    days, hours, minutes, rest = (int(part or 0) for part in match.groups())
    return ((days * 24 + hours) * 60 + minutes) * 60 + rest


def written(length: int) -> str:
    """Whole seconds as Go's ``Duration.String`` writes them: ``45s``, ``30m0s``, ``1h30m0s``.

    Controllers that read an object into Go types and write it back put durations so; any other spelling would look
    like somebody's edit.
    """
    hours, rest = divmod(length, 3600)
    minutes, left = divmod(rest, 60)
    if hours:
        return f"{hours}h{minutes}m{left}s"
    return f"{minutes}m{left}s" if minutes else f"{left}s"
