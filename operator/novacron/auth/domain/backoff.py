"""How long somebody waits after failed logins, per account and network (docs/decisions/0018). Pure.

An attempt counts as failed from its beginning and is forgotten when it succeeds: guesses that run side by side cannot
all slip through before the first of them is known to be wrong. Nobody is ever locked out for good, and an attempt that
is refused while it must wait does not lengthen the wait.
"""

from __future__ import annotations

from dataclasses import dataclass

FREE = 5
"""So many attempts are made without any wait between them."""
FIRST_SECONDS = 1
LONGEST_SECONDS = 900
REMEMBERED_SECONDS = 2 * LONGEST_SECONDS
"""After so long without an attempt the count starts again: longer than any wait, so no wait is cut short by it."""

_DOUBLINGS = 10
"""2^10 s is beyond the longest wait; the exponent is bounded, so that no count can make it large."""


@dataclass(frozen=True, slots=True)
class Attempts:
    """Logins that began and did not succeed.

    Args:
        count: of them, in a row.
        last: when the last one began, seconds since the epoch.
    """

    count: int
    last: float


def pause(count: int) -> int:
    """Seconds between the attempt of this number, counted from 1, and the next one."""
    if count < FREE:
        return 0
    return min(LONGEST_SECONDS, FIRST_SECONDS << min(count - FREE, _DOUBLINGS))


def begun(before: Attempts | None, now: float) -> tuple[Attempts, float]:
    """The state after somebody asks to log in, and the seconds to wait first; 0: go on, the attempt is counted.

    A clock that went back does not make anybody wait longer than the pause itself.
    """
    if before is None or now - before.last > REMEMBERED_SECONDS:
        return Attempts(1, now), 0.0
    left = pause(before.count) - max(0.0, now - before.last)
    if left > 0:
        return before, left
    return Attempts(before.count + 1, now), 0.0
