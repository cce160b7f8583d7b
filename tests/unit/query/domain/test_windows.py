"""Windows are made of edges and buckets: each instant is in as many pieces as its windows say, which is one or none."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

from hypothesis import given
from hypothesis import strategies as st

from novacron.query.domain.windows import FIVE_MINUTES, MINUTE, Windows, windows

ORIGIN = datetime(2000, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
BORDER = datetime(2026, 3, 29, 0, 0, tzinfo=UTC)
SIGHT, AVERAGES = timedelta(hours=1), timedelta(minutes=5)

offsets = st.one_of(
    st.integers(-130, 130).map(lambda minutes: timedelta(minutes=minutes)),
    st.integers(-7200 * 10**6, 7200 * 10**6).map(lambda number: timedelta(microseconds=number)),
)
nudges = st.sampled_from([-MICROSECOND, timedelta(), MICROSECOND])
instants = st.builds(lambda offset, nudge: BORDER + offset + nudge, offsets, nudges)


def bucket(moment: datetime, length: timedelta) -> datetime:
    """Its name, as the ingest finds it."""
    return moment - MICROSECOND - (moment - MICROSECOND - ORIGIN) % length + length


def pieces(asked: Windows, moment: datetime) -> tuple[int, int]:
    """How often a sample counts for the maximum, and for the averages, in the statement of the store."""
    minute, five = bucket(moment, MINUTE), bucket(moment, FIVE_MINUTES)
    tail = asked.last_minute < moment <= asked.as_of
    recent = asked.averages_minute < minute <= asked.last_minute
    edge = asked.averages_begin < moment <= asked.averages_minute
    averages = [recent, tail, edge]
    maximum = [
        *averages,
        asked.sight_five < five <= asked.last_five,
        asked.sight_minute < minute <= asked.sight_five,
        asked.sight_begin < moment <= asked.sight_minute,
    ]
    return sum(maximum), sum(averages)


@given(instants, instants)
def test_each_instant_counts_where_it_should(as_of: datetime, moment: datetime) -> None:
    maximum, averages = pieces(windows(as_of), moment)
    assert averages == (as_of - AVERAGES < moment <= as_of)
    assert (maximum > 0) == (as_of - SIGHT < moment <= as_of)


@given(instants)
def test_borders_are_in_order(as_of: datetime) -> None:
    found = windows(as_of)
    order = [
        found.sight_begin,
        found.sight_minute,
        found.sight_five,
        found.last_five,
        found.last_minute,
        found.as_of,
    ]
    assert order == sorted(order)
    assert found.averages_begin <= found.averages_minute <= found.last_minute


@given(instants)
def test_single_samples_are_read_of_two_minutes_at_most(as_of: datetime) -> None:
    found = windows(as_of)
    edges = (
        (found.as_of - found.last_minute)
        + (found.averages_minute - found.averages_begin)
        + (found.sight_minute - found.sight_begin)
    )
    assert edges < 2 * MINUTE
    assert found.averages_minute - found.averages_begin == found.sight_minute - found.sight_begin


@given(instants)
def test_an_offset_changes_nothing(as_of: datetime) -> None:
    elsewhere = as_of.astimezone(timezone(timedelta(hours=5, minutes=45)))
    assert windows(elsewhere) == windows(as_of)


def test_on_a_border_there_are_no_edges() -> None:
    found = windows(BORDER)
    assert found.last_minute == found.last_five == found.as_of == BORDER
    assert found.averages_minute == found.averages_begin == BORDER - AVERAGES
    assert found.sight_five == found.sight_minute == found.sight_begin == BORDER - SIGHT
