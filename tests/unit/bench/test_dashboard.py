"""Ratios are of what stood in the same round."""

from __future__ import annotations

from tests.bench import dashboard
from tests.bench.dashboard import HTTP, KEPT, LATERAL, PIPELINED, PREPARED, ROLLUP, UNPREPARED, Cost, compared


def _costs(*walls: float) -> list[Cost]:
    return [Cost(wall, wall / 2, wall / 4) for wall in walls]


def test_ratios_are_taken_within_a_round() -> None:
    taken = {
        UNPREPARED: _costs(30, 70, 400),
        PREPARED: _costs(10, 20, 30),
        PIPELINED: _costs(2, 4, 6),
        HTTP: _costs(1, 2, 10),
        ROLLUP: _costs(1, 1, 1),
        LATERAL: _costs(4, 2, 5),
        KEPT: _costs(0.5, 0.1, 0.2),
    }
    rows = {row.what: row for row in compared(taken, 5_000_000)}
    fastest = rows[f"times faster than {UNPREPARED}"]
    assert (fastest.value, fastest.verdict) == (35, "met")
    assert rows[f"times faster than {PREPARED}"].value == 10
    assert rows["rollup plan, to LATERAL"].value == 0.25
    assert rows["rollup plan, to one row per VM"].value == 5
    assert rows[f"{HTTP}: wall"].value == 2000
    assert {row.case for row in rows.values()} == {dashboard.CASE}
