"""Room on disk: counted, bounded, given back, and never seen by anybody."""

from __future__ import annotations

import errno
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from novacron.ml.service.room import Room, RoomFile, SpillFull, Unwritable
from novacron.ml.service.spill import Spill
from tests.unit.ml.tables import chunk


@contextmanager
def _file_size(most: int) -> Iterator[None]:
    """No file of this process may become larger: the system refuses, as a full disk does."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def _read(file: RoomFile) -> bytes:
    return os.pread(file.descriptor, 1 << 20, 0)


def test_what_is_written_is_counted_and_given_back(tmp_path: Path) -> None:
    room = Room(tmp_path, 100)
    with room.file() as one, room.file() as other:
        assert one.append(b"abc", b"", np.arange(2.0).data, bytearray(b"x")) == 0
        assert other.append(b"1234") == 0
        assert one.append(b"de") == 20
        assert (room.used, one.size, other.size) == (26, 22, 4)
        assert _read(one) == b"abc" + np.arange(2.0).tobytes() + b"xde"
        one.truncate(3)
        one.append(b"!")
        assert (room.used, _read(one)) == (8, b"abc!")
        assert list(tmp_path.iterdir()) == []
    assert (room.used, room.peak) == (0, 26)


def test_more_pieces_than_one_call_of_the_system_takes(tmp_path: Path) -> None:
    pieces = [bytes([place % 256]) * (place % 3) for place in range(5000)]
    with Room(tmp_path).file() as file:
        file.append(*pieces)
        assert _read(file) == b"".join(pieces)


def test_more_than_is_allowed_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    room = Room(tmp_path, 10)
    with room.file() as file:
        file.append(b"12345678")
        with pytest.raises(SpillFull) as refused:
            file.append(b"abc")
        assert (room.used, _read(file)) == (8, b"12345678")
    for named in (str(tmp_path), "10 bytes", "has 8", "3 more", "--spill-dir", "--max-spill", "--median kll"):
        assert named in str(refused.value)


def test_what_the_system_refuses_leaves_nothing_half_written(tmp_path: Path) -> None:
    room = Room(tmp_path)
    with _file_size(10_000), room.file() as file:
        file.append(b"a" * 6000)
        with pytest.raises(SpillFull, match=r"File too large, with .*--spill-dir"):
            file.append(b"b" * 1000, b"c" * 5000)
        assert (room.used, file.size, os.fstat(file.descriptor).st_size) == (6000, 6000, 6000)
        file.append(b"d" * 4000)
        assert _read(file) == b"a" * 6000 + b"d" * 4000


@pytest.mark.skipif(os.geteuid() != 0, reason="mounts a file system")
def test_a_full_disk(tmp_path: Path) -> None:
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "none", tmp_path], check=True)
    try:
        room = Room(tmp_path)
        many = chunk({"a": np.arange(400_000.0)})
        with Spill(room) as spill, pytest.raises(SpillFull, match="No space left on device") as refused:
            spill.write(many)
        assert str(tmp_path) in str(refused.value)
        assert room.used == 0
        assert os.statvfs(tmp_path).f_bavail * os.statvfs(tmp_path).f_frsize == 1 << 20
    finally:
        subprocess.run(["umount", tmp_path], check=True)


@pytest.mark.parametrize("how", ["missing", "a file", "no rights"])
def test_a_directory_that_cannot_be_used_is_named(how: str, tmp_path: Path) -> None:
    directory = {"missing": tmp_path / "none", "a file": tmp_path / "file", "no rights": Path("/proc/self")}[how]
    (tmp_path / "file").touch()
    with pytest.raises(Unwritable, match="--spill-dir") as refused:
        Room(directory).file()
    assert str(directory) in str(refused.value)


def test_a_file_system_that_has_only_files_with_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened = os.open

    def refusing(path: str, flags: int, mode: int = 0o777) -> int:
        if flags & os.O_TMPFILE == os.O_TMPFILE:
            raise OSError(errno.EOPNOTSUPP, "Operation not supported")
        return opened(path, flags, mode)

    monkeypatch.setattr(os, "open", refusing)
    with Room(tmp_path).file() as file:
        file.append(b"abc")
        assert _read(file) == b"abc"
        assert list(tmp_path.iterdir()) == []


def test_nothing_stays_of_a_process_that_is_killed(tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from novacron.ml.service.room import Room\n"
        "file = Room(Path(sys.argv[1])).file(); file.append(bytes(100_000)); print('there', flush=True); input()"
    )
    command = [sys.executable, "-c", program, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "there\n"
        assert list(tmp_path.iterdir()) == []
        process.send_signal(signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL
    assert list(tmp_path.iterdir()) == []
