"""What all sketches share: a small state that takes numbers in pieces, merges, and is written as bytes.

Least and greatest are kept beside it, so that percentiles 0 and 100 are exact with every kind.
"""

from __future__ import annotations

import math
import struct
import zlib
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar

from novacron.core.errors import NovaCronError
from novacron.quantiles import values
from novacron.quantiles.estimate import EXACT, Bound, Estimate, Method
from novacron.quantiles.values import Array, Floats

_HEAD = struct.Struct("<4s8sQdd")
"""Format, method, count, least, greatest; the kind's own state follows, and the CRC-32 of all of that."""
_FORMAT = b"NCQ1"
_CHECK = struct.Struct("<I")


class InvalidState(NovaCronError):
    """Bytes that are no sketch, or a damaged one."""


class Sketch(ABC):
    """Not for several threads at once."""

    method: ClassVar[Method]

    def __init__(self) -> None:
        self.count = 0
        self.minimum = math.inf
        self.maximum = -math.inf

    def update(self, numbers: Array) -> None:
        """Takes more, a block at a time. Raises ``InvalidInput`` before it has taken any of them."""
        values.array(numbers, self.count)
        for block in values.blocks(numbers):
            self._add(block)
            self.count += len(block)
            self.minimum = min(self.minimum, float(block.min()))
            self.maximum = max(self.maximum, float(block.max()))

    def merge(self, other: Sketch) -> None:
        """Takes all that another has taken; its bound may become the wider one of both.

        Raises:
            InvalidState: it is of another kind, or of another accuracy that cannot be merged with this one.
        """
        if type(other) is not type(self):
            raise InvalidState(
                f"a sketch of {other.method} cannot go into one of {self.method}; make both the same way"
            )
        self._merge(other)
        self.count += other.count
        self.minimum = min(self.minimum, other.minimum)
        self.maximum = max(self.maximum, other.maximum)

    def estimates(self, percentiles: Sequence[float]) -> list[Estimate]:
        """Raises ``InvalidInput``: nothing was taken, or a percentile is out of range."""
        asked = values.percentiles(percentiles)
        if not self.count:
            raise values.InvalidInput("empty values slice; give one number at least")
        return [self._estimate(one) for one in asked]

    def _estimate(self, percentile: float) -> Estimate:
        ends = {0.0: self.minimum, 100.0: self.maximum}
        if percentile in ends:
            return Estimate(percentile, ends[percentile], self.method, EXACT)
        value, bound = self._near(percentile)
        return Estimate(percentile, min(max(value, self.minimum), self.maximum), self.method, bound)

    def to_bytes(self) -> bytes:
        """Read again by ``sketches.loaded``."""
        head = _HEAD.pack(_FORMAT, self.method.encode(), self.count, self.minimum, self.maximum)
        written = head + self._written()
        return written + _CHECK.pack(zlib.crc32(written))

    def take_state(self, state: bytes) -> None:
        """Replaces its own by what ``to_bytes`` wrote. Raises ``InvalidState``."""
        _, _, self.count, self.minimum, self.maximum = _HEAD.unpack_from(state)
        self._read(state[_HEAD.size : -_CHECK.size])

    @abstractmethod
    def _add(self, block: Floats) -> None: ...

    @abstractmethod
    def _merge(self, other: Any) -> None:
        """Of the same class."""

    @abstractmethod
    def _near(self, percentile: float) -> tuple[float, Bound]:
        """For a percentile between 0 and 100, neither of them."""

    @abstractmethod
    def _written(self) -> bytes: ...

    @abstractmethod
    def _read(self, state: bytes) -> None: ...


def method_of(state: bytes) -> str:
    """Of which method whole and undamaged bytes are. Raises ``InvalidState``."""
    if len(state) < _HEAD.size + _CHECK.size or not state.startswith(_FORMAT):
        raise InvalidState("this is no state of a sketch; give what one was written as")
    if _CHECK.unpack(state[-_CHECK.size :])[0] != zlib.crc32(state[: -_CHECK.size]):
        raise InvalidState("the state of the sketch is damaged or cut off; make it again")
    name: bytes = _HEAD.unpack_from(state)[1]
    return name.rstrip(b"\0").decode("ascii", "replace")
