from __future__ import annotations

import pytest

from novacron.core import duration


@pytest.mark.parametrize(
    ("text", "seconds"), [("30s", 30), ("15m", 900), ("1h30m", 5400), ("7d", 604800), ("1d1h1m1s", 90061)]
)
def test_length_in_seconds(text: str, seconds: int) -> None:
    assert duration.seconds(text) == seconds


@pytest.mark.parametrize("text", ["", "1 week", "-30s", "30", "1s1h", "1.5h", "h"])
def test_what_is_no_duration_is_refused_with_a_remedy(text: str) -> None:
    with pytest.raises(ValueError, match=r"write e\.g\."):
        duration.seconds(text)


@pytest.mark.parametrize(
    ("length", "text"),
    [(0, "0s"), (45, "45s"), (60, "1m0s"), (1800, "30m0s"), (5400, "1h30m0s"), (86400, "24h0m0s")],
)
def test_written_as_go_writes_it(length: int, text: str) -> None:
    assert duration.written(length) == text
