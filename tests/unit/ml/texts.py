"""Texts that are hard to count, and what is right for them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from hypothesis import strategies as st

from novacron.ml.domain.categories import LONGEST, Categories, named

Values = Sequence[str | None]

ODD = (None, "", "\0", "OTHER", "nan", "é", "e\u0301", "\U0010ffff", "\ue000", "a\0", "a", "x" * (LONGEST - 1))
"""The two before "a\\0" are in another order where texts are compared by UTF-16 units."""
LONG = tuple(f"{'long ' * 200}{number}" for number in range(3))
NAMES = tuple(map(named, LONG))
"""Texts that look like names of longer ones."""

ANY = st.one_of(
    st.sampled_from(ODD + LONG + NAMES),
    st.integers(0, 60).map("host-{}".format),
    st.text(max_size=8),
    st.text(st.sampled_from("ab"), min_size=LONGEST - 1, max_size=LONGEST + 2),
)


def counted(values: Iterable[str | None]) -> Counter[str]:
    return Counter(named(value) for value in values if value is not None)


def expected(values: Iterable[str | None], most: int) -> Categories:
    """All of them at once, in memory."""
    counts = counted(values)
    ranked = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0].encode()))
    return Categories(counts.total(), len(counts), tuple(ranked[:most]))
