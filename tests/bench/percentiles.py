"""Exact percentiles against ``np.percentile`` in one process under the same settings, and what the sketches cost.

Every call gets numbers that it has not seen: of few, a processor learns how each comparison ends. CPU time; a ratio is
the median over the rounds of what stood in the same round.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from statistics import median

from tests.bench.report import Goal, Row
from tests.bench.server import Bench

CASE = "percentiles"
SIZES = (10_000, 100_000, 1_000_000, 10_000_000)
NUMPY, OURS = "np.percentile", "exact"
_ASKED = (50, 90, 99, 99.9)
_GOAL = Goal("at most", 0.35)
_ROUND = 10_000_000
"""Numbers of a round."""

Taken = Mapping[str, Sequence[float]]


async def run(_bench: Bench) -> list[Row]:
    return await asyncio.to_thread(rows)


def rows() -> list[Row]:
    """In a process of its own, which begins as ``novacron percentiles`` does."""
    command = [sys.executable, "-m", "tests.bench.percentiles"]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True)
    return [row for size, taken, wrong in json.loads(done.stdout) for row in compared(size, taken, wrong)]


def compared(size: int, taken: Taken, wrong: int) -> list[Row]:
    """Rows of what each cost in each round, in seconds for a number; pure.

    Args:
        wrong: exact answers that differed from numpy's.
    """
    ratios = sorted(ours / numpys for ours, numpys in zip(taken[OURS], taken[NUMPY], strict=True))
    note = f"p50, p90, p99, p99.9; rounds from {ratios[0]:.2f} to {ratios[-1]:.2f}"
    named = f"{size:,} numbers"
    found = [
        Row(CASE, f"{named}: exact over np.percentile", median(ratios), "", goal=_GOAL, note=note),
        Row(CASE, f"{named}: answers that differ from it", wrong, "", goal=Goal("at most", 0)),
    ]
    return found + [Row(CASE, f"{named}: {name}", median(times) * 1e9, "ns/value") for name, times in taken.items()]


def measured(size: int, rounds: int) -> tuple[Taken, int]:
    """Seconds for a number, of each way in each round; and how many exact answers were not numpy's."""
    import time

    import numpy as np

    from novacron.quantiles.calculator import Percentiles
    from novacron.quantiles.narrowing import narrowed
    from novacron.quantiles.values import Floats, blocks

    ours = Percentiles()
    ways: dict[str, Callable[[Floats], object]] = {
        NUMPY: lambda numbers: np.percentile(numbers, _ASKED),
        OURS: lambda numbers: ours.of(numbers, _ASKED),
        "exact, without a copy": lambda numbers: narrowed(
            lambda: blocks(numbers), size, float(numbers.min()), float(numbers.max()), _ASKED, size // 10
        ),
        "kll": lambda numbers: ours.of(numbers, _ASKED, "kll"),
        "req": lambda numbers: ours.of(numbers, _ASKED, "req"),
        "ddsketch": lambda numbers: ours.of(numbers, _ASKED, "ddsketch"),
    }
    made = np.random.default_rng(size)
    taken: dict[str, list[float]] = {name: [] for name in ways}
    wrong = 0
    for _ in range(rounds):
        datasets = made.lognormal(size=(max(1, _ROUND // size // 10), size))
        for name, way in ways.items():
            begun = time.process_time()
            for numbers in datasets:
                way(numbers)
            taken[name].append((time.process_time() - begun) / datasets.size)
        for numbers in datasets:
            right = np.percentile(numbers, _ASKED)
            answers = ours.of(numbers, _ASKED)
            wrong += sum(one.value != float(value) for one, value in zip(answers, right, strict=True))
    return taken, wrong


def main() -> None:
    from novacron.roles import processor

    processor.prepare()
    json.dump([(size, *measured(size, 5)) for size in SIZES], sys.stdout)


if __name__ == "__main__":
    main()
