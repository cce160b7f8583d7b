"""Waiting for a state of the world, with a deadline; and watching that a state lasts. Never a bare sleep."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


class NotInTime(AssertionError):
    """What was waited for did not come; the text says what, and what was there instead."""


def until(check: Callable[[], T], what: str, seconds: float = 30.0, every: float = 0.1) -> T:
    """The first true answer of ``check``.

    An ``AssertionError`` of ``check`` counts as "not yet"; the last one is shown when time is up.

    Raises:
        NotInTime: after ``seconds``.
    """
    deadline = time.monotonic() + seconds
    while True:
        seen: object
        try:
            answer = check()
            if answer:
                return answer
            seen = answer
        except AssertionError as error:
            seen = error
        if time.monotonic() >= deadline:
            raise NotInTime(f"not within {seconds:g} s: {what}; last seen: {str(seen)[:4000]}")
        time.sleep(every)


def lasting(check: Callable[[], object], what: str, seconds: float, every: float = 0.2) -> None:
    """Raises ``NotInTime`` as soon as ``check`` stops to be true within ``seconds``."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        seen = check()
        if not seen:
            raise NotInTime(f"did not last for {seconds:g} s: {what}; seen: {seen!r}")
        time.sleep(every)
