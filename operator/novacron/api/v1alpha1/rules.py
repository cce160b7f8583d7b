"""Rules of the resource, each declared once: what the API server evaluates (CEL), what the operator evaluates (Python),
and the one message that both report. Nothing here knows a particular field.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")


# Without slots: Python 3.11 cannot call `Rule[int](...)` where instances are both frozen and slotted.
@dataclass(frozen=True)
class Rule(Generic[T]):
    """A claim about one value, seen by the API server and by the operator alike.

    Attributes:
        cel: expression over ``self``; true when the value is fine.
        message: what is wrong and what to do; static, because the cost estimate of a composed message exceeds the
            server's budget wherever it reads an unbounded string.
        holds: the same claim over the parsed model. Returns True where the value cannot be judged because another
            rule already refuses a part of it.
        path: the field below the value that the message is about, camelCase with a leading dot; empty: the value.
    """

    cel: str
    message: str
    holds: Callable[[T], bool]
    path: str = ""


@dataclass(frozen=True, slots=True)
class ListMap:
    """The list is a map by these fields: two entries with the same keys are refused, and owners merge by entry."""

    keys: tuple[str, ...] = ("name",)


@dataclass(frozen=True, slots=True)
class ListSet:
    """The list is a set: a repeated entry is refused."""


@dataclass(frozen=True, slots=True)
class Extensions:
    """Schema keys that no Python type expresses, e.g. ``x-kubernetes-map-type``."""

    entries: tuple[tuple[str, object], ...]


def literal(text: str) -> str:
    """``text`` as a CEL string literal."""
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def matching(pattern: str, message: str, *, or_empty: bool = False) -> Rule[str]:
    """The whole text matches ``pattern`` (syntax common to RE2 and Python, without anchors)."""
    compiled = re.compile(pattern)
    cel = f"self.matches({literal(f'^(?:{pattern})$')})"
    return Rule(
        cel=f"self == '' || {cel}" if or_empty else cel,
        message=message,
        holds=lambda text: (or_empty and text == "") or compiled.fullmatch(text) is not None,
    )


def between(low: int, high: int, why: str = "") -> Rule[int]:
    """An integer from ``low`` to ``high``, both included."""
    return Rule(
        cel=f"self >= {low} && self <= {high}",
        message=f"must be from {low} to {high}" + (f": {why}" if why else ""),
        holds=lambda number: low <= number <= high,
    )
