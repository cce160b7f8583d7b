"""Percentiles of numbers that come by once: exact for as long as all of them fit, by a sketch from then on."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from novacron.quantiles import values
from novacron.quantiles.calculator import MEMORY
from novacron.quantiles.estimate import Estimate
from novacron.quantiles.selection import selected_inside
from novacron.quantiles.sketch import Sketch
from novacron.quantiles.values import Array, InvalidInput

_NUMBER = 8


class TooMany(InvalidInput):
    """More numbers than may be kept."""


class Gathered:
    """Args:
    sketch: an empty one, which takes over; None: more than fits is refused.
    memory: bytes for the numbers. What is not used of it is not taken from the system.
    """

    def __init__(self, sketch: Sketch | None, memory: int = MEMORY) -> None:
        self._successor = sketch
        self._sketch: Sketch | None = None
        self._most = max(1, memory // _NUMBER)
        self._kept = np.empty(self._most, np.float64)
        self.count = 0

    def update(self, numbers: Array) -> None:
        """Takes more of them.

        Raises:
            InvalidInput: one of them is no finite number; none of these was taken.
            TooMany: there is no sketch to take over.
        """
        values.array(numbers, self.count)
        if self._sketch is None and self.count + len(numbers) > self._most:
            self._sketch = self._handed_over()
        if self._sketch is None:
            self._kept[self.count : self.count + len(numbers)] = numbers
        else:
            self._sketch.update(numbers)
        self.count += len(numbers)

    def _handed_over(self) -> Sketch:
        if self._successor is None:
            said = f"more than {self._most} numbers do not fit into {self._most * _NUMBER} bytes"
            raise TooMany(f"{said}; allow more memory, or ask for a sketch")
        self._successor.update(self._kept[: self.count])
        self._kept = np.empty(0, np.float64)
        return self._successor

    def estimates(self, percentiles: Sequence[float]) -> list[Estimate]:
        """Of all so far. Raises ``InvalidInput``: there are none, or a percentile is out of range."""
        asked = values.percentiles(percentiles)
        if not self.count:
            raise InvalidInput("empty values slice; give one number at least")
        if self._sketch is not None:
            return self._sketch.estimates(asked)
        found = selected_inside(self._kept[: self.count], asked)
        return [Estimate(one, value, "exact") for one, value in zip(asked, found, strict=True)]
