"""Which plan, and as of when."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from novacron.query.domain import plan
from novacron.query.domain.dashboard import OutOfSight, instant
from novacron.query.domain.sample import AHEAD

NOW = datetime(2026, 3, 29, 12, 0, tzinfo=UTC)
RETENTION = timedelta(days=7)
SECOND, HOUR = timedelta(seconds=1), timedelta(hours=1)


@pytest.mark.parametrize(
    ("selected", "every", "way"),
    [(0, 0, "rollup"), (1, 1, "rollup"), (25, 100, "rollup"), (24, 100, "lateral"), (0, 1, "lateral")],
)
def test_a_fleet_is_read_from_rollups_and_a_few_from_their_samples(selected: int, every: int, way: str) -> None:
    assert plan.chosen(selected, every) == way


@pytest.mark.parametrize(
    ("wanted", "oldest", "found"),
    [
        (None, None, NOW),
        (None, NOW - SECOND, NOW),
        (None, NOW + SECOND, NOW + SECOND),
        (None, NOW + AHEAD, NOW + AHEAD),
        (NOW - HOUR, None, NOW - HOUR),
        (NOW + AHEAD, None, NOW + AHEAD),
        (NOW - RETENTION + HOUR, None, NOW - RETENTION + HOUR),
    ],
)
def test_as_of_when(wanted: datetime | None, oldest: datetime | None, found: datetime) -> None:
    assert instant(NOW, wanted, oldest, RETENTION) == found


@pytest.mark.parametrize(
    ("wanted", "oldest", "field"),
    [
        (NOW + AHEAD + SECOND, None, "as_of"),
        (None, NOW + AHEAD + SECOND, "min_as_of"),
        (NOW - RETENTION + HOUR - SECOND, None, "as_of"),
        (datetime(1, 1, 1, tzinfo=UTC), None, "as_of"),
        (datetime(9999, 12, 31, tzinfo=UTC), None, "as_of"),
    ],
)
def test_of_what_is_not_kept_there_is_none(wanted: datetime | None, oldest: datetime | None, field: str) -> None:
    with pytest.raises(OutOfSight, match=f"^{field}: .*; ask for"):
        instant(NOW, wanted, oldest, RETENTION)
