from __future__ import annotations

import pytest

from tests.bench.compare import Stretch, compared
from tests.bench.cost import Cost
from tests.bench.report import Row


def stretch(objects: int, seconds: float, cpu: float) -> Stretch:
    return Stretch(objects, Cost({}, {}, 0.0, seconds, {"API server": cpu * 0.75, "writer": cpu * 0.25}))


@pytest.fixture
def rows() -> dict[str, Row]:
    """Raw: 400/s, then 200/s, 4 and 6 ms; 100 resources of 40 children in 25 s; creation: 10 ms, 20 ms CPU."""
    raws = (stretch(400, 1, 1.6), stretch(400, 2, 2.4))
    found = compared(100, stretch(4000, 25, 30), raws, stretch(50, 0.5, 1), 32, "7 list")
    return {row.what: row for row in found}


def test_raw_is_the_mean_cost_of_before_and_after(rows: dict[str, Row]) -> None:
    assert rows["raw server-side apply"].value == pytest.approx(800 / 3)
    assert rows["CPU of a child, raw"].value == pytest.approx(5)


def test_the_ratio_includes_the_creation_and_carries_the_goal(rows: dict[str, Row]) -> None:
    row = rows["operator over raw"]
    assert row.value == pytest.approx(160 / (800 / 3))
    assert row.verdict == "missed"


def test_own_work_leaves_the_creation_out(rows: dict[str, Row]) -> None:
    assert rows["operator over raw, own work"].value == pytest.approx(4000 / 24 / (800 / 3))
    assert rows["operator over raw, own work, by CPU"].value == pytest.approx(5 / (7.5 - 20 / 40))


def test_by_cpu_the_ratio_is_of_milliseconds(rows: dict[str, Row]) -> None:
    assert rows["operator over raw, by CPU"].value == pytest.approx(5 / 7.5)


def test_a_note_says_where_the_time_went(rows: dict[str, Row]) -> None:
    note = rows["children written by the operator"].note
    assert note == "160/s with 1.2 cores (API server 5.62, writer 1.88); requests by then: 7 list"
