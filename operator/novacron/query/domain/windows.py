"""Which samples a dashboard is made of, as of one instant, and the buckets and edges that they fall into.

A window is what came after its begin, up to and including its end; a bucket too, and it is named by its end
(migrations/query/0001). So a window is a short edge of single samples, whole buckets, and another edge, without
a sample that counts twice or not at all.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

AVERAGES = timedelta(minutes=5)
"""How far back averages go."""
SIGHT = timedelta(hours=1)
"""How far back the maximum goes; a VM without a sample since then is unknown."""
MINUTE = timedelta(minutes=1)
FIVE_MINUTES = timedelta(minutes=5)
_ORIGIN = datetime(2000, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Windows:
    """Instants in this order, of which neighbours may be the same::

        sight_begin <= sight_minute <= sight_five <= last_five <= last_minute <= as_of
        averages_begin <= averages_minute <= last_minute

    The maximum is of single samples in (sight_begin, sight_minute], minutes in (sight_minute, sight_five], five minutes
    in (sight_five, last_five], minutes in (last_five, last_minute], single samples in (last_minute, as_of]. The
    averages are of single samples in (averages_begin, averages_minute], minutes in (averages_minute, last_minute],
    single samples in (last_minute, as_of].
    """

    as_of: datetime
    averages_begin: datetime
    averages_minute: datetime
    sight_begin: datetime
    sight_minute: datetime
    sight_five: datetime
    last_five: datetime
    last_minute: datetime


def windows(as_of: datetime) -> Windows:
    """Args:
    as_of: with an offset.
    """
    averages_begin, sight_begin = as_of - AVERAGES, as_of - SIGHT
    return Windows(
        as_of=as_of,
        averages_begin=averages_begin,
        averages_minute=_ceiling(averages_begin, MINUTE),
        sight_begin=sight_begin,
        sight_minute=_ceiling(sight_begin, MINUTE),
        sight_five=_ceiling(sight_begin, FIVE_MINUTES),
        last_five=_floor(as_of, FIVE_MINUTES),
        last_minute=_floor(as_of, MINUTE),
    )


def _floor(moment: datetime, length: timedelta) -> datetime:
    """The last border at that moment or before."""
    return moment - (moment - _ORIGIN) % length


def _ceiling(moment: datetime, length: timedelta) -> datetime:
    """The first border at that moment or after."""
    return moment + (_ORIGIN - moment) % length
