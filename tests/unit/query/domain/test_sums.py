from __future__ import annotations

import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from novacron.query.domain import sums
from novacron.query.domain.fleet import BLOCK, MINUTE, Samples
from novacron.query.domain.sums import Sums

_USAGES = st.one_of(st.just(math.nan), st.integers(0, 6400).map(lambda number: number / 64))
_EDGES = [minute * MINUTE + off for minute in range(6) for off in (-1, 0, 1)]
_TIMES = st.one_of(st.integers(1, BLOCK), st.sampled_from([at for at in _EDGES if 0 < at <= BLOCK]))
_ROWS = st.dictionaries(st.tuples(st.integers(0, 4), _TIMES), st.tuples(_USAGES, _USAGES), min_size=1, max_size=60)


def _samples(rows: dict[tuple[int, int], tuple[float, float]]) -> Samples:
    keys = sorted(rows)
    cpu, memory = (np.array([rows[key][number] for key in keys]) for number in range(2))
    vm, at = (np.array([key[number] for key in keys], np.int64) for number in range(2))
    zeros = np.zeros(len(keys), np.int64)
    return Samples(vm, at, cpu, memory, cpu, zeros, zeros)


def _brute(rows: dict[tuple[int, int], tuple[float, float]], length: int) -> dict[tuple[int, int], tuple[object, ...]]:
    """One bucket after the other: those in (end - length, end]."""
    found: dict[tuple[int, int], tuple[object, ...]] = {}
    for end in range(length, BLOCK + 1, length):
        for vm in {vm for vm, _ in rows}:
            inside = [value for (of, at), value in rows.items() if of == vm and end - length < at <= end]
            cpu = [one for one, _ in inside if not math.isnan(one)]
            memory = [one for _, one in inside if not math.isnan(one)]
            if inside:
                found[end, vm] = (len(cpu), sum(cpu), max(cpu, default=None), len(memory), sum(memory))
    return found


def _read(made: Sums) -> dict[tuple[int, int], tuple[object, ...]]:
    columns = (made.cpu_count, made.cpu_sum, made.cpu_max, made.memory_count, made.memory_sum)
    return {
        (int(end), int(vm)): tuple(None if math.isnan(value) else value for value in values)
        for end, vm, *values in zip(made.bucket, made.vm, *columns, strict=True)
    }


@given(_ROWS)
def test_buckets_hold_what_came_after_their_begin_up_to_their_end(
    rows: dict[tuple[int, int], tuple[float, float]],
) -> None:
    samples = _samples(rows)
    in_order, minutes = sums.by_minute(samples)
    assert _read(minutes) == _brute(rows, MINUTE)
    assert _read(sums.by_block(samples)) == _brute(rows, BLOCK)
    assert len(minutes.bucket) == len(_read(minutes)), "a bucket is there once"
    ordered = sorted(rows, key=lambda key: (-(-key[1] // MINUTE), *key))
    assert [*zip(in_order.vm.tolist(), in_order.at.tolist(), strict=True)] == ordered
