"""What a job tells while it runs."""

from __future__ import annotations

from typing import cast

import numpy as np
import structlog

from novacron.ml.domain.budget import Pace
from novacron.ml.domain.chunk import Chunk
from novacron.ml.service.jobs import Job
from novacron.ml.service.pressure import Budget, Pressure
from novacron.ml.service.work import watched


class _Rows:
    """What a job is told."""

    def __init__(self) -> None:
        self.seen: list[int] = []

    def took(self, rows: int) -> None:
        self.seen.append(rows)


def _warned(used: int) -> list[str]:
    pressure = Pressure(Budget(100_000_000), Pace(), lambda: used)
    job, chunk = _Rows(), Chunk(3, (), np.empty((0, 3)))
    with structlog.testing.capture_logs() as said:
        for _chunk in watched([chunk] * 4, cast(Job, job), pressure):
            pressure.check()
    assert job.seen == [3] * 4
    return [one["event"] for one in said if one["log_level"] == "warning"]


def test_memory_above_the_warning_is_logged_once() -> None:
    assert _warned(82_000_000) == ["memory is short: less is read at once"]


def test_with_memory_enough_nothing_is() -> None:
    assert _warned(20_000_000) == []
