"""Percentiles of numbers that are all there: of one dataset, or of many at once.

Exact for as long as nobody asks for a sketch: by selection in a copy where that fits the budget, else in passes over
the numbers as they are.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from novacron.quantiles import values as checks
from novacron.quantiles.estimate import Estimate, Method
from novacron.quantiles.narrowing import narrowed
from novacron.quantiles.selection import selected
from novacron.quantiles.sketches import KINDS
from novacron.quantiles.values import Checked, InvalidInput, Values

MEMORY = 80_000_000
"""Bytes: ten million numbers."""
_NUMBER = 8
_IN_THREADS = 50_000
"""Numbers of a dataset from which on a second thread gains more than it costs."""


class Percentiles:
    """Args:
    memory: bytes that copies of the numbers may take, of all threads together.
    workers: threads at most, for as many large datasets.
    """

    def __init__(self, memory: int = MEMORY, workers: int = 2) -> None:
        self._workers = max(1, workers)
        self._most = max(1, memory // _NUMBER)

    def of(self, values: Values, percentiles: Sequence[float], method: Method = "exact") -> list[Estimate]:
        """One answer for each percentile, in that order. Raises ``InvalidInput``."""
        asked = checks.percentiles(percentiles)
        return self._calculated(checks.numbers(values), asked, method, self._most)

    def of_each(
        self, datasets: Mapping[str, Values], percentiles: Sequence[float], method: Method = "exact"
    ) -> dict[str, list[Estimate]]:
        """The same for each dataset, in the order of ``datasets``.

        Raises:
            InvalidInput: names the first dataset that has no answer. All are looked at before any is calculated.
        """
        if not datasets:
            raise InvalidInput("empty datasets; give one at least")
        asked = checks.percentiles(percentiles)
        checked = {name: _checked(name, values) for name, values in datasets.items()}
        large = {name: values for name, values in checked.items() if len(values) >= _IN_THREADS}
        found = self._in_threads(large, asked, method) if len(large) > 1 else {}
        answers: dict[str, list[Estimate]] = {}
        for name, values in checked.items():
            answer = found[name] if name in found else self._tried(values, asked, method, self._most)
            if isinstance(answer, InvalidInput):
                raise _of_dataset(name, answer)
            answers[name] = answer
        return answers

    def _in_threads(
        self, datasets: Mapping[str, Checked], asked: Sequence[float], method: Method
    ) -> dict[str, list[Estimate] | InvalidInput]:
        """One batch for each thread, which has its part of the memory."""
        most = max(1, self._most // self._workers)

        def batch(names: Sequence[str]) -> dict[str, list[Estimate] | InvalidInput]:
            return {name: self._tried(datasets[name], asked, method, most) for name in names}

        with ThreadPoolExecutor(self._workers) as pool:
            answered = list(pool.map(batch, _batches(datasets, self._workers)))
        return {name: answer for part in answered for name, answer in part.items()}

    def _tried(
        self, values: Checked, asked: Sequence[float], method: Method, most: int
    ) -> list[Estimate] | InvalidInput:
        """An error is kept: of those of several threads, the first by the order of the datasets is raised."""
        try:
            return self._calculated(values, asked, method, most)
        except InvalidInput as error:
            return error

    def _calculated(self, values: Checked, asked: Sequence[float], method: Method, most: int) -> list[Estimate]:
        if method != "exact":
            sketch = KINDS[method]()
            sketch.update(np.asarray(values))
            return sketch.estimates(asked)
        return [Estimate(one, value, method) for one, value in zip(asked, _exact(values, asked, most), strict=True)]


def _exact(values: Checked, asked: Sequence[float], most: int) -> list[float]:
    """Args:
    most: numbers that a copy may have.
    """
    if isinstance(values, list) or len(values) <= most:
        return selected(values, asked)
    low, high = float(values.min()), float(values.max())
    return narrowed(lambda: checks.blocks(values), len(values), low, high, asked, most)


def _checked(name: str, values: Values) -> Checked:
    try:
        return checks.numbers(values)
    except InvalidInput as error:
        raise _of_dataset(name, error) from None


def _of_dataset(name: str, error: InvalidInput) -> InvalidInput:
    return InvalidInput(f"dataset {name!r}: {error}")


def _batches(datasets: Mapping[str, Checked], workers: int) -> Iterator[list[str]]:
    """About as many numbers in each: the largest first, each to whoever has least."""
    batches: list[tuple[int, list[str]]] = [(0, []) for _ in range(min(workers, len(datasets)))]
    for name in sorted(datasets, key=lambda one: len(datasets[one]), reverse=True):
        place = min(range(len(batches)), key=lambda one: batches[one][0])
        batches[place] = (batches[place][0] + len(datasets[name]), [*batches[place][1], name])
    return (names for _, names in batches)
