"""Counting texts in memory: what is counted by which name, which are kept, within which bound, in how many bytes."""

from __future__ import annotations

import tracemalloc
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from novacron.ml.domain.categories import COUNTERS, LONGEST, Categories, Ranking, Tally, named
from tests.unit.ml.texts import ANY, LONG, NAMES, Values, counted, expected

CHUNKS = st.lists(st.lists(ANY, max_size=40), max_size=8)


def _tally(chunks: list[Values]) -> Tally:
    tally = Tally()
    for chunk in chunks:
        tally.update(chunk)
    return tally


@given(CHUNKS, st.integers(0, 12))
def test_counts_are_those_of_all_values_at_once(chunks: list[Values], most: int) -> None:
    values = [value for chunk in chunks for value in chunk]
    tally = _tally(chunks)
    assert tally.ranked(most) == expected(values, most)
    assert tally.ranked(most) == expected(values, most), "asking changes nothing"
    counts = counted(values)
    assert tally.in_order() == (sorted(counts), [counts[text] for text in sorted(counts)])


def test_other_is_what_is_not_kept_even_where_a_value_is_called_so() -> None:
    found = _tally([["OTHER", "OTHER", "a", "b", None]]).ranked(2)
    assert found == Categories(4, 3, (("OTHER", 2), ("a", 1)))
    assert found.other == 1


@given(ANY, ANY)
def test_different_texts_have_different_names(one: str | None, another: str | None) -> None:
    if one is not None and another is not None:
        assert (named(one) == named(another)) == (one == another)
        assert len(named(one)) <= LONGEST


def test_a_name_begins_like_its_text_and_is_told_from_a_text_that_is_the_same() -> None:
    assert LONG[0].startswith(NAMES[0].partition("...#sha256:")[0])
    found = _tally([[LONG[0], NAMES[0], LONG[0], "x" * (LONGEST - 1)]]).ranked(9)
    assert found.distinct == 3
    assert found.shortened == 2
    assert found.kept[0] == (NAMES[0], 2)


@given(st.lists(st.integers(1, 5), max_size=200), st.integers(1, 20), st.integers(1, 50))
def test_a_ranking_of_batches_is_that_of_all_of_them(counts: list[int], most: int, batch: int) -> None:
    texts = [f"{number:03}" for number in range(len(counts))]
    ranking = Ranking(most)
    for begun in range(0, len(texts), batch):
        part = dict(zip(texts[begun : begun + batch], counts[begun : begun + batch], strict=True))
        ranking.add(dict(reversed(part.items())))
    ranked = sorted(zip(texts, counts, strict=True), key=lambda pair: (-pair[1], pair[0]))
    assert ranking.kept() == tuple(ranked[:most])
    assert (ranking.count, ranking.distinct) == (sum(counts), len(counts))


@given(st.lists(CHUNKS, min_size=1, max_size=4), st.integers(700, 3000))
def test_what_is_forgotten_stays_within_the_bound(parts: list[list[Values]], size: int) -> None:
    """Each part shrinks between its chunks; then all are added up, and shrink once more."""
    whole = Tally()
    for part in parts:
        tally = Tally()
        for chunk in part:
            tally.update(chunk)
            tally.shrink(size)
        whole.add(dict(zip(*tally.in_order(), strict=True)))
        whole.forget(tally.forgotten())
    whole.shrink(size)
    true = counted(value for part in parts for chunk in part for value in chunk)
    found = dict(zip(*whole.in_order(), strict=True))
    assert whole.count == true.total()
    assert found.keys() <= true.keys()
    assert all(0 <= true[text] - found.get(text, 0) <= whole.error for text in true)
    assert whole.error * (whole.forgotten().counters + 1) <= true.total() - sum(found.values())
    assert whole.ranked(3).distinct == (None if whole.error else len(true))


def test_the_bound_of_a_skewed_column_is_named_and_small() -> None:
    made = np.random.default_rng(3).zipf(1.3, 200_000)
    tally = Tally()
    for begun in range(0, len(made), 2000):
        tally.update([f"host-{number}" for number in made[begun : begun + 2000].tolist()])
        if tally.bytes > 1 << 20:
            tally.shrink(3 << 18)
    found = tally.ranked(1000)
    true = Counter(f"host-{number}" for number in made.tolist())
    assert 0 < found.error <= len(made) / (COUNTERS + 1)
    assert [text for text, _ in found.kept[:50]] == [text for text, _ in true.most_common(50)]


@pytest.mark.parametrize(
    "texts",
    [
        [f"request-{number:08}" for number in range(9000)],
        [f"é{number}" for number in range(9000)],
        [f"\U0001f600{'long' * 50}{number}" for number in range(1000)],
        [f"{number % 3000}" for number in range(900_000)],
    ],
    ids=("short", "latin", "wide", "frequent"),
)
def test_its_bytes_are_what_it_has_in_memory(texts: list[str]) -> None:
    tracemalloc.start()
    try:
        tally = Tally()
        for begun in range(0, len(texts), 1000):
            # texts of its own, as an input would make them
            tally.update([text.encode().decode() for text in texts[begun : begun + 1000]])
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert 0.9 * held <= tally.bytes <= 1.1 * held
