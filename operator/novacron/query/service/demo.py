"""Fills a database with a fleet that does not exist, as if its samples had been ingested: ``novacron demo-data``.

All in one transaction: whoever is cut off has written nothing, and begins again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from datetime import timedelta
from typing import Any, LiteralString

import numpy as np
import numpy.typing as npt
import psycopg

from novacron.core.errors import NovaCronError
from novacron.query.domain import sums
from novacron.query.domain.fleet import BLOCK, EPOCH, Fleet, Integers, Plan, Samples, microseconds
from novacron.query.domain.sums import Sums
from novacron.query.service.store import binary
from novacron.query.service.store.binary import Column, column

__all__ = ["DemoRefused", "Filled", "Plan", "fill"]

_PARTITIONS = """
SELECT p.relname || to_char(day, '_YYYY_MM_DD')
FROM unnest(ARRAY['vm_metrics', 'vm_rollup_1m', 'vm_rollup_5m']) AS p (relname),
    generate_series(%(first)s::timestamp, %(last)s::timestamp, '1 day') AS day
EXCEPT
SELECT c.relname
FROM pg_catalog.pg_inherits AS i
JOIN pg_catalog.pg_class AS c ON c.oid = i.inhrelid
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
WHERE n.nspname = 'query' AND NOT i.inhdetachpending
ORDER BY 1
"""
"""Those that the plan needs and that are not there."""
_THERE = "SELECT count(*) FROM query.vms WHERE id = ANY(%s)"
_VMS: LiteralString = """
COPY query.vms (id, organization_id, name, status, cpu_cores, memory_mb, created_at, updated_at) FROM STDIN
"""
_VALUES: LiteralString = "(vm_id, timestamp, cpu_usage, memory_usage, disk_usage, network_in_bytes, network_out_bytes)"
_BINARY: LiteralString = "FROM STDIN (FORMAT binary)"
_METRICS: LiteralString = f"COPY query.vm_metrics {_VALUES} {_BINARY}"
_LATEST: LiteralString = f"COPY query.vm_latest {_VALUES} {_BINARY}"
_MINUTES: LiteralString = (
    f"COPY query.vm_rollup_1m (bucket, vm_id, cpu_count, cpu_sum, cpu_max, memory_count, memory_sum) {_BINARY}"
)
_FIVE_MINUTES: LiteralString = f"COPY query.vm_rollup_5m (bucket, vm_id, cpu_max) {_BINARY}"


class DemoRefused(NovaCronError):
    """Nothing was written; the text says why and what to do."""


@dataclass(slots=True)
class Filled:
    """Rows that were written."""

    vms: int = 0
    samples: int = 0
    minutes: int = 0
    five_minutes: int = 0
    latest: int = 0


def fill(
    connection: psycopg.Connection[Any], plan: Plan, progress: Callable[[int], None] = lambda _samples: None
) -> Filled:
    """Writes a fleet and its samples, with everything that an ingest of the same samples would have made of them.

    Args:
        connection: with the rights of role novacron_query; in no transaction, or in one that ends with its caller.
        progress: called with the number of further samples.

    Raises:
        DemoRefused: a partition is missing, or the fleet is there already.
        psycopg.Error: a statement failed.
    """
    fleet = Fleet(plan)
    with connection.transaction():
        _check(connection, plan, fleet)
        return _Filling(connection, plan, fleet).run(progress)


def _check(connection: psycopg.Connection[Any], plan: Plan, fleet: Fleet) -> None:
    first, last = plan.start.date(), (EPOCH + timedelta(microseconds=_last_bucket(plan))).date()
    missing = [name for (name,) in connection.execute(_PARTITIONS, {"first": first, "last": last})]
    if missing:
        remedy = "ask for fewer days; novacron migrate makes partitions as far back as samples are kept, 7 days at most"
        raise DemoRefused(f"there are no partitions for all days from {first} to {last} ({missing[0]} say): {remedy}")
    ((there,),) = connection.execute(_THERE, (fleet.ids,)).fetchall()
    if there:
        remedy = "take another --seed or --organization"
        raise DemoRefused(f"{there} virtual machines of seed {plan.seed} are in this organization already: {remedy}")


def _last_bucket(plan: Plan) -> int:
    return -(-microseconds(plan.end) // BLOCK) * BLOCK


class _Filling:
    """One fleet on its way into the tables."""

    def __init__(self, connection: psycopg.Connection[Any], plan: Plan, fleet: Fleet) -> None:
        self._connection = connection
        self._plan = plan
        self._fleet = fleet
        raw = b"".join(vm.id.bytes for vm in fleet.vms)
        self._ids = np.frombuffer(raw, np.uint8).reshape(-1, 16)
        self._done = Filled()

    def run(self, progress: Callable[[int], None]) -> Filled:
        self._write_vms()
        newest = Newest(self._plan.vms)
        for samples in self._fleet.blocks():
            if len(samples.vm):
                newest.see(samples)
                self._write_block(samples)
            progress(len(samples.vm))
        latest = newest.samples()
        if latest is not None:
            self._copy(_LATEST, self._sample_columns(latest))
            self._done.latest = len(latest.vm)
        return self._done

    def _write_vms(self) -> None:
        with self._connection.cursor() as cursor, cursor.copy(_VMS) as copy:
            for vm in self._fleet.vms:
                size = (vm.cpu_cores, vm.memory_mb, vm.created_at, vm.created_at)
                copy.write_row((vm.id, self._plan.organization, vm.name, vm.status, *size))
        self._done.vms = len(self._fleet.vms)

    def _write_block(self, samples: Samples) -> None:
        in_order, minutes = sums.by_minute(samples)
        five_minutes = sums.by_block(samples)
        self._copy(_METRICS, self._sample_columns(in_order))
        self._copy(_MINUTES, self._sum_columns(minutes))
        self._copy(_FIVE_MINUTES, self._maximum_columns(five_minutes))
        self._done.samples += len(samples.vm)
        self._done.minutes += len(minutes.vm)
        self._done.five_minutes += len(five_minutes.vm)

    def _copy(self, statement: LiteralString, columns: Sequence[Column]) -> None:
        with self._connection.cursor() as cursor, cursor.copy(statement) as copy:
            copy.write(binary.HEADER)
            copy.write(binary.rows(columns))
            copy.write(binary.TRAILER)

    def _id_column(self, vm: Integers) -> Column:
        return Column(self._ids[vm])

    def _sample_columns(self, samples: Samples) -> list[Column]:
        return [
            self._id_column(samples.vm),
            column(samples.at, "i8"),
            *(column(values, "f8", np.isnan(values)) for values in (samples.cpu, samples.memory, samples.disk)),
            *(column(values, "i8", values < 0) for values in (samples.received, samples.sent)),
        ]

    def _sum_columns(self, made: Sums) -> list[Column]:
        return [
            column(made.bucket, "i8"),
            self._id_column(made.vm),
            column(made.cpu_count, "i4"),
            column(made.cpu_sum, "f8"),
            column(made.cpu_max, "f8", np.isnan(made.cpu_max)),
            column(made.memory_count, "i4"),
            column(made.memory_sum, "f8"),
        ]

    def _maximum_columns(self, made: Sums) -> list[Column]:
        return [
            column(made.bucket, "i8"),
            self._id_column(made.vm),
            column(made.cpu_max, "f8", np.isnan(made.cpu_max)),
        ]


class Newest:
    """The newest sample of each machine, of blocks that come in the order of time."""

    def __init__(self, vms: int) -> None:
        self._seen = np.zeros(vms, np.bool_)
        self._columns: dict[str, npt.NDArray[Any]] = {}
        self._vms = vms

    def see(self, samples: Samples) -> None:
        """Args:
        samples: in the order of (machine, time).
        """
        last = np.flatnonzero(np.append(np.diff(samples.vm) != 0, True))
        vm = samples.vm[last]
        self._seen[vm] = True
        for one in fields(Samples):
            values = getattr(samples, one.name)
            self._columns.setdefault(one.name, np.zeros(self._vms, values.dtype))[vm] = values[last]

    def samples(self) -> Samples | None:
        """Of the machines that have one; None: there is not one machine that has."""
        return Samples(**self._columns).picked(self._seen) if self._seen.any() else None
