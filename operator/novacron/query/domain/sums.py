"""What samples add up to, in the buckets of the schema: (end - length, end], named by their end. Pure."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from novacron.query.domain.fleet import BLOCK, MINUTE, Floats, Integers, Samples


@dataclass(frozen=True, slots=True)
class Sums:
    """Columns, one element for each bucket of each machine that has a sample in it. NaN: nothing was measured."""

    bucket: Integers
    vm: Integers
    cpu_count: Integers
    cpu_sum: Floats
    cpu_max: Floats
    memory_count: Integers
    memory_sum: Floats


def by_minute(samples: Samples) -> tuple[Samples, Sums]:
    """Samples in the order of (minute, machine, time), and their sums in the same order.

    Args:
        samples: at least one, in the order of (machine, time).
    """
    end = _ends(samples.at, MINUTE)
    order = np.argsort(((end - end.min()) // MINUTE).astype(np.uint8), kind="stable")
    sorted_, end = samples.picked(order), end[order]
    first = _begins(end, sorted_.vm)
    return sorted_, _added(sorted_, end, first)


def by_block(samples: Samples) -> Sums:
    """Args:
    samples: at least one, of one block, in the order of (machine, time).
    """
    end = _ends(samples.at, BLOCK)
    return _added(samples, end, _begins(end, samples.vm))


def _ends(at: Integers, length: int) -> Integers:
    return -(-at // length) * length


def _begins(end: Integers, vm: Integers) -> Integers:
    """Where each bucket's samples begin."""
    return np.concatenate(([0], 1 + np.flatnonzero((np.diff(end) != 0) | (np.diff(vm) != 0))))


def _added(samples: Samples, end: Integers, first: Integers) -> Sums:
    cpu, memory = ~np.isnan(samples.cpu), ~np.isnan(samples.memory)
    return Sums(
        bucket=end[first],
        vm=samples.vm[first],
        cpu_count=np.add.reduceat(cpu.astype(np.int64), first),
        cpu_sum=np.add.reduceat(np.where(cpu, samples.cpu, 0.0), first),
        cpu_max=np.fmax.reduceat(samples.cpu, first),
        memory_count=np.add.reduceat(memory.astype(np.int64), first),
        memory_sum=np.add.reduceat(np.where(memory, samples.memory, 0.0), first),
    )
