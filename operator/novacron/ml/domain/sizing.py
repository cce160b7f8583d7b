"""What follows a memory limit that was too small, and when. Pure arithmetic over bytes and seconds.

The limit only grows, by half of itself a time, and each time only over what happened under the limit as it is: a kill
under an earlier one is old news.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

STEP = 16 << 20
"""Limits are whole multiples of it, but for the bound itself."""
COOL_DOWN = 120.0
"""Seconds for which a limit is tried, from when its rollout is over: one burst of work must not grow it twice."""


class Verdict(Enum):
    ADEQUATE = "nobody was short of memory under this limit"
    ROLLING = "pods with less than the present limit are being replaced"
    SHORT = "it is too small, and nobody may raise it but a person"
    WAITING = "it is too small; its rollout goes on, or was only just over"
    GROWING = "it is too small, and is raised now"
    STOPPED = "it is too small, and the most that is allowed"


@dataclass(frozen=True, slots=True)
class Sight:
    """What is known of the pods.

    Args:
        limit: the memory limit that pods are to have, in bytes.
        bound: the most that it may be raised to, in bytes.
        allowed: whether it may be raised without a person.
        short: whether a pod with exactly this limit was killed for want of memory, or has hardly any left for long.
        smaller: whether pods with less are still there.
        tried: seconds since every pod has this limit, or since its rollout is stuck because they are killed.
            None: neither is so.
    """

    limit: int
    bound: int
    allowed: bool
    short: bool
    smaller: bool
    tried: float | None


@dataclass(frozen=True, slots=True)
class Step:
    """What to do.

    Args:
        limit: in bytes: the next one with GROWING and WAITING, what would help with SHORT, the present one else.
        seconds: until there is more to do; infinity where time alone changes nothing.
    """

    verdict: Verdict
    limit: int
    seconds: float = float("inf")


def effective(given: int, learned: int | None, bound: int) -> int:
    """The limit of the pods: what was learned counts above what the resource gives, as far as the bound allows."""
    return given if learned is None else max(given, min(learned, bound))


def following(limit: int) -> int:
    """Half as much again, rounded up to whole steps."""
    return -(-3 * limit // (2 * STEP)) * STEP


def judged(sight: Sight) -> Step:
    """What becomes of the limit; it is never lowered, and never raised above the bound."""
    if not sight.short:
        return Step(Verdict.ROLLING if sight.smaller else Verdict.ADEQUATE, sight.limit)
    if not sight.allowed:
        return Step(Verdict.SHORT, following(sight.limit))
    grown = min(following(sight.limit), sight.bound)
    if grown <= sight.limit:
        return Step(Verdict.STOPPED, sight.limit)
    if sight.tried is None:
        return Step(Verdict.WAITING, grown)
    if sight.tried < COOL_DOWN:
        return Step(Verdict.WAITING, grown, COOL_DOWN - sight.tried)
    return Step(Verdict.GROWING, grown, 0.0)
