"""Counts of texts beyond memory: the same answer whatever the budget, the parts and their order; in little memory."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from random import Random

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from novacron.ml.domain.categories import KEPT, Categories
from novacron.ml.service import runs, texts
from novacron.ml.service.room import Room, SpillFull
from novacron.ml.service.runs import Run, in_order, merged, written
from novacron.ml.service.section import Damaged
from novacron.ml.service.texts import Texts
from tests.unit.ml.texts import ANY, Values, counted, expected

COLUMNS = ("a", "a\0", "é")
CHUNK = st.dictionaries(st.sampled_from(COLUMNS), st.lists(ANY, min_size=1, max_size=30), max_size=3)
PART = st.lists(CHUNK, max_size=6)
BUDGET = st.sampled_from((400, 1500, 4000, 1 << 20))

Chunk = dict[str, Values]


@contextmanager
def small(fan_in: int = 3, block: int = 300) -> Iterator[None]:
    """Few values make many blocks, runs and levels."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(runs, "BLOCK", block)
        patch.setattr(texts, "FAN_IN", fan_in)
        patch.setattr(texts, "_REPEATED", fan_in - 1)
        yield


def _expected(chunks: Sequence[Chunk], most: int) -> dict[str, Categories]:
    columns = {column: [value for chunk in chunks for value in chunk.get(column, ())] for column in sorted(COLUMNS)}
    return {column: found for column, values in columns.items() if (found := expected(values, most)).count}


@given(PART, BUDGET, BUDGET, st.integers(0, 40))
def test_counts_are_exact_within_any_budget(chunks: list[Chunk], column: int, total: int, most: int) -> None:
    with small(), Texts(Room(), column_bytes=column, total_bytes=total) as counting:
        for chunk in chunks:
            counting.add(chunk)
        assert dict(counting.finish(most)) == _expected(chunks, most)
        assert dict(counting.finish(most)) == _expected(chunks, most), "asking changes nothing"
        for chunk in chunks:
            counting.add(chunk)
        assert dict(counting.finish(most)) == _expected(chunks * 2, most)


@given(st.lists(st.tuples(PART, BUDGET), min_size=1, max_size=6), st.randoms(), st.integers(0, 40))
def test_parts_combine_in_any_order(parts: list[tuple[list[Chunk], int]], order: Random, most: int) -> None:
    """As a tree of random shape; some parts as what is left of them in a file."""
    with small(), ExitStack() as stack:
        room = Room()
        found: list[Texts] = []
        for chunks, budget in parts:
            part = Texts(room, column_bytes=budget, total_bytes=budget)
            for chunk in chunks:
                part.add(chunk)
            found.append(part)
        while len(found) > 1:
            one, another = (found.pop(order.randrange(len(found))) for _ in range(2))
            if order.random() < 0.5:
                one.merge(another)
            else:
                one.adopt(_copied(another, stack, room))
                another.close()
            found.append(one)
        with found[0] as whole:
            assert dict(whole.finish(most)) == _expected([chunk for chunks, _ in parts for chunk in chunks], most)
        stack.close()
        assert room.used == 0


def _copied(part: Texts, stack: ExitStack, room: Room) -> list[Run]:
    """Its runs in a file of another, with something before each."""
    held, _ = part.parts()
    file = stack.enter_context(room.file())
    file.append(b"magic")
    return [Run(file.descriptor, file.append(*run.pieces(), b"-"), run.length) for run in held]


@given(st.lists(st.tuples(PART, st.booleans()), min_size=1, max_size=4), st.sampled_from((800, 2000)))
def test_approximate_parts_stay_within_what_they_say(parts: list[tuple[list[Chunk], bool]], budget: int) -> None:
    with small():
        whole = Texts(Room(), column_bytes=budget, approximate=True)
        for chunks, approximate in parts:
            part = Texts(Room(), column_bytes=budget, approximate=approximate)
            for chunk in chunks:
                part.add(chunk)
            # either may be the one that takes the other
            whole, other = (whole, part) if approximate else (part, whole)
            whole.merge(other)
        found = dict(whole.finish(40))
        whole.close()
    chunks = [chunk for part, _ in parts for chunk in part]
    exact = _expected(chunks, 10_000)
    assert found.keys() == exact.keys()
    for column, categories in found.items():
        true = dict(exact[column].kept)
        assert categories.count == exact[column].count
        assert all(0 <= true[text] - count <= categories.error for text, count in categories.kept)
        if not categories.error:
            assert categories == _expected(chunks, 40)[column]


@given(st.lists(st.lists(ANY, max_size=60), max_size=8))
def test_runs_merge_to_their_sum(columns: list[Values]) -> None:
    with small(), Room().file() as file:
        held = [written(file, in_order([("c", dict(counted(values)))])) for values in columns]
        batches = list(merged(held))
        total: dict[str, int] = {}
        for _, batch in batches:
            assert not total or not batch or min(batch) > max(total)
            total |= batch
        assert total == dict(counted(value for values in columns for value in values))
        assert [b"".join(run.pieces()) for run in held] == [
            os.pread(file.descriptor, run.length, run.offset) for run in held
        ]


def test_a_damaged_run_is_refused() -> None:
    with Room().file() as file:
        run = written(file, [("c", [f"{number:05}" for number in range(5000)], [1] * 5000)])
        with pytest.raises(Damaged, match="impossible length"):
            list(merged([Run(run.descriptor, run.offset, run.length - 1)]))
        with pytest.raises(Damaged, match="bytes too early"):
            list(merged([Run(run.descriptor, run.offset, run.length + 100)]))
        with pytest.raises(Damaged, match=r"impossible length|cannot be read"):
            list(merged([Run(run.descriptor, run.offset + 1, run.length - 1)]))
        os.pwrite(file.descriptor, b"\xff", 4 + 2)  # the column's name
        with pytest.raises(Damaged, match="cannot be read"):
            list(merged([run]))
        os.pwrite(file.descriptor, b"\xc1", 4)
        with pytest.raises(Damaged, match="cannot be read"):
            list(merged([run]))


def test_pandas_counts_the_same() -> None:
    """With what one budget holds many times over."""
    made = [f"host-{number * number % 40_009}" for number in range(100_000)]
    with Texts(Room(), column_bytes=100_000) as counting:
        for begun in range(0, len(made), 2000):
            counting.add({"host": made[begun : begun + 2000]})
        ((_, found),) = counting.finish()
    frame = pd.Series(made).value_counts().reset_index(name="count")
    frame.columns = pd.Index(["host", "count"])
    frame = frame.sort_values(["count", "host"], ascending=[False, True]).head(KEPT)
    assert found.kept == tuple(zip(frame["host"].tolist(), frame["count"].tolist(), strict=True))
    assert found.distinct == len(set(made))


def test_the_disk_grows_with_different_texts_and_not_with_rows() -> None:
    pool = [f"request-{number:06}" for number in range(20_000)]
    room = Room()
    with Texts(room, column_bytes=200_000) as counting:
        peaks = []
        for _ in range(3):
            for _ in range(40):
                for begun in range(0, len(pool), 2000):
                    counting.add({"request": pool[begun : begun + 2000]})
            peaks.append(room.peak)
        ((_, found),) = counting.finish()
    assert found.distinct == len(pool)
    assert found.count == 120 * len(pool)
    assert peaks[2] < 1.25 * peaks[0]
    assert room.used == 0


def test_a_full_disk_is_told_and_given_back(tmp_path: Path) -> None:
    room = Room(tmp_path, 100_000)
    with Texts(room, column_bytes=50_000) as counting:
        counting.add({"c": [str(number) for number in range(5000)]})
        with pytest.raises(SpillFull, match="--max-spill"):
            counting.add({"c": [str(number) for number in range(20_000)]})
    assert room.peak <= 100_000
    assert room.used == 0


def test_many_columns_share_one_budget_and_few_files() -> None:
    before = len(list(Path("/proc/self/fd").iterdir()))
    with Texts(Room(), total_bytes=1 << 20) as counting:
        for chunk in range(4):
            counting.add({f"c{column}": [f"{chunk}", None, "x"] for column in range(5000)})
            assert counting.bytes <= 1 << 20
        assert len(list(Path("/proc/self/fd").iterdir())) <= before + 2
        found = dict(counting.finish(1))
    assert len(found) == 5000
    assert all(one == Categories(8, 5, (("x", 4),)) for one in found.values())


_PROGRAM = """
import sys
from novacron.ml.service.room import Room
from novacron.ml.service.texts import Texts

def status(key):
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) << 10 for line in file if line.startswith(key))

number, kind = int(sys.argv[1]), sys.argv[2]
with open("/proc/self/clear_refs", "w") as file:
    file.write("5")
begun = status("VmRSS")
with Texts(Room()) as counting:
    for first in range(0, number, 2000):
        # spread over the order of texts: no run is apart from another
        ids = [f"{one * 7919 % number:012}" for one in range(first, first + 2000)]
        counting.add({"id": ids if kind == "short" else [one + 400 * "x" for one in ids]})
    ((_, found),) = counting.finish()
assert (found.count, found.distinct, found.other) == (number, number, number - 1000), found
assert found.kept[999][0].startswith("000000000999")
print(status("VmHWM") - begun)
"""


@pytest.mark.parametrize(("number", "kind"), [(1_200_000, "short"), (100_000, "long")])
def test_a_million_categories_take_a_budget_and_little_more(number: int, kind: str) -> None:
    """So many that runs become one in between, beside what is in memory."""
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM, str(number), kind], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < 4 << 20
