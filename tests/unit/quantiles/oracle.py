"""What a percentile is, by nothing but sorting and fractions; and numbers that are hard on whoever calculates one."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from hypothesis import strategies as st

ORDINARY = st.floats(-1e12, 1e12, allow_subnormal=False)
REPEATED = st.sampled_from([0.0, -0.0, 1.0, 1.5, -3.25, 1e9, 1e9 + 1])
ANY = st.floats(allow_nan=False, allow_infinity=False)
NUMBERS = st.one_of(*(st.lists(one, min_size=1, max_size=60) for one in (ORDINARY, REPEATED, ANY)))
PERCENTILES = st.lists(
    st.one_of(st.sampled_from([0.0, 25.0, 50.0, 90.0, 99.0, 99.9, 100.0]), st.floats(0, 100)), min_size=1, max_size=6
)


def percentile(numbers: Sequence[float], asked: float) -> Fraction:
    """The right one, without any rounding but that of the place itself."""
    ordered = sorted(map(Fraction, numbers))
    place = Fraction(asked / 100 * (len(ordered) - 1))
    low = ordered[int(place)]
    high = ordered[min(int(place) + 1, len(ordered) - 1)]
    return low + (high - low) * (place - int(place))
