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
