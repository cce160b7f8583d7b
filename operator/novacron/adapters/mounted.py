"""Mounted files, as the kubelet keeps them: all files of a folder from one moment, and whether they changed since.

The kubelet writes a folder anew beside the old one and then turns the link ``..data`` to it (its AtomicWriter), so the
files of one update are seen together. Outside a pod there is no such link, and the files themselves are looked at.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from novacron.core.dependencies import Unusable

_DATA = "..data"
_ATTEMPTS = 5
_LARGEST = 1 << 20
"""Bytes of a file: what a Secret or ConfigMap can hold at most."""

Stamp = tuple[object, ...]
"""Equal for as long as nothing changed."""


class Mounted(Protocol):
    """A folder of files that somebody else replaces."""

    def stamp(self) -> Stamp:
        """Cheap: nothing is read."""

    def read(self) -> tuple[Stamp, Mapping[str, bytes]]:
        """All files by name, from one moment, with its stamp. Raises ``Unusable``."""


class Directory:
    """A folder of this machine."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __str__(self) -> str:
        return str(self._path)

    def stamp(self) -> Stamp:
        try:
            data = (self._path / _DATA).stat()
        except OSError:
            return self._files_stamp()
        return (data.st_dev, data.st_ino, data.st_mtime_ns)

    def read(self) -> tuple[Stamp, Mapping[str, bytes]]:
        for _ in range(_ATTEMPTS):
            before = self.stamp()
            try:
                files = self._files()
            except FileNotFoundError:  # turned away under our feet
                continue
            if self.stamp() == before:
                return before, files
        if not self._path.is_dir():
            raise Unusable("FileMissing", f"{self._path} is not there")
        raise Unusable("FileInvalid", f"{self._path} changes while it is read")

    def _files_stamp(self) -> Stamp:
        try:
            found = [(path.name, path.stat()) for path in sorted(self._path.iterdir()) if path.is_file()]
        except OSError:
            return ()
        return tuple((name, about.st_ino, about.st_size, about.st_mtime_ns) for name, about in found)

    def _files(self) -> dict[str, bytes]:
        """From the folder that ``..data`` means now, not through it: it may be turned between two files."""
        data = self._path / _DATA
        root = data.resolve(strict=True) if data.is_symlink() else self._path
        return {
            path.name: _content(path) for path in root.iterdir() if path.is_file() and not path.name.startswith("..")
        }


def _content(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            content = file.read(_LARGEST + 1)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise Unusable("FileInvalid", f"{path} cannot be read: {error.strerror}") from error
    if len(content) > _LARGEST:
        raise Unusable("FileInvalid", f"{path} is larger than {_LARGEST} bytes")
    return content
