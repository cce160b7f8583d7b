"""Sketches by rank, of Apache DataSketches: KLL for percentiles anywhere, REQ for those close to 100."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, ClassVar

import datasketches
import numpy as np

from novacron.quantiles.ddsketch import DDSketch
from novacron.quantiles.estimate import Bound, Method
from novacron.quantiles.selection import selected
from novacron.quantiles.sketch import InvalidState, Sketch, method_of
from novacron.quantiles.values import Array, Floats, InvalidInput

KLL_SIZE = 800
"""Rank error 0.35 % at a confidence of 99 %, 19 kB of state."""
REQ_SIZE = 50
_DEVIATIONS = 3
"""Standard deviations of REQ's bound: a confidence of 99.7 %."""
_FLOAT32 = np.finfo(np.float32)
_ROUNDING = float(_FLOAT32.eps) / 2
_DAMAGED = (IndexError, ValueError, RuntimeError, MemoryError, OverflowError)
"""What the library raises for bytes that it did not write."""


class _Ranked(Sketch):
    """Around one of the library's.

    Args:
        made: an empty one.
        rounding: relative, of each number that is taken.
    """

    def __init__(self, made: Any, rounding: float = 0.0) -> None:
        super().__init__()
        self._inner = made
        self._rounding = rounding

    def _add(self, block: Floats) -> None:
        self._inner.update(block)

    def _merge(self, other: Any) -> None:
        self._inner.merge(other._inner)

    def _near(self, percentile: float) -> tuple[float, Bound]:
        """Exact while all numbers are still there: few of them."""
        if self._inner.is_estimation_mode():
            value = float(self._inner.get_quantile(percentile / 100, inclusive=True))
            return value, Bound(self._rank_error(percentile / 100), self._rounding)
        kept = np.array([number for number, _ in self._inner], np.float64)
        return selected(kept, [percentile])[0], Bound(value=self._rounding)

    def _rank_error(self, rank: float) -> float:
        raise NotImplementedError

    def _written(self) -> bytes:
        written: bytes = self._inner.serialize()
        return written

    def _read(self, state: bytes) -> None:
        try:
            self._inner = type(self._inner).deserialize(state)
        except _DAMAGED:
            raise InvalidState("the state of the sketch contradicts itself; make it again") from None
        if self._inner.n != self.count:
            raise InvalidState("the state of the sketch contradicts itself; make it again")


class Kll(_Ranked):
    """Karnin, Lang, Liberty (FOCS 2016): the same error of rank everywhere.

    Args:
        size: the library's k; 200: 1.33 %, 800: 0.35 %, 2000: 0.14 %.
    """

    method: ClassVar[Method] = "kll"

    def __init__(self, size: int = KLL_SIZE) -> None:
        super().__init__(datasketches.kll_doubles_sketch(size))

    def _rank_error(self, rank: float) -> float:
        return float(self._inner.normalized_rank_error(False))


class Req(_Ranked):
    """Cormode, Karnin, Liberty, Thaler, Vesely (PODS 2021): the closer to 100, the smaller the error of rank.

    Numbers are kept as float32.

    Args:
        size: the library's k.
    """

    method: ClassVar[Method] = "req"

    def __init__(self, size: int = REQ_SIZE) -> None:
        super().__init__(datasketches.req_floats_sketch(size, True), _ROUNDING)

    def update(self, numbers: Array) -> None:
        if len(numbers) and max(abs(float(numbers.min())), abs(float(numbers.max()))) > float(_FLOAT32.max):
            raise InvalidInput("a number is beyond what REQ keeps, 3.4e38; use another method")
        super().update(numbers)

    def _rank_error(self, rank: float) -> float:
        bounds: Iterable[Callable[[float, int], float]] = (
            self._inner.get_rank_upper_bound,
            self._inner.get_rank_lower_bound,
        )
        return max(abs(bound(rank, _DEVIATIONS) - rank) for bound in bounds)


KINDS: Mapping[str, Callable[[], Sketch]] = {"kll": Kll, "req": Req, "ddsketch": DDSketch}
"""Method -> an empty sketch of it."""


def loaded(state: bytes) -> Sketch:
    """What ``Sketch.to_bytes`` wrote. Raises ``InvalidState``."""
    kind = KINDS.get(method_of(state))
    if kind is None:
        raise InvalidState("the state is of a sketch that this version does not know; use the version that wrote it")
    found = kind()
    found.take_state(state)
    return found
