"""Memory that is set aside for Arrow and Parquet: for as many at once as fit, and what the others are told."""

from __future__ import annotations

from contextlib import ExitStack

import pytest

from novacron.ml.domain.budget import MemoryBudgetExceeded
from novacron.ml.service.admission import Full
from novacron.ml.service.heavy import HeavyJobs

MB = 1_000_000


def _jobs(most: int, *, imported: bool = True) -> HeavyJobs:
    return HeavyJobs(most * MB, lambda: 80 * MB, lambda: imported)


def test_as_many_as_fit_run_at_once() -> None:
    heavy = _jobs(80 + 2 * 130)
    with ExitStack() as running:
        running.enter_context(heavy.room("arrow"))
        with heavy.room("parquet"), pytest.raises(Full, match="beside those that are read now"):
            running.enter_context(heavy.room("parquet"))
        running.enter_context(heavy.room("parquet"))


@pytest.mark.parametrize("imported", [True, False])
def test_where_not_even_one_fits_it_is_told_what_would_do(imported: bool) -> None:
    needed = 130 if imported else 220
    with _jobs(80 + needed, imported=imported).room("parquet"):
        pass
    with (
        pytest.raises(MemoryBudgetExceeded, match=f"up to {needed} MB of memory.*JSON Lines or CSV"),
        _jobs(80 + needed - 1, imported=imported).room("parquet"),
    ):
        pass


def test_other_formats_need_nothing_of_the_kind() -> None:
    for format_ in ("jsonl", "json", "csv"):
        with _jobs(0).room(format_):
            pass


def test_a_job_that_fails_leaves_its_room() -> None:
    heavy = _jobs(80 + 130)
    for _ in range(3):
        with pytest.raises(KeyError), heavy.room("arrow"):
            raise KeyError


def test_what_jobs_of_other_formats_take_is_there_again_later() -> None:
    used = [80]
    heavy = HeavyJobs((80 + 220) * MB, lambda: used[0] * MB, lambda: False)
    with heavy.room("jsonl"):
        used[0] = 90
        with pytest.raises(Full, match="beside those that are read now"), heavy.room("arrow"):
            pass
    with pytest.raises(MemoryBudgetExceeded), heavy.room("arrow"):
        pass


def test_what_would_not_fit_without_them_is_not_put_off() -> None:
    heavy = _jobs(80 + 219, imported=False)
    with heavy.room("csv"), pytest.raises(MemoryBudgetExceeded, match="or raise ml"), heavy.room("parquet"):
        pass
