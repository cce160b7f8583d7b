"""The features' bench: its table is what it says, its judges see what is wrong, every contender gives the answers."""

from __future__ import annotations

import json
import math
import os
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from statistics import fmean, pstdev

import numpy as np
import pytest

from tests.bench import features, features_data, features_measured
from tests.bench.features_answers import Answers, differing, error, positions, ranked, right
from tests.bench.features_contender import OURS, SPECIFIED, SPECIFIED_FILE, Told
from tests.bench.features_engines import ENGINES
from tests.bench.features_faults import Faults, faults
from tests.bench.features_measured import Taken, TooMuch, lowest

_ROWS = 1500


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """A small table has several of them, the last one shorter."""
    monkeypatch.setattr(features_data, "BLOCK", 400)


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "table.jsonl"
    assert features_data.write(path, _ROWS) == path.stat().st_size
    return path


@pytest.mark.usefixtures("small_blocks")
def test_a_table_holds_what_its_columns_say(table: Path) -> None:
    rows = [json.loads(line) for line in table.read_text().splitlines()]
    assert len(rows) == _ROWS
    for name in features_data.NUMBERS:
        found = [math.nan if row[name] is None else row[name] for row in rows]
        np.testing.assert_array_equal(found, features_data.numbers(name, _ROWS))
    for name, column in features_data.CATEGORIES.items():
        values = column.values()
        assert [row[name] for row in rows] == [values[index] for index in features_data.indexes(name, _ROWS)]


def test_a_table_is_as_the_issue_has_it(table: Path) -> None:
    assert 255 < table.stat().st_size / _ROWS < 280
    numbers = {name: features_data.numbers(name, 20_000) for name in features_data.NUMBERS}
    assert (len(numbers), len(features_data.CATEGORIES)) == (12, 3)
    assert [name for name, column in numbers.items() if np.isnan(column).any()] == ["memory"]
    assert np.isnan(numbers["memory"]).mean() == pytest.approx(0.01, abs=0.005)
    assert numbers["net_in"].mean() == pytest.approx(1e9, abs=100)
    assert numbers["cpu"][-5000:].mean() > numbers["cpu"][:5000].mean() + 30
    assert numbers["latency"].max() > 100 * np.median(numbers["latency"])


@pytest.mark.usefixtures("small_blocks")
def test_right_answers_are_those_of_a_plain_calculation(table: Path) -> None:
    rows = [json.loads(line) for line in table.read_text().splitlines()]
    answers = right(_ROWS)
    for name, found in answers.numbers.items():
        values = sorted(row[name] for row in rows if row[name] is not None)
        assert (found.count, found.nulls) == (len(values), _ROWS - len(values))
        assert (found.minimum, found.maximum) == (values[0], values[-1])
        assert found.mean == pytest.approx(fmean(values), rel=1e-14)
        assert found.std == pytest.approx(pstdev(values), rel=1e-14)
        between = [
            values[place] + (values[min(place + 1, len(values) - 1)] - values[place]) * way
            for place, way in positions(len(values))
        ]
        assert found.bounds == pytest.approx(between, rel=1e-14)
    for name, category in answers.categories.items():
        counts = Counter(row[name] for row in rows)
        assert category.distinct == len(counts)
        assert category.top == sorted(counts.items(), key=lambda one: (-one[1], one[0]))[:1000]


def test_equals_stand_in_the_order_of_their_texts() -> None:
    assert ranked({"b": 2, "c": 3, "a": 2}).top == [("c", 3), ("a", 2), ("b", 2)]


@pytest.mark.parametrize(
    ("column", "change", "named"),
    [
        ("cpu", {"count": 7}, "cpu.count"),
        ("memory", {"nulls": 0}, "memory.nulls"),
        ("cpu", {"mean": None}, "cpu.mean"),
        ("disk", {"std": 1.0}, "disk.std"),
        ("load", {"minimum": 0.0}, "load.minimum"),
        ("load", {"bounds": []}, "load.bounds"),
        ("load", {"bounds": [0.0] * 11}, "load.bounds"),
    ],
)
def test_a_number_that_differs_is_named(column: str, change: Mapping[str, object], named: str) -> None:
    answers = right(_ROWS)
    other = {**answers.numbers, column: replace(answers.numbers[column], **change)}  # type: ignore[arg-type]
    assert differing(answers, Answers(other, answers.categories)) == [named]
    assert differing(answers, answers, exact=True) == []


def test_a_text_that_differs_is_named() -> None:
    answers = right(_ROWS)
    other = {**answers.categories, "host": replace(answers.categories["host"], top=[], distinct=3)}
    assert differing(answers, Answers(answers.numbers, other)) == ["host.distinct", "host.top"]


def test_the_last_digit_of_a_quantile_counts_where_it_must_be_exact() -> None:
    answers = right(_ROWS)
    cpu = answers.numbers["cpu"]
    near = replace(cpu, bounds=[math.nextafter(bound, math.inf) for bound in cpu.bounds])
    other = Answers({**answers.numbers, "cpu": near}, answers.categories)
    assert differing(answers, other) == []
    assert differing(answers, other, exact=True) == ["cpu.bounds"]


def test_the_worst_error_of_mean_or_deviation() -> None:
    answers = right(_ROWS)
    cpu, disk = answers.numbers["cpu"], answers.numbers["disk"]
    assert cpu.mean is not None
    assert disk.std is not None
    changed = {"cpu": replace(cpu, mean=cpu.mean * (1 + 1e-9)), "disk": replace(disk, std=disk.std * (1 - 1e-6))}
    assert error(answers, Answers({**answers.numbers, **changed}, answers.categories)) == pytest.approx(1e-6)


def test_faults_of_codes_and_statistics() -> None:
    answers = right(_ROWS)
    numbers = answers.numbers.values()
    given = {
        "mean": np.array([number.mean for number in numbers]),
        "std": np.array([number.std for number in numbers]),
        "min": np.array([number.minimum for number in numbers]),
        "max": np.array([number.maximum for number in numbers]),
        "median": np.array([number.bounds[5] for number in numbers]),
        "categorical": np.array([[0, 0], [0, 1], [0, 1], [1, 0]]),
    }
    indexes = {"zone": np.array([4, 4, 4, 2]), "app": np.array([7, 7, 8, 9])}
    assert faults(given, answers, indexes) == Faults(0, 0, 60, 1.0, "", 1, 5)
    given["std"][2] /= 40
    given["mean"][1] = math.nan
    found = faults(given, answers, indexes)
    assert (found.statistics, found.missing, found.worst_of) == (2, 1, "std of disk")
    assert found.worst == pytest.approx(40)


@pytest.mark.parametrize("name", [OURS, *ENGINES])
def test_a_contender_gives_the_answers(name: str, table: Path) -> None:
    found = features_measured.run(name, table, _ROWS).told
    assert found.answers is not None
    assert differing(right(_ROWS), found.answers, exact=name == OURS) == []
    assert found.cpu > 0


@pytest.mark.parametrize("name", [SPECIFIED, SPECIFIED_FILE])
def test_the_specification_runs_and_is_wrong(name: str, table: Path) -> None:
    found = features_measured.run(name, table, _ROWS).told.faults
    assert found is not None
    assert found.missing == 5  # of the column with nulls
    assert found.statistics > 10
    assert found.worst > 2
    assert found.values > 100


def test_who_needs_too_much_is_left_out_and_said_so() -> None:
    row = features.left_out("pandas", 10_000_000, (1_000_000, 3100.0))
    assert row is not None
    assert (row.value, row.unit) == (31_000, "MB")
    assert "3,100 MB at 1,000,000 rows" in row.note
    assert features.left_out("Polars streaming", 10_000_000, (1_000_000, 500.0)) is None
    assert features.left_out("pandas", 10_000_000, None) is None


def test_the_lowest_limit_that_works() -> None:
    def attempt(limit: int) -> Taken:
        if limit < 48:
            raise TooMuch("no")
        return Taken(Told(peak=float(limit)), 1.0, 0.0)

    assert lowest((32, 48, 64), attempt)[0] == 48
    with pytest.raises(TooMuch):
        lowest((16, 32), attempt)


def test_disk_is_seen_where_a_file_has_no_name(tmp_path: Path) -> None:
    (tmp_path / "inside").mkdir()
    (tmp_path / "inside" / "named").write_bytes(bytes(1_000_000))
    other = os.open(tmp_path, os.O_TMPFILE | os.O_RDWR)
    try:
        os.write(other, bytes(2_000_000))
        os.fsync(other)
        os.sync()
        assert features_measured.on_disk(os.getpid(), tmp_path) == pytest.approx(3.0, abs=0.1)
    finally:
        os.close(other)


def test_a_contender_that_fails_is_no_quiet_gap(tmp_path: Path) -> None:
    with pytest.raises(features_measured.Failed, match="No such file"):
        features_measured.run("Polars streaming", tmp_path / "none.jsonl", 10)


def test_rows_of_a_table() -> None:
    answers = right(_ROWS)
    off = Answers(answers.numbers | {"cpu": replace(answers.numbers["cpu"], count=1)}, answers.categories)
    wrong = Faults(23, 5, 60, 84.0, "std of cpu", 5792, 5805)

    def taken(cpu: float, peak: float, answers: Answers | None, found: Faults | None = None) -> Taken:
        return Taken(Told(cpu, peak, answers, found), 1.0, 9.6)

    def one_round(ours: float) -> Mapping[str, Taken]:
        return {
            OURS: taken(ours, 9.0, answers),
            "DuckDB": taken(1.0, 350.0, answers),
            "DuckDB, limited, sorted": taken(2.0, 90.0, answers),
            "Polars streaming": taken(0.5, 80.0, off),
            SPECIFIED: taken(11.0, 1350.0, None, wrong),
            SPECIFIED_FILE: taken(10.0, 120.0, None, wrong),
        }

    rounds = [one_round(1.2), one_round(1.4), one_round(1.3)]
    rows = {row.what: row for row in features.compared(1_000_000, rounds, answers, {"DuckDB, limited, sorted": 48})}
    named = "1,000,000 rows"
    assert rows[f"{named}: novacron: CPU"].value == pytest.approx(1.3)
    assert rows[f"{named}: novacron: memory"].verdict == "met"
    assert rows[f"{named}: DuckDB: memory"].verdict == ""
    assert rows[f"{named}: novacron: answers that differ"].verdict == "met"
    assert rows[f"{named}: Polars streaming: answers that differ"].note == "cpu.count"
    assert "limit 48 MB" in rows[f"{named}: DuckDB, limited, sorted: CPU"].note
    assert rows[f"{named}: specification: wrong statistics"].value == 23
    specified = rows[f"{named}: CPU, ours / specification, from a file"]
    assert specified.value == pytest.approx(0.13)
    assert specified.verdict == "met"
    assert rows[f"{named}: CPU, ours / the fastest of all, DuckDB"].value == pytest.approx(1.3)
    same = rows[f"{named}: CPU, ours / in the same memory, DuckDB, limited, sorted"]
    assert same.value == pytest.approx(0.65)
    assert same.verdict == ""
    assert same.note.startswith("none answers within 15 MB: this one takes least, 90 MB")
