"""Percentiles of what was spilled: to the bit as numpy has them, whatever the numbers and the table are like."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from novacron.ml.domain.chunk import Floats
from novacron.ml.service import ranks
from novacron.ml.service.ranks import Asked, exact
from novacron.ml.service.records import Records
from novacron.ml.service.room import Room
from novacron.ml.service.spill import Spill
from novacron.quantiles.narrowing import Narrowing
from tests.unit.ml.tables import chunks

BOUNDS = list(range(0, 101, 10))
ROWS = 40_000


def _asked(columns: Mapping[str, Floats]) -> list[Asked]:
    finite = {name: numbers[np.isfinite(numbers)] for name, numbers in columns.items()}
    return [Asked(name, len(one), float(one.min()), float(one.max())) for name, one in finite.items() if len(one)]


def _right(columns: Mapping[str, Floats]) -> dict[str, list[float]]:
    return {name: list(np.percentile(one[np.isfinite(one)], BOUNDS)) for name, one in columns.items()}


def _answers(found: Iterable[tuple[str, Narrowing]]) -> dict[str, list[float]]:
    return {name: narrowing.values() for name, narrowing in found}


def _kinds() -> dict[str, Floats]:
    made = np.random.default_rng(7)
    normal = made.normal(size=ROWS)
    return {
        "offset": 1e9 + 1e3 * normal,
        "heavy tail": made.pareto(1.1, ROWS),
        "both tails": made.standard_cauchy(ROWS),
        "constant": np.full(ROWS, -3.25),
        "two": made.integers(0, 2, ROWS).astype(np.float64),
        "integers": made.integers(0, 101, ROWS).astype(np.float64),
        "half zero": np.where(normal > 0, normal, 0.0),
        "signed zeros": np.where(normal > 0, 0.0, -0.0),
        "subnormal": normal * 1e-310,
        "huge": np.clip(normal, -1.5, 1.5) * 1e308,
        "two scales": np.where(made.random(ROWS) < 0.5, normal, 1e12 + normal / 1e3),
        "sorted": np.arange(ROWS) * 1.5,
        "gaps": np.where(normal > 1, np.nan, normal),
        "infinite": np.where(normal > 1, np.inf, np.where(normal < -1, -np.inf, normal)),
    }


@pytest.mark.parametrize("most", [0, 500, ROWS])
@pytest.mark.parametrize("parts", [1, 3])
def test_every_kind_of_numbers(most: int, parts: int) -> None:
    columns = _kinds()
    room = Room()
    spills = [Spill(room) for _ in range(parts)]
    for place, part in enumerate(chunks(columns, 1000)):
        spills[place % parts].write(part)
    found = dict(exact([spill.records() for spill in spills], _asked(columns), BOUNDS, most))
    with np.errstate(over="ignore"):
        assert _answers(found.items()) == _right(columns)
        medians = {name: np.median(one[np.isfinite(one)]) for name, one in columns.items()}
    assert {name: one.median() for name, one in found.items()} == medians
    for spill in spills:
        spill.close()
    assert room.used == 0


@given(
    st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=50),
    st.integers(1, 7),
    st.sampled_from([1, 4]),
)
def test_any_numbers_in_any_parts(numbers: list[float], rows: int, columns: int) -> None:
    """Percentiles that fall on a number each: any rounding would show."""
    table = {f"c{place}": np.roll(numbers, place) for place in range(columns)}
    count = len(numbers)
    each = [100 * place / (count - 1) for place in range(count)] if count > 1 else [0.0]
    each = [one for one in each if one <= 100 and (one / 100 * (count - 1)).is_integer()]
    with Spill(Room()) as spill, pytest.MonkeyPatch.context() as patch:
        patch.setattr(ranks, "_PIECE", 1 << 17)
        for part in chunks(table, rows):
            spill.write(part)
        found = _answers(exact([spill.records()], _asked(table), each, most=0))
    right = [sorted(numbers)[int(one / 100 * (count - 1))] for one in each]
    assert found == dict.fromkeys(table, right)


class _Reads:
    """How often the file was read."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.count = 0
        read_into = Records.read_into

        def counted(records: Records, numbers: Floats, place: int) -> None:
            self.count += 1
            read_into(records, numbers, place)

        patch.setattr(Records, "read_into", counted)


def _wide(columns: int, rows: int) -> dict[str, Floats]:
    made = np.random.default_rng(3)
    return {f"c{place}": made.normal(place, 1, rows) for place in range(columns)}


def test_a_wide_table_is_not_read_in_a_piece_for_each_number(monkeypatch: pytest.MonkeyPatch) -> None:
    table = _wide(3000, 200)
    with Spill(Room()) as spill:
        for part in chunks(table, 2):
            spill.write(part)
        reads = _Reads(monkeypatch)
        found = _answers(exact([spill.records()], _asked(table), BOUNDS))
    assert found == _right(table)
    assert reads.count < 500


def test_two_passes_are_enough_for_ordinary_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    made = np.random.default_rng(1)
    rows = 300_000
    table = {
        "normal": made.normal(50, 10, rows),
        "offset": made.normal(1e9, 1e3, rows),
        "heavy": made.pareto(1.1, rows),
        "integers": made.integers(0, 101, rows).astype(np.float64),
    }
    looked = dict.fromkeys(table, 0)
    tables = Records.tables

    def counted(records: Records, columns: Sequence[str], rows: int, every: bool) -> Iterator[Floats]:
        looked.update({name: looked[name] + 1 for name in columns})
        return tables(records, columns, rows, every)

    with Spill(Room()) as spill:
        for part in chunks(table, 10_000):
            spill.write(part)
        monkeypatch.setattr(Records, "tables", counted)
        found = _answers(exact([spill.records()], _asked(table), BOUNDS))
    assert found == _right(table)
    assert looked == dict.fromkeys(table, 2)


@pytest.mark.parametrize(("columns", "rows"), [(2, 600_000), (500, 2000), (40, 30_000)])
def test_memory_does_not_depend_on_how_much_there_is(columns: int, rows: int) -> None:
    table = _wide(columns, rows)
    with Spill(Room()) as spill:
        for part in chunks(table, 5000):
            spill.write(part)
        asked, records, right = _asked(table), spill.records(), _right(table)
        tracemalloc.start()
        try:
            for name, found in exact([records], asked, BOUNDS):
                assert found.values() == right[name]
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    assert peak < 4_000_000


def test_a_count_that_is_not_that_of_the_numbers_is_refused() -> None:
    with Spill(Room()) as spill:
        spill.write(next(chunks({"a": np.arange(10.0)}, 10)))
        for count in (9, 11):
            for most in (0, 100):
                with pytest.raises(ValueError, match="not as many"):
                    list(exact([spill.records()], [Asked("a", count, 0.0, 9.0)], BOUNDS, most))
