"""Waits until process 1 of a box has ended, then removes what stayed outside: cgroups, the link, a scratch folder.

A process of its own, so that it does its work also when the one that made the box was killed.
"""

from __future__ import annotations

import os
import select
import shutil
import subprocess
import sys
import time
from pathlib import Path

from tests.support.controlplane import process

_CGROUPS = Path("/sys/fs/cgroup")
_SECONDS = 20.0


def hierarchies() -> list[Path]:
    """Where containers are put: each hierarchy of v1 (runc uses the hybrid one of v2 too), or the only one of v2."""
    if (_CGROUPS / "cgroup.controllers").exists():
        return [_CGROUPS]
    return [path for path in sorted(_CGROUPS.iterdir()) if path.is_dir() and not path.is_symlink()]


def main(pid: int, started: int, name: str, scratch: str = "") -> None:
    _wait_for_end(process.Identity(pid, started))
    deadline = time.monotonic() + _SECONDS
    while not _removed(name) and time.monotonic() < deadline:
        time.sleep(0.05)
    subprocess.run(["ip", "link", "delete", name], capture_output=True, check=False)  # mostly gone with the namespace
    if scratch:
        shutil.rmtree(scratch, ignore_errors=True)


def _wait_for_end(init: process.Identity) -> None:
    try:
        handle = os.pidfd_open(init.pid)
    except ProcessLookupError:
        return
    if init.alive():
        select.select([handle], [], [])


def _removed(name: str) -> bool:
    """Whether no cgroup of that name is left; one that still holds a dying process stays for another try."""
    for hierarchy in hierarchies():
        home = hierarchy / name
        for folder, _folders, _files in os.walk(home, topdown=False):
            try:
                Path(folder).rmdir()
            except OSError:
                return False
    return not any((hierarchy / name).exists() for hierarchy in hierarchies())


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), *sys.argv[3:])
