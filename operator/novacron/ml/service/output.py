"""A file that is written appears whole or not at all: until then it has no name, and goes with the process."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from novacron.core.errors import NovaCronError
from novacron.ml.service.room import NO_UNNAMED

_MODE = 0o666
_BUFFER = 1 << 16


class Unwritten(NovaCronError):
    """A result could not be written; what was there before is there still."""


@contextmanager
def output(path: Path) -> Iterator[BinaryIO]:
    """A file to write, from its beginning to its end; it replaces what is there when the block ends without an error.

    A pipe or a device is written as it is. A link stays one: what it leads to is replaced.

    Raises:
        Unwritten: names the path, and what the system said.
    """
    try:
        if path.exists() and not path.is_file():
            with path.open("wb", _BUFFER) as file:
                yield file
        else:
            with _appearing(Path(os.path.realpath(path))) as file:
                yield file
    except OSError as error:
        said = f"{path} cannot be written: {error.strerror or error}"
        raise Unwritten(f"{said}; name a file in a directory that can be written and has the room") from None


@contextmanager
def _appearing(path: Path) -> Iterator[BinaryIO]:
    """A file without a name; with one of its own where the file system has no such."""
    beside = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        descriptor = os.open(path.parent, os.O_TMPFILE | os.O_WRONLY | os.O_CLOEXEC, _MODE)
        unnamed = True
    except OSError as error:
        if error.errno not in NO_UNNAMED or not path.parent.is_dir():
            raise
        descriptor = os.open(beside, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, _MODE)
        unnamed = False
    try:
        with os.fdopen(descriptor, "wb", _BUFFER) as file:
            yield file
            file.flush()
            os.fsync(descriptor)
            if unnamed:
                _name(descriptor, beside)
        beside.replace(path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise


def _name(descriptor: int, path: Path) -> None:
    """A link does not replace what is there, so it is given a name that nothing has."""
    directory = os.open(path.parent, os.O_PATH | os.O_DIRECTORY)
    try:
        os.link(f"/proc/self/fd/{descriptor}", path.name, dst_dir_fd=directory)
    finally:
        os.close(directory)
