"""A container's memory as the kernel counts it, and a hog from outside that takes it away."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.node.box import Box

_MEBIBYTE = 1 << 20
_CGROUPS = Path("/sys/fs/cgroup")


@dataclass(frozen=True, slots=True)
class _Version:
    """Where one version of cgroups has what is asked for.

    Args:
        files: lines of memory.stat: pages of files, which the kernel drops before it kills anybody.
    """

    root: Path
    limit: str
    usage: str
    peak: str
    files: tuple[str, ...]


_V1 = _Version(
    _CGROUPS / "memory",
    "memory.limit_in_bytes",
    "memory.usage_in_bytes",
    "memory.max_usage_in_bytes",
    ("total_inactive_file", "total_active_file"),
)
_V2 = _Version(_CGROUPS, "memory.max", "memory.current", "memory.peak", ("inactive_file", "active_file"))
_HOG = """
import mmap, os, sys
(group, most, usage, *files), own, held = sys.argv[1:], str(os.getpid()), []
most = int(most)
def others():
    with open(f"{group}/cgroup.procs") as listed:
        return set(listed.read().split()) - {own}
def used():
    with open(f"{group}/{usage}") as whole, open(f"{group}/memory.stat") as stat:
        figures = dict(line.split() for line in stat)
        return int(whole.read()) - sum(int(figures[name]) for name in files)
victims = others()
with open(f"{group}/cgroup.procs", "w") as door:
    door.write(own)
# of all in the group the kernel ends the one with the highest score: the kubelet gives pods some hundreds
with open("/proc/self/oom_score_adj", "w") as score:
    score.write("0")
while victims & others() and not (most and used() >= most):
    piece = mmap.mmap(-1, 1 << 20)
    piece.write(b"x" * (1 << 20))
    held.append(piece)
if most:
    print("held", flush=True)
    sys.stdin.read()
"""
"""Takes page after page of the group's memory, until those who were there are gone, or as much is used as is said. Then
it goes at once, or when it is told to: a group with a process in it could not be removed."""


@dataclass(frozen=True, slots=True)
class Usage:
    """In whole MiB.

    Args:
        resident: the most that a process of the container ever had in memory (VmHWM).
        counted: the most that the kernel charged to it; pages of files count until they are wanted elsewhere.
        limit: what it may have.
    """

    resident: int
    counted: int
    limit: int


class ContainerMemory:
    """Of a running container.

    Args:
        pod: as the API server has it; an ``AssertionError`` where it does not know of the present container yet.
        name: of the container.
    """

    def __init__(self, box: Box, pod: Mapping[str, Any], name: str) -> None:
        (status,) = (one for one in pod["status"]["containerStatuses"] if one["name"] == name)
        identifier = status.get("containerID", "").rpartition("/")[2]
        self._version = _V2 if (_CGROUPS / "cgroup.controllers").exists() else _V1
        found = list((self._version.root / box.name).glob(f"**/pod{pod['metadata']['uid']}/{identifier}"))
        assert identifier, "the container has not begun"
        assert len(found) == 1, f"the container {identifier} has ended"
        self._home = found[0]

    def usage(self) -> Usage:
        resident = (_peak(pid) for pid in (self._home / "cgroup.procs").read_text().split())
        return Usage(
            max(resident, default=0) // _MEBIBYTE,
            self._figure(self._version.peak) // _MEBIBYTE,
            self._figure(self._version.limit) // _MEBIBYTE,
        )

    def exhaust(self) -> None:
        """Returns when the kernel has ended the container's processes for want of memory."""
        done = subprocess.run(self._hog(0), check=False)
        # with cgroup v2 the kubelet has the kernel end all of a container at once, and the hog with it
        assert done.returncode in ((0,) if self._version is _V1 else (0, -signal.SIGKILL))

    @contextmanager
    def held(self, share: float) -> Iterator[None]:
        """While the block lasts, this share of the limit is used, pages of files not counted."""
        most = int(share * self._figure(self._version.limit))
        with subprocess.Popen(self._hog(most), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as hog:
            assert hog.stdin is not None
            assert hog.stdout is not None
            assert hog.stdout.readline() == "held\n", "the hog has ended; its own error is above"
            try:
                yield
            finally:
                hog.stdin.close()

    def _hog(self, most: int) -> list[str]:
        version = self._version
        return [sys.executable, "-I", "-S", "-c", _HOG, str(self._home), str(most), version.usage, *version.files]

    def _figure(self, name: str) -> int:
        return int((self._home / name).read_text())


def _peak(pid: str) -> int:
    """Bytes; 0 for a process that has ended."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except FileNotFoundError:
        return 0
    found = re.search(r"^VmHWM:\s*(\d+) kB$", status, re.MULTILINE)
    return int(found[1]) * 1024 if found else 0
