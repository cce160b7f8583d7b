"""What memory this process has, and what its container may have, as the kernel counts it: cgroup v2, else v1.

The limit is the smallest of the process's own cgroup and of those above it that can be seen: any of them kills.
"""

from __future__ import annotations

import ctypes
import functools
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

_UNLIMITED = 1 << 60
"""cgroup v1 writes the largest number of pages where there is no limit."""
_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
"""Of glibc's mallopt(3)."""
_KEPT = 8 << 20
"""Bytes at the end of the heap: a chunk of a table and what is made of it."""
_MAPPED = 4 << 20
"""Bytes of a block that is taken from the kernel by itself, and goes back at once."""


@dataclass(frozen=True, slots=True)
class _Version:
    """Names of files of one version of cgroups, and of lines in its memory.stat."""

    limit: str
    usage: str
    cached: tuple[str, ...]


_V1 = _Version("memory.limit_in_bytes", "memory.usage_in_bytes", ("total_inactive_file", "total_active_file"))
_V2 = _Version("memory.max", "memory.current", ("inactive_file", "active_file", "slab_reclaimable"))


class Container:
    """The cgroups of one process.

    Args:
        process: its folder below /proc.
        root: where the paths that /proc names begin.
    """

    def __init__(self, process: Path = Path("/proc/self"), root: Path = Path("/")) -> None:
        self._version, self._folders = _found(process, root)

    def limit(self) -> int | None:
        """Bytes; None where there is no limit, or none that can be seen."""
        return min((limit for limit, _folder in self._limits()), default=None)

    def usage(self) -> int | None:
        """Bytes that count against that limit; None where nobody counts."""
        folder = self._judging()
        return None if folder is None else _number(folder / self._version.usage)

    def used(self) -> int | None:
        """The same without what the kernel drops before it kills anybody: pages of files, those of a spill say."""
        folder, usage = self._judging(), self.usage()
        return None if folder is None or usage is None else max(0, usage - self._cached(folder))

    def _judging(self) -> Path | None:
        """The cgroup with the smallest limit; the process's own where there is no limit."""
        own = self._folders[0] if self._folders else None
        return min(self._limits(), key=lambda one: one[0], default=(0, own))[1]

    def _limits(self) -> Iterator[tuple[int, Path]]:
        """Each that there is, from the process's own cgroup upwards."""
        for folder in self._folders:
            limit = _number(folder / self._version.limit)
            if limit is not None and limit < _UNLIMITED:
                yield limit, folder

    def _cached(self, folder: Path) -> int:
        try:
            lines = (folder / "memory.stat").read_text().splitlines()
        except OSError:
            return 0
        counted = (line.split() for line in lines)
        return sum(int(value) for name, value in counted if name in self._version.cached)


def limit() -> int | None:
    """Bytes that the container may use; None: no limit."""
    return _container().limit()


def used() -> int:
    """Bytes that the container uses, without pages of files; those of the process where there is no cgroup."""
    counted = _container().used()
    return resident() if counted is None else counted


def usage() -> int | None:
    """Bytes that the container uses, with pages of files; None where there is no cgroup."""
    return _container().usage()


def resident() -> int:
    """Bytes of this process in memory, those that it shares with others included."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except OSError:  # no Linux
        import psutil  # here, because reading one file must not cost its import

        return int(psutil.Process().memory_info().rss)
    return pages * os.sysconf("SC_PAGE_SIZE")


def machine() -> int:
    """Bytes that the machine has."""
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def keep() -> bool:
    """Free memory stays with the C library until ``trim``, some megabytes at most; whether it can be told to.

    Else it goes back to the kernel after each chunk of a table and comes again, page by page, with the next one, which
    is a tenth of all the work.
    """
    tell = _of_libc("mallopt")
    return tell is not None and all([tell(_TRIM_THRESHOLD, _KEPT), tell(_MMAP_THRESHOLD, _MAPPED)])


def trim() -> bool:
    """Gives free memory that the C library keeps back to the kernel; whether there was any. Milliseconds."""
    release = _of_libc("malloc_trim")
    return release is not None and bool(release(0))


@functools.cache
def _container() -> Container:
    return Container()


@functools.cache
def _of_libc(function: str) -> ctypes._NamedFuncPointer | None:
    """glibc's; other libraries have none."""
    return getattr(ctypes.CDLL(None), function, None)


def _found(process: Path, root: Path) -> tuple[_Version, tuple[Path, ...]]:
    """Folders of the process's own cgroup and of those above it, as far as they can be seen; the own one first."""
    try:
        groups, mounts = ((process / name).read_text().splitlines() for name in ("cgroup", "mountinfo"))
    except OSError:  # no Linux
        return _V2, ()
    known = {controllers: path for _number, controllers, path in (line.split(":", 2) for line in groups)}
    for controllers, path in known.items():
        if "memory" in controllers.split(","):
            return _V1, tuple(_folders(mounts, "cgroup", "memory", path, root))
    return _V2, tuple(_folders(mounts, "cgroup2", "", known.get("", "/"), root))


def _folders(mounts: list[str], kind: str, option: str, path: str, root: Path) -> Iterator[Path]:
    """Args:
    option: that the mount must have; empty: any.
    path: of the cgroup, as the kernel names it.
    """
    for line in mounts:
        of_mount, _, of_filesystem = line.partition(" - ")
        begin, where = of_mount.split(" ")[3:5]
        type_, _source, options = of_filesystem.split(" ", 2)
        if type_ == kind and (not option or option in options.split(",")):
            top = root / where.lstrip("/")
            for inside in _ancestors(path, begin):
                if (top / inside).is_dir():
                    yield top / inside
            return


def _ancestors(path: str, begin: str) -> Iterator[str]:
    """The cgroup's path below the mount, then those above it; the mount's own folder is the last.

    Args:
        begin: the cgroup that is mounted: a container without a cgroup namespace sees its own at the top, under its
            whole name; one that was moved there from outside of its namespace has a path of ``..``.
    """
    own = PurePosixPath(path)
    if ".." not in own.parts and own.is_relative_to(begin):
        inside = own.relative_to(begin)
        yield from (str(one) for one in (inside, *inside.parents))
    else:
        yield "."


def _number(path: Path) -> int | None:
    try:
        return int(path.read_text())
    except (OSError, ValueError):  # the root cgroup has no such file, or "max"
        return None
