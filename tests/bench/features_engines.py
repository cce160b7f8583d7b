"""The engines of the features' bench. Each imports what it needs when it is chosen, and gives back the work alone.

What is known of the table is told to those that ask for it (names and types of columns); ours has to find it out.
"""

# ruff: noqa: S608 - names of our own columns

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from tests.bench.features_answers import SHARES, Answers, Category, Number, positions, ranked
from tests.bench.features_data import CATEGORIES, NUMBERS

Work = Callable[[], Answers]


def pandas(path: Path, folder: Path, limit: int) -> Work:
    import pandas as pd

    def work() -> Answers:
        frame = pd.read_json(path, lines=True, precise_float=True)  # else the last digit may be wrong
        numbers = {}
        for name in NUMBERS:
            column = frame[name]
            bounds = column.quantile(SHARES).tolist()
            count = int(column.count())
            moments = (float(column.mean()), float(column.std(ddof=0)), float(column.min()), float(column.max()))
            numbers[name] = Number(count, len(column) - count, *moments, bounds)
        return Answers(numbers, {name: ranked(frame[name].value_counts().to_dict()) for name in CATEGORIES})

    return work


def polars(path: Path, folder: Path, limit: int) -> Work:
    import polars as pl

    def number(name: str) -> list[pl.Expr]:
        column = pl.col(name)
        asked = [column.count(), column.null_count(), column.mean(), column.std(ddof=0), column.min(), column.max()]
        asked.append(column.quantile(list(SHARES), "linear"))
        return [one.alias(f"{name} {place}") for place, one in enumerate(asked)]

    def work() -> Answers:
        schema = {**dict.fromkeys(NUMBERS, pl.Float64), **dict.fromkeys(CATEGORIES, pl.String)}
        asked = [expression for name in NUMBERS for expression in number(name)]
        asked += [pl.col(name).value_counts(sort=False).implode() for name in CATEGORIES]
        row = pl.scan_ndjson(path, schema=schema).select(asked).collect(engine="streaming").row(0, named=True)
        numbers = {name: Number(*(row[f"{name} {place}"] for place in range(7))) for name in NUMBERS}
        counted = {name: {one[name]: one["count"] for one in row[name]} for name in CATEGORIES}
        return Answers(numbers, {name: ranked(counts) for name, counts in counted.items()})

    return work


def duckdb(path: Path, folder: Path, limit: int) -> Work:
    """As much memory as it likes: everything in one pass over the file."""
    connect = _duckdb(folder, limit)

    def work() -> Answers:
        connection = connect()
        asked = [_quantiles(name) for name in NUMBERS] + [f"histogram({name})" for name in CATEGORIES]
        row = connection.execute(f"SELECT {', '.join(asked)} FROM {_file(path)}").fetchone()
        numbers = {name: Number(*row[7 * place : 7 * place + 7]) for place, name in enumerate(NUMBERS)}
        return Answers(numbers, {name: ranked(row[place - 3]) for place, name in enumerate(CATEGORIES)})

    return work


def duckdb_columns(path: Path, folder: Path, limit: int) -> Work:
    """Into a table on disk first, on one thread; then a column at a time, whose numbers must fit."""
    connect = _duckdb(folder, limit, threads=1)

    def work() -> Answers:
        connection = connect()
        _load(connection, path, folder)
        numbers = {name: Number(*_one(connection, f"SELECT {_quantiles(name)} FROM d.t")) for name in NUMBERS}
        return Answers(numbers, _counted(connection))

    return work


def duckdb_sorted(path: Path, folder: Path, limit: int) -> Work:
    """The same, but each column is sorted, through the disk where it must: for as little memory as can be."""
    connect = _duckdb(folder, limit, threads=1)

    def number(connection: Any, name: str) -> Number:
        count, nulls, mean, std, low, high = _one(connection, f"SELECT {_moments(name)} FROM d.t")
        places = positions(count)
        wanted = ", ".join(str(place + more + 1) for place, _ in places for more in (0, 1))
        found = dict(
            connection.execute(
                f"SELECT place, {name} FROM (SELECT {name}, row_number() OVER (ORDER BY {name}) AS place FROM d.t"
                f" WHERE {name} IS NOT NULL) WHERE place IN ({wanted})"
            ).fetchall()
        )
        pairs = [(found[place + 1], found.get(place + 2, found[place + 1]), way) for place, way in places]
        bounds = [below + (above - below) * way for below, above, way in pairs]
        return Number(count, nulls, mean, std, low, high, bounds)

    def work() -> Answers:
        connection = connect()
        _load(connection, path, folder)
        return Answers({name: number(connection, name) for name in NUMBERS}, _counted(connection))

    return work


def _duckdb(folder: Path, limit: int, threads: int = 0) -> Callable[[], Any]:
    """Args:
    limit: of memory, in MB; 0 for its own.
    """
    import duckdb as engine

    settings: dict[str, Any] = {"temp_directory": str(folder), "preserve_insertion_order": False}
    if limit:
        settings["memory_limit"] = f"{limit}MB"
    if threads:
        settings["threads"] = threads
    return lambda: engine.connect(config=settings)


def _file(path: Path, options: str = "") -> str:
    types = [f"'{name}': 'DOUBLE'" for name in NUMBERS] + [f"'{name}': 'VARCHAR'" for name in CATEGORIES]
    return f"read_json('{path}', format='newline_delimited', columns={{{', '.join(types)}}}{options})"


def _moments(name: str) -> str:
    return f"count({name}), count(*) - count({name}), avg({name}), stddev_pop({name}), min({name}), max({name})"


def _quantiles(name: str) -> str:
    return f"{_moments(name)}, quantile_cont({name}, {list(SHARES)})"


def _load(connection: Any, path: Path, folder: Path) -> None:
    connection.execute(f"ATTACH '{folder / 'table'}' AS d")
    connection.execute(f"CREATE TABLE d.t AS SELECT * FROM {_file(path, ', maximum_object_size=16384')}")


def _one(connection: Any, question: str) -> Sequence[Any]:
    row: Sequence[Any] = connection.execute(question).fetchone()
    return row


def _counted(connection: Any) -> dict[str, Category]:
    asked = {name: f"SELECT {name}, count(*) FROM d.t GROUP BY 1" for name in CATEGORIES}
    return {name: ranked(dict(connection.execute(question).fetchall())) for name, question in asked.items()}


ENGINES = {
    "pandas": pandas,
    "Polars streaming": polars,
    "DuckDB": duckdb,
    "DuckDB, limited, by columns": duckdb_columns,
    "DuckDB, limited, sorted": duckdb_sorted,
}
LIMITED = ("DuckDB, limited, by columns", "DuckDB, limited, sorted")
"""Those that are given a limit of memory, in MB, as low as they still work."""
