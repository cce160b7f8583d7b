"""Ranges and intervals: within their bounds, or refused with the field and the remedy."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from novacron.query.domain import spans
from novacron.query.domain.spans import InvalidSpan, Span

WEEK = 7 * 86_400
_moments = st.datetimes(timezones=st.just(UTC))


@given(_moments, _moments, st.integers(0, 10 * WEEK))
def test_a_span_is_taken_when_it_does_not_go_back_and_is_not_too_long(
    start: datetime, end: datetime, longest: int
) -> None:
    good = timedelta(0) <= end - start <= timedelta(seconds=longest)
    if good:
        assert spans.span(start, end, longest) == Span(start, end)
    else:
        with pytest.raises(InvalidSpan, match=r"^end: "):
            spans.span(start, end, longest)


def test_both_ends_are_included_in_the_longest_span() -> None:
    start = datetime(2026, 1, 1, tzinfo=UTC)
    end = start + timedelta(seconds=WEEK)
    assert spans.span(start, end, WEEK) == Span(start, end)
    assert spans.span(start, start, WEEK) == Span(start, start)
    with pytest.raises(InvalidSpan, match="more than 168h0m0s after start"):
        spans.span(start, end + timedelta(microseconds=1), WEEK)


@given(st.integers(1, WEEK))
def test_an_interval_of_whole_seconds(seconds: int) -> None:
    assert spans.interval(f"{seconds}s", WEEK) == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("text", "seconds"), [("1s", 1), ("30s", 30), ("5m", 300), ("1h30m", 5400), ("1d", 86_400), ("7d", WEEK)]
)
def test_an_interval_as_it_is_written(text: str, seconds: int) -> None:
    assert spans.interval(text, WEEK) == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "0s",
        "-5m",
        "5",
        "5 m",
        "1.5h",
        "1w",
        "7d1s",
        "canary",
        "5m'; --",
        "5m\0",
        "\uff19s",
        "9" * 30 + "d",
        "9" * 5000 + "s",
    ],
)
def test_what_is_no_interval_or_none_that_fits(text: str) -> None:
    with pytest.raises(InvalidSpan, match=r"^interval: ") as caught:
        spans.interval(text, WEEK)
    assert "canary" not in str(caught.value)


@given(st.text())
def test_whatever_is_sent_is_an_interval_or_refused(text: str) -> None:
    try:
        found = spans.interval(text, WEEK)
    except InvalidSpan:
        return
    assert timedelta(seconds=1) <= found <= timedelta(seconds=WEEK)
