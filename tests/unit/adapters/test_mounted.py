"""Mounted folders: all files from one moment, and a stamp that moves when they do."""

from __future__ import annotations

import os
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from novacron.adapters.mounted import Directory
from novacron.core.dependencies import Unusable
from tests.support.volume import Volume


def test_a_volume_is_read_and_its_stamp_stays(tmp_path: Path) -> None:
    volume = Volume(tmp_path / "v", {"a": "1", "b": b"\x00"})
    directory = Directory(volume.path)
    stamp, files = directory.read()
    assert files == {"a": b"1", "b": b"\x00"}
    assert stamp == directory.stamp() == directory.read()[0]
    volume.replace({"a": "1", "b": b"\x00"})
    assert directory.stamp() != stamp


def test_a_file_that_left_the_volume_is_gone(tmp_path: Path) -> None:
    volume = Volume(tmp_path / "v", {"a": "1", "b": "2"})
    volume.replace({"b": "3"})
    assert Directory(volume.path).read()[1] == {"b": b"3"}


def test_a_plain_folder_will_do(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    directory = Directory(tmp_path)
    (tmp_path / "a").write_text("1")
    stamp, files = directory.read()
    assert files == {"a": b"1"}
    (tmp_path / "a").write_text("22")
    assert directory.stamp() != stamp


def test_two_versions_are_never_mixed(tmp_path: Path) -> None:
    volume = Volume(tmp_path / "v", {"a": "0", "b": "0"})
    directory, stop = Directory(volume.path), threading.Event()

    def replace() -> None:
        number = 0
        while not stop.is_set():
            number += 1
            volume.replace({"a": str(number), "b": str(number)})

    thread = threading.Thread(target=replace)
    thread.start()
    try:
        seen = [files for files in (_read(directory) for _ in range(300)) if files]
    finally:
        stop.set()
        thread.join()
    assert seen
    assert all(files["a"] == files["b"] for files in seen)


def _read(directory: Directory) -> dict[str, bytes]:
    try:
        return dict(directory.read()[1])
    except Unusable:  # it changed all the time, which is an answer too
        return {}


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(Unusable, match=f"FileMissing: {tmp_path}/none is not there"):
        Directory(tmp_path / "none").read()


def test_a_file_too_large_for_a_secret_is_refused(tmp_path: Path) -> None:
    (tmp_path / "large").write_bytes(b"x" * ((1 << 20) + 1))
    with pytest.raises(Unusable, match=r"FileInvalid: .*larger than 1048576 bytes"):
        Directory(tmp_path).read()


@pytest.fixture
def nobody() -> Iterator[None]:
    """Root may read everything: for the test it is somebody else."""
    before = os.geteuid()
    os.seteuid(65534 if before == 0 else before)
    yield
    os.seteuid(before)


@pytest.fixture
def closed() -> Iterator[Path]:
    """A folder for everybody with a file for nobody."""
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        home = Path(folder)
        home.chmod(0o755)
        (home / "closed").write_text("x")
        (home / "closed").chmod(0)
        yield home


def test_a_file_that_may_not_be_read_is_refused(closed: Path, nobody: None) -> None:
    with pytest.raises(Unusable, match=r"FileInvalid: .*cannot be read"):
        Directory(closed).read()
