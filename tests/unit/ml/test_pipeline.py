"""What a pipeline refuses before it takes the memory for it, and what it reads less of when memory is short."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from novacron.ml.domain.budget import BLOCK_BYTES, ROWS, MemoryBudgetExceeded, Pace
from novacron.ml.domain.chunk import Chunk
from novacron.ml.service.pipeline import Pipeline, Plan
from novacron.ml.service.pressure import Budget, Pressure

_MEGABYTE = 1_000_000
_ROOMY = Budget(1 << 40)


def test_codes_of_too_many_categories_are_refused_before_they_are_written(tmp_path: Path) -> None:
    texts = {f"t{one}": [f"{one}-{place}" for place in range(1000)] for one in range(30)}
    with Pipeline(Plan(_ROOMY, tmp_path, codes=True, own=10 * _MEGABYTE), Pace()) as pipeline:
        pipeline.add(Chunk(1000, (), np.empty((0, 1000)), texts))
        pipeline.finish()
        with pytest.raises(MemoryBudgetExceeded, match="leave out --codes"):
            pipeline.write_codes(tmp_path / "codes.npy")
    assert list(tmp_path.iterdir()) == []


def test_columns_have_their_part_of_the_memory(tmp_path: Path) -> None:
    names = tuple(f"c{one}" for one in range(2000))
    with (
        Pipeline(Plan(_ROOMY, tmp_path, own=10 * _MEGABYTE), Pace()) as pipeline,
        pytest.raises(MemoryBudgetExceeded, match="more than 1,627 columns"),
    ):
        pipeline.add(Chunk(1, names, np.zeros((2000, 1))))


def test_sketches_of_columns_have_their_part_of_the_memory(tmp_path: Path) -> None:
    names = tuple(f"c{one}" for one in range(200))
    with (
        Pipeline(Plan(_ROOMY, tmp_path, median="kll", own=10 * _MEGABYTE), Pace()) as pipeline,
        pytest.raises(MemoryBudgetExceeded, match="more than 158 columns"),
    ):
        pipeline.add(Chunk(1, names, np.zeros((200, 1))))


def test_less_is_read_at_once_while_memory_is_short() -> None:
    pace, used = Pace(), [50 * _MEGABYTE]
    pressure = Pressure(Budget(100 * _MEGABYTE), pace, lambda: used[0])
    pressure.check()
    assert (pace.rows, pace.block_bytes) == (ROWS, BLOCK_BYTES)
    used[0] = 77 * _MEGABYTE
    pressure.check()
    assert (pace.rows, pace.block_bytes) == (ROWS // 4, BLOCK_BYTES // 4)
    used[0] = 85 * _MEGABYTE  # above the warning, and no smaller pace would help
    pressure.check()
    smallest = (pace.rows, pace.block_bytes)
    used[0] = 91 * _MEGABYTE
    with pytest.raises(MemoryBudgetExceeded, match="91 MB are in use, 90% of the limit of 100 MB"):
        pressure.check()
    assert (pace.rows, pace.block_bytes) == smallest


def test_what_is_taken_at_once_is_asked_for_before() -> None:
    pressure = Pressure(Budget(100 * _MEGABYTE), Pace(), lambda: 60 * _MEGABYTE)
    pressure.reserve(30 * _MEGABYTE, "row group 1")
    with pytest.raises(MemoryBudgetExceeded, match="row group 1 needs 31 MB, and of 90 MB 60 MB are in use"):
        pressure.reserve(31 * _MEGABYTE, "row group 1")
