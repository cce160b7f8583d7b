"""What a stretch of work cost: wall time, and CPU by process. CPU tells also where others use the same machine."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

import psutil

from tests.bench.facts import cpu_seconds
from tests.support.controlplane.plane import ControlPlane


@dataclass(slots=True)
class Cost:
    """Filled in when the stretch ends, or by ``stop``.

    Args:
        seconds: wall time.
        cpu: seconds by process: the API server, etcd and the writer.
    """

    pids: Mapping[str, int]
    before: Mapping[str, float]
    started: float
    seconds: float = 0.0
    cpu: dict[str, float] = field(default_factory=dict)

    def stop(self) -> None:
        if not self.seconds:
            self.seconds = time.monotonic() - self.started
            self.cpu = {name: cpu_seconds(pid) - self.before[name] for name, pid in self.pids.items()}

    def each(self, count: int) -> float:
        """CPU milliseconds of all processes together for each of ``count`` things."""
        return sum(self.cpu.values()) / count * 1000

    def share(self) -> float:
        """Of the machine's cores, how many were used; the rest was idle or taken by others."""
        return sum(self.cpu.values()) / self.seconds

    def split(self, count: int) -> str:
        return ", ".join(f"{name} {seconds / count * 1000:.2f}" for name, seconds in self.cpu.items())


@contextmanager
def measured(plane: ControlPlane, writer: int) -> Iterator[Cost]:
    """The block, or its part until ``stop`` is called.

    Args:
        writer: pid of the process that writes.
    """
    pids = {**_components(plane), "writer": writer}
    cost = Cost(pids, {name: cpu_seconds(pid) for name, pid in pids.items()}, time.monotonic())
    yield cost
    cost.stop()


def _components(plane: ControlPlane) -> dict[str, int]:
    """From the file by which a plane finds its own processes again."""
    state = json.loads((plane.directory / "state.json").read_text())
    found = {name: int(fields["pid"]) for name, fields in state["running"].items()}
    missing = [name for name, pid in found.items() if not psutil.pid_exists(pid)]
    if missing:
        raise ProcessLookupError(f"{', '.join(missing)} ended: look at the log in {plane.directory.name}")
    return {"API server": found["kube-apiserver"], "etcd": found["etcd"]}
