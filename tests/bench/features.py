"""Features of a table of JSON Lines: ours beside the specification's pipeline, pandas, Polars and DuckDB.

Each contender has a process of its own in each round. Memory is the peak of what is resident, over what was after the
imports (a mapped input counts where it is resident); CPU is user and system time of the work, on all threads; what the
answers should be is found without any of them. Whoever would need more memory than the bench gives is left out, and
said so. A ratio is the median over the rounds of what stood in the same round.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median

from tests.bench import features_data as data
from tests.bench import start
from tests.bench.features_answers import Answers, differing, error
from tests.bench.features_contender import OURS, RIGHT, SPECIFIED, SPECIFIED_FILE
from tests.bench.features_engines import ENGINES, LIMITED
from tests.bench.features_faults import Faults
from tests.bench.features_measured import MOST, Taken, TooMuch, lowest
from tests.bench.features_measured import run as measured
from tests.bench.report import Goal, Row
from tests.bench.server import Bench
from tests.support.controlplane.progress import say

CASE = "features"
ROUNDS: Mapping[int, int] = {100_000: 5, 1_000_000: 3, 10_000_000: 1}
"""Rows of a table -> how often each contender has it."""
LIMITS = (32, 40, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024)
"""MB that are tried for an engine with a limit of memory."""
_SMALL = Goal("at most", 15.0)
"""MB over the imports, at any size."""
_SPECIFIED, _FASTEST, _SAME_MEMORY = Goal("at most", 0.15), Goal("at most", 2.0), Goal("at most", 1.3)
_START = Goal("at most", 0.3)
_NONE, _ROUNDING = Goal("at most", 0), Goal("at most", 1e-12)
_STARTS = 9

Rounds = Sequence[Mapping[str, Taken]]
"""Of each round: contender -> what it took. All rounds have the same contenders."""


async def run(_bench: Bench) -> list[Row]:
    return await asyncio.to_thread(_rows)


def _rows() -> list[Row]:
    with tempfile.TemporaryDirectory() as folder:
        rows: list[Row] = _startup(Path(folder))
        before: dict[str, tuple[int, float]] = {}
        limits: dict[str, int] = {}
        for size, count in ROUNDS.items():
            path = Path(folder) / f"{size}.jsonl"
            say(f"{CASE}: a table of {size:,} rows")
            written = data.write(path, size)
            rows.append(Row(CASE, f"{size:,} rows: the table", written / size, "B/row"))
            rows += _of(size, count, path, before, limits)
            path.unlink()
        return rows


def _of(size: int, count: int, path: Path, before: dict[str, tuple[int, float]], limits: dict[str, int]) -> list[Row]:
    """Args:
    before: contender -> rows and MB of its largest table so far; filled in.
    limits: contender -> MB that it was given last; filled in.
    """
    expected = measured(RIGHT, path, size).told.answers
    assert expected is not None
    out = [row for name in _contenders() if (row := left_out(name, size, before.get(name)))]
    names = [name for name in _contenders() if not left_out(name, size, before.get(name))]
    rounds: list[dict[str, Taken]] = []
    for place in range(count):
        taken = {}
        for name in list(names):
            say(f"{CASE}: {size:,} rows, round {place + 1} of {count}: {name}")
            try:
                taken[name] = _taken(name, path, size, limits)
            except TooMuch as error:
                names.remove(name)
                out.append(Row(CASE, f"{size:,} rows: {name}: left out", MOST, "MB", note=str(error)))
        rounds.append(taken)
    before.update({name: (size, _peak(rounds, name)) for name in names})
    found = [{name: one[name] for name in names} for one in rounds]
    return out + compared(size, found, expected, limits)


def _contenders() -> list[str]:
    return [OURS, *ENGINES, SPECIFIED, SPECIFIED_FILE]


def _taken(name: str, path: Path, size: int, limits: dict[str, int]) -> Taken:
    """With the lowest limit that works: none below the one of the round before, or of a smaller table."""
    if name not in LIMITED:
        return measured(name, path, size)
    tried = [limit for limit in LIMITS if limit >= limits.get(name, 0)]
    limits[name], found = lowest(tried, lambda limit: measured(name, path, size, limit))
    return found


def left_out(name: str, size: int, before: tuple[int, float] | None) -> Row | None:
    """Where a smaller table tells that this one takes too much memory, the row that says so; pure.

    Args:
        before: rows and MB of the smaller table.
    """
    if before is None:
        return None
    rows, peak = before
    need = peak * size / rows
    if need <= MOST:
        return None
    note = f"more than the {MOST:,} MB that there are: {peak:,.0f} MB at {rows:,} rows"
    return Row(CASE, f"{size:,} rows: {name}: left out, it would need", need, "MB", note=note)


def compared(size: int, rounds: Rounds, expected: Answers, limits: Mapping[str, int]) -> list[Row]:
    """Rows of one table; pure.

    Args:
        limits: of memory, of contenders that were given one, in MB.
    """
    rows = [row for name in rounds[0] for row in _alone(size, name, rounds, expected, limits.get(name))]
    return rows + _ratios(size, rounds, expected)


def _alone(size: int, name: str, rounds: Rounds, expected: Answers, limit: int | None) -> list[Row]:
    named = f"{size:,} rows: {name}"
    wall = median(one[name].seconds for one in rounds)
    limited = f"; limit {limit} MB, with less it fails" if limit else ""
    note = f"median of {len(rounds)}, {wall:.1f} s of wall time{limited}"
    rows = [
        Row(CASE, f"{named}: CPU", _cpu(rounds, name) / size * 1e6, "us/row", note=note),
        Row(CASE, f"{named}: memory", _peak(rounds, name), "MB", goal=_SMALL if name == OURS else None),
        Row(CASE, f"{named}: disk", max(one[name].disk for one in rounds), "MB"),
    ]
    for found in (one[name].told for one in rounds[:1]):
        if found.answers is not None:
            rows += _answered(named, expected, found.answers, ours=name == OURS)
        if found.faults is not None:
            rows += _faulty(named, found.faults)
    return rows


def _answered(named: str, expected: Answers, found: Answers, *, ours: bool) -> list[Row]:
    """Ours must be right to the last digit; of an engine it is enough to be near."""
    wrong = differing(expected, found, exact=ours)
    off = error(expected, found)
    return [
        Row(CASE, f"{named}: answers that differ", len(wrong), "", goal=_NONE if ours else None, note=", ".join(wrong)),
        Row(CASE, f"{named}: worst error of a mean or deviation", off, "", goal=_ROUNDING if ours else None),
    ]


def _faulty(named: str, found: Faults) -> list[Row]:
    note = f"{found.missing} are NaN; the {found.worst_of} is off {found.worst:,.0f} times; of {found.asked}"
    return [
        Row(CASE, f"{named}: wrong statistics", found.statistics, "", note=note),
        Row(CASE, f"{named}: texts with several codes", found.values, "", note=f"of {found.texts:,}"),
    ]


def _ratios(size: int, rounds: Rounds, expected: Answers) -> list[Row]:
    specified = min((name for name in (SPECIFIED, SPECIFIED_FILE) if name in rounds[0]), key=lambda n: _cpu(rounds, n))
    equal = [name for name in ENGINES if name in rounds[0] and _same(rounds, name, expected)]
    fastest = min(equal, key=lambda name: _cpu(rounds, name))
    within = [name for name in equal if _peak(rounds, name) <= _SMALL.value]
    if within:
        peer, goal, note = min(within, key=lambda name: _cpu(rounds, name)), _SAME_MEMORY, ""
    else:  # nobody to be compared with: shown, and no goal
        peer, goal = min(equal, key=lambda name: _peak(rounds, name)), None
        note = f"none answers within {_SMALL.value:.0f} MB: this one takes least, {_peak(rounds, peer):,.0f} MB"
    return [
        _ratio(f"{size:,} rows: CPU, ours / {specified}", rounds, specified, _SPECIFIED),
        _ratio(f"{size:,} rows: CPU, ours / the fastest of all, {fastest}", rounds, fastest, _FASTEST),
        _ratio(f"{size:,} rows: CPU, ours / in the same memory, {peer}", rounds, peer, goal, note),
    ]


def _ratio(what: str, rounds: Rounds, other: str, goal: Goal | None, note: str = "") -> Row:
    ratios = sorted(one[OURS].told.cpu / one[other].told.cpu for one in rounds)
    spread = f"rounds from {ratios[0]:.2f} to {ratios[-1]:.2f}"
    return Row(CASE, what, median(ratios), "", goal=goal, note="; ".join(part for part in (note, spread) if part))


def _same(rounds: Rounds, name: str, expected: Answers) -> bool:
    answers = rounds[0][name].told.answers
    return answers is not None and not differing(expected, answers)


def _cpu(rounds: Rounds, name: str) -> float:
    return median(one[name].told.cpu for one in rounds)


def _peak(rounds: Rounds, name: str) -> float:
    return max(one[name].told.peak for one in rounds)


def _startup(folder: Path) -> list[Row]:
    """Of the command, on ten rows: what somebody waits for who asks little."""
    path = folder / "ten.jsonl"
    data.write(path, 10)
    taken = [start.once(("-m", "novacron", "features", str(path)), "") for _ in range(_STARTS)]
    seconds, memory = zip(*taken, strict=True)
    note = f"median of {_STARTS}, from the start of the process to its end"
    return [
        Row(CASE, "novacron features, ten rows: time", median(seconds), "s", goal=_START, note=note),
        Row(CASE, "novacron features, ten rows: memory of the whole process", max(memory), "MB"),
    ]
