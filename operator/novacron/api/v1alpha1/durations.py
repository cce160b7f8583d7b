"""Durations of the resource (``1h30m``, ``7d``): what is accepted and how two compare, in CEL and Python."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema

from novacron.api.v1alpha1.rules import Rule
from novacron.core import duration

_DURATION = r"(?:[0-9]{1,5}d)?(?:[0-9]{1,6}h)?(?:[0-9]{1,7}m)?(?:[0-9]{1,8}s)?"


class Duration(str):
    """A length of time as written, e.g. ``1h30m`` or ``7d``."""

    __slots__ = ()

    @property
    def seconds(self) -> int:
        """The length in whole seconds. Raises ValueError where the text is no duration."""
        return duration.seconds(self)

    @property
    def delta(self) -> timedelta:
        """The same length as a ``timedelta``."""
        return timedelta(seconds=self.seconds)

    @classmethod
    def __get_pydantic_core_schema__(cls, _source: Any, _handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_after_validator_function(
            cls, core_schema.str_schema(), serialization=core_schema.plain_serializer_function_ser_schema(str)
        )


def duration_syntax(reference: str) -> str:
    """CEL: the text at ``reference`` is a duration."""
    return f"({reference} != '' && {reference}.matches('^{_DURATION}$'))"


def duration_seconds(reference: str) -> str:
    """CEL: the length in seconds of the duration at ``reference``; CEL's own ``duration()`` knows no days."""
    days, rest = f"int({reference}.split('d')[0]) * 86400", f"duration({reference}.split('d')[1]).getSeconds()"
    return (
        f"({reference}.contains('d') ? {days} + ({reference}.endsWith('d') ? 0 : {rest})"
        f" : duration({reference}).getSeconds())"
    )


def seconds(text: str) -> int | None:
    """The length of a duration, or None where the text is none (its own rule says so)."""
    return duration.seconds(text) if text and re.fullmatch(_DURATION, text) else None


def lasting(low: str, high: str) -> Rule[Duration]:
    """A duration from ``low`` to ``high``, both included."""
    least, most = duration.seconds(low), duration.seconds(high)

    def holds(text: Duration) -> bool:
        length = seconds(text)
        return length is not None and least <= length <= most

    return Rule[Duration](
        cel=(
            f"{duration_syntax('self')}"
            f" && {duration_seconds('self')} >= {least} && {duration_seconds('self')} <= {most}"
        ),
        message=f"must be a duration from {low} to {high}, written like 30s, 15m, 24h, 7d or 1h30m",
        holds=holds,
    )


def not_longer(left: str, right: str) -> str:
    """CEL: the duration at ``left`` is at most the one at ``right``; true where one of them is none."""
    return (
        f"!{duration_syntax(left)} || !{duration_syntax(right)}"
        f" || {duration_seconds(left)} <= {duration_seconds(right)}"
    )


def is_not_longer(left: str, right: str) -> bool:
    """The Python side of ``not_longer``."""
    first, second = seconds(left), seconds(right)
    return first is None or second is None or first <= second
