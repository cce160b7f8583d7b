"""A container's memory as the kernel counts it (cgroup v1), and a hog from outside that takes it away."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.node.box import Box

_HIERARCHY = Path("/sys/fs/cgroup/memory")
_MEBIBYTE = 1 << 20
_HOG = """
import mmap, os, sys
group, most, own, held = sys.argv[1], int(sys.argv[2]), str(os.getpid()), []
def others():
    with open(f"{group}/cgroup.procs") as listed:
        return set(listed.read().split()) - {own}
def used():
    with open(f"{group}/memory.usage_in_bytes") as usage, open(f"{group}/memory.stat") as stat:
        figures = dict(line.split() for line in stat)
        return int(usage.read()) - int(figures["total_inactive_file"]) - int(figures["total_active_file"])
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
        found = list((_HIERARCHY / box.name).glob(f"**/pod{pod['metadata']['uid']}/{identifier}"))
        assert identifier, "the container has not begun"
        assert len(found) == 1, f"the container {identifier} has ended"
        self._home = found[0]

    def usage(self) -> Usage:
        resident = (_peak(pid) for pid in (self._home / "cgroup.procs").read_text().split())
        return Usage(
            max(resident, default=0) // _MEBIBYTE,
            self._figure("memory.max_usage_in_bytes") // _MEBIBYTE,
            self._figure("memory.limit_in_bytes") // _MEBIBYTE,
        )

    def exhaust(self) -> None:
        """Returns when the kernel has ended the container's processes for want of memory."""
        subprocess.run(self._hog(0), check=True)

    @contextmanager
    def held(self, share: float) -> Iterator[None]:
        """While the block lasts, this share of the limit is used, pages of files not counted."""
        most = int(share * self._figure("memory.limit_in_bytes"))
        with subprocess.Popen(self._hog(most), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as hog:
            assert hog.stdin is not None
            assert hog.stdout is not None
            assert hog.stdout.readline() == "held\n", "the hog has ended; its own error is above"
            try:
                yield
            finally:
                hog.stdin.close()

    def _hog(self, most: int) -> list[str]:
        return [sys.executable, "-I", "-S", "-c", _HOG, str(self._home), str(most)]

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
