"""What the dashboard shows: in which order, judged how, of whom, and as of when."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

from novacron.query.domain.sample import AHEAD
from novacron.query.domain.vm import Status
from novacron.query.domain.windows import SIGHT

Sort = Literal["name", "-current_cpu", "-current_memory", "-max_cpu_1hour"]
"""With a minus the highest first, and last those of which it is not known; equals are in the order of their ids."""
Judgement = Literal["critical", "warning", "normal", "unknown"]
Place = tuple[str | float, str]
"""Where a row stands in its order: the sort's key, and its id."""


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Percent, above which it is so."""

    critical: float
    warning: float


CPU = Thresholds(critical=90, warning=75)
MEMORY = Thresholds(critical=90, warning=80)


@dataclass(frozen=True, slots=True)
class Question:
    """Args:
    organization: whose machines; None: everybody's.
    status: of the machines; None: whichever.
    limit: rows.
    as_of: None: now.
    after: the place of the last row that was seen; None: from the first one on.
    """

    organization: UUID | None = None
    status: Status | None = None
    sort: Sort = "name"
    limit: int = 1000
    as_of: datetime | None = None
    after: Place | None = None


class OutOfSight(ValueError):
    """There is no dashboard as of that instant."""


def instant(now: datetime, wanted: datetime | None, oldest: datetime | None, retention: timedelta) -> datetime:
    """As of when a dashboard is.

    Args:
        now: by the database's clock.
        wanted: None: now.
        oldest: it may not be before that.

    Raises:
        OutOfSight: it is further ahead than samples may be, or samples of its hour are not kept any more.
    """
    name, found = ("as_of", wanted) if wanted is not None else ("min_as_of", max(now, oldest or now))
    if found > now + AHEAD:
        raise OutOfSight(too_far(name))
    if found < now - retention + SIGHT:
        raise OutOfSight(f"{name}: samples of its hour are not kept any more; ask for a later instant")
    return found


def too_far(name: str) -> str:
    """Why an instant is refused that is too far ahead of the database's clock."""
    return f"{name}: is more than {AHEAD.total_seconds():g} s after the database's clock; ask for an earlier instant"
