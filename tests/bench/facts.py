"""The machine on which numbers were taken: without it they mean nothing. Linux only."""

from __future__ import annotations

import os
import platform
from pathlib import Path

import psutil

from tests.support.controlplane.plane import ControlPlane

Facts = dict[str, str]


def facts(plane: ControlPlane) -> Facts:
    """Names and values for a person; no host name, no path."""
    major, minor = plane.server_version
    one, five, _fifteen = os.getloadavg()
    return {
        "cores": f"{psutil.cpu_count()} ({_processor()})",
        "memory": f"{psutil.virtual_memory().total / 2**30:.1f} GiB",
        "kernel": platform.release(),
        "python": platform.python_version(),
        "server": f"kube-apiserver {major}.{minor} and etcd without fsync, nothing else",
        "load before": f"{one:.1f} (1 min), {five:.1f} (5 min)",
    }


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def resident(pid: int) -> float:
    """Resident memory of a process now, in MB (10^6 bytes)."""
    return float(psutil.Process(pid).memory_info().rss) / 1e6


def peak(pid: int) -> float:
    """The most that a process has ever had resident, in MB: the kernel's own high-water mark."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024 / 1e6
    raise ProcessLookupError(f"process {pid} has no high-water mark: it ended")


def cpu_seconds(pid: int) -> float:
    """User and system time of a process so far."""
    times = psutil.Process(pid).cpu_times()
    return float(times.user + times.system)
