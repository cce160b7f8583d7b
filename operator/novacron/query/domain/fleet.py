"""Virtual machines that do not exist, and what they would have reported: data to try things out with. Pure.

Everything is a function of time and of the plan without its end: the same fleet, asked at another moment, has the same
past. Among its machines are some that never report, some that report by night or by day only, samples that are
missing, and values that were not measured. Usages are whole multiples of 1/64 percent, so that a sum of them is exact
in whatever order it is made: rollups can be compared to the last bit.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid5

import numpy as np
import numpy.typing as npt

Integers = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
"""Where PostgreSQL's own count of time begins; buckets begin there too."""
SECOND = 1_000_000
MINUTE = 60 * SECOND
BLOCK = 5 * MINUTE
"""Microseconds of time that are made at once: a bucket of the longer rollup."""
DAY = 24 * 60 * MINUTE
_ROWS = 100_000
"""Samples that are made at once, at most by about that: some 10 MB."""
_STEPS = 64
"""Of one percent of usage."""
_NAMESPACE = UUID("6f1a1c52-7d2b-5e0c-9a51-3a1f0f5c8e47")
_KINDS = ("web", "api", "db", "cache", "worker", "build")
_STATUSES = {"running": 0.9, "stopped": 0.05, "paused": 0.02, "error": 0.02, "migrating": 0.005, "creating": 0.005}
_CORES = (1, 2, 4, 8, 16, 32)
_SILENT, _PARTLY = 0.02, 0.04
"""Share of machines that never report, and of those that are off at the same time of each day."""
_DROPPED, _LOST, _CPU_LESS, _MEMORY_LESS, _NETWORK_LESS = 0.002, 0.001, 0.004, 0.003, 0.003
"""Share of five minutes without a report, of lost samples, and of samples without a value."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What is made.

    Args:
        end: the last sample of a machine is less than an interval older.
        days: of samples before the end.
        interval: seconds between two samples of a machine.
    """

    organization: UUID
    end: datetime
    vms: int = 2000
    days: float = 1.0
    interval: int = 10
    seed: int = 1

    @property
    def start(self) -> datetime:
        """Every sample is later."""
        return self.end - timedelta(days=self.days)

    @property
    def samples(self) -> int:
        """About so many; some are missing."""
        return int(self.vms * self.days * 86_400 / self.interval)


def microseconds(moment: datetime) -> int:
    """Since EPOCH."""
    return (moment - EPOCH) // timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Vm:
    """A row of query.vms."""

    id: UUID
    name: str
    status: str
    cpu_cores: int
    memory_mb: int
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Samples:
    """Columns, one element for each sample. NaN, or -1 in counters: not measured.

    Args:
        vm: number of the machine, in the order of ids.
        at: microseconds since EPOCH.
    """

    vm: Integers
    at: Integers
    cpu: Floats
    memory: Floats
    disk: Floats
    received: Integers
    sent: Integers

    def picked(self, rows: Any) -> Samples:
        """Args:
        rows: their numbers, or a flag for each.
        """
        return Samples(*(getattr(self, name)[rows] for name in self.__slots__))


@dataclass(frozen=True, slots=True)
class _Profiles:
    """How each machine behaves: one element of each array a machine."""

    phase: Integers
    """Microseconds into the interval at which it reports."""
    silent: Flags
    from_: Floats
    until: Floats
    """Days: the part of each day in which it reports."""
    peak: Floats
    cpu: Floats
    swing: Floats
    noise: Floats
    memory: Floats
    disk: Floats
    rate: Floats
    """Bytes a second."""
    boot: Floats
    """Seconds since EPOCH."""


class Fleet:
    """The machines of a plan, in the order of their ids."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        ids = [uuid5(_NAMESPACE, f"{plan.organization}/{plan.seed}/{number}") for number in range(plan.vms)]
        order = sorted(range(plan.vms), key=ids.__getitem__)
        self.vms = [self._vm(ids[number], number, draw) for number, draw in zip(order, self._draws(), strict=True)]
        self._profiles = self._made()

    @property
    def ids(self) -> list[UUID]:
        return [vm.id for vm in self.vms]

    def _draws(self) -> Floats:
        found: Floats = np.random.default_rng((self._plan.seed, 0)).random((self._plan.vms, 4))
        return found

    def _vm(self, id_: UUID, number: int, draw: Floats) -> Vm:
        status, size, memory, age = map(float, draw)
        kind = _KINDS[number % len(_KINDS)]
        cores = _CORES[int(size * len(_CORES))]
        return Vm(
            id=id_,
            name=f"demo-{self._plan.seed}-{kind}-{number:05}",
            status=[*_STATUSES][int(np.searchsorted(np.cumsum([*_STATUSES.values()])[:-1], status, side="right"))],
            cpu_cores=cores,
            memory_mb=cores * (1024 << int(memory * 4)),
            created_at=EPOCH + timedelta(seconds=int((24 + age) * 365.25 * 86_400)),
        )

    def _made(self) -> _Profiles:
        plan, random = self._plan, np.random.default_rng((self._plan.seed, 1))
        count = plan.vms
        status = np.array([vm.status for vm in self.vms])
        part = (random.random(count) < _PARTLY) | (status == "stopped")
        from_ = np.where(part, random.random(count), 0.0)
        hot = random.random(count) < 0.06
        return _Profiles(
            phase=random.integers(0, plan.interval * SECOND, count),
            silent=(random.random(count) < _SILENT) | (status == "creating"),
            from_=from_,
            until=np.where(part, from_ + 1 / 3, 1.0),
            peak=random.random(count),
            cpu=np.where(hot, random.uniform(70, 97, count), random.gamma(2.5, 9.0, count)),
            swing=random.uniform(0, 18, count),
            noise=random.uniform(0.3, 6, count),
            memory=np.where(hot, random.uniform(75, 96, count), random.uniform(15, 70, count)),
            disk=random.uniform(5, 80, count),
            rate=random.lognormal(12, 1.5, count),
            boot=np.array([(vm.created_at - EPOCH).total_seconds() for vm in self.vms]),
        )

    def blocks(self) -> Iterator[Samples]:
        """Samples of one block and some machines each, in the order of blocks; within them of (machine, time)."""
        plan = self._plan
        most = BLOCK // (plan.interval * SECOND) + 1
        group = max(1, _ROWS // most)
        first, last = microseconds(plan.start) // BLOCK + 1, -(-microseconds(plan.end) // BLOCK)
        for number in range(first, last + 1):
            for begin in range(0, plan.vms, group):
                yield self._block(number, np.arange(begin, min(begin + group, plan.vms)), most)

    def _block(self, number: int, vms: Integers, most: int) -> Samples:
        """Of some machines, those in (end - BLOCK, end] and in the plan's time."""
        plan, known = self._plan, self._profiles
        random = np.random.default_rng((plan.seed, 2, number, int(vms[0])))
        end, interval, phase = number * BLOCK, plan.interval * SECOND, known.phase[vms]
        at = ((end - BLOCK - phase) // interval + 1 + np.arange(most)[:, None]) * interval + phase
        at = np.ascontiguousarray(at.T)
        day = (at % DAY) / DAY
        reports = ~known.silent[vms] & (random.random(len(vms)) >= _DROPPED)
        awake = (day - known.from_[vms, None]) % 1.0 < (known.until - known.from_)[vms, None]
        lost = random.random(at.shape, np.float32) < _LOST
        rows, columns = np.nonzero((at <= end) & reports[:, None] & awake & ~lost)
        found = self._measured(vms[rows], at[rows, columns], random)
        # only now, so that where a plan begins or ends changes no value
        return found.picked((found.at > microseconds(plan.start)) & (found.at <= microseconds(plan.end)))

    def _measured(self, vm: Integers, at: Integers, random: np.random.Generator) -> Samples:
        known, count = self._profiles, len(vm)
        wave = np.sin(2 * np.pi * (at / DAY - known.peak[vm]))
        cpu = known.cpu[vm] + known.swing[vm] * wave + known.noise[vm] * random.standard_normal(count)
        memory = known.memory[vm] + 3 * wave + 0.5 * random.standard_normal(count)
        disk = known.disk[vm] + 15 * ((at / (30 * DAY) + known.peak[vm]) % 1.0)
        chance = random.random(count)
        cpu[chance < _CPU_LESS] = np.nan
        memory[(chance >= _CPU_LESS / 2) & (chance < _CPU_LESS / 2 + _MEMORY_LESS)] = np.nan
        unseen = chance > 1 - _NETWORK_LESS
        # a rate that swings with the day, added up since the machine's start, never falls
        seconds, daily = at / SECOND - known.boot[vm], 86_400 / (2 * np.pi)
        moved = known.rate[vm] * (seconds + 0.8 * daily * (1 - np.cos(seconds / daily)))
        received = np.where(unseen, -1, moved.astype(np.int64))
        sent = np.where(unseen, -1, (0.4 * moved).astype(np.int64))
        return Samples(vm, at, _usage(cpu), _usage(memory), _usage(disk), received, sent)


def _usage(values: Floats) -> Floats:
    rounded: Floats = np.rint(np.clip(values, 0.0, 100.0) * _STEPS) / _STEPS
    return rounded
