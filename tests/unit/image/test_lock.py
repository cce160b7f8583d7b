"""When an image is built from other packages than the locked ones: never, unless somebody says so."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from image import contents, debian, lock
from image.debian import DebianError, Package

_OLD = Package("libc6", "2.36-1", "amd64", "a" * 64)
_NEW = Package("libc6", "2.36-2", "amd64", "b" * 64)
_DATA = Package("ca-certificates", "2025", "all", "c" * 64)
_OTHER = Package("libc6", "2.36-1", "arm64", "d" * 64)


@pytest.fixture(autouse=True)
def archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A lock with two machines' packages, and an archive that has a newer libc."""

    def candidates(names: Sequence[str]) -> tuple[Package, ...]:
        return tuple({"libc6": _NEW, "ca-certificates": _DATA}[name] for name in names)

    monkeypatch.setattr(lock, "FILE", tmp_path / "debian.lock")
    lock.FILE.write_text("".join(f"{p.name} {p.version} {p.architecture} {p.sha256}\n" for p in (_OLD, _DATA, _OTHER)))
    monkeypatch.setattr(debian, "architecture", lambda: "amd64")
    monkeypatch.setattr(debian, "candidates", candidates)
    monkeypatch.setattr(debian, "unavailable", lambda packages: [p for p in packages if p == _OLD])


def test_what_is_locked_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(debian, "unavailable", lambda _packages: [])
    assert lock.chosen(["libc6", "ca-certificates"], accept_newer=False) == (_OLD, _DATA)


def test_a_version_that_is_gone_is_an_error_with_both_versions_and_the_remedy() -> None:
    with pytest.raises(DebianError, match=r"libc6 2\.36-1 is locked.* 2\.36-2: run `make lock-image`.*--accept-newer"):
        lock.chosen(["libc6"], accept_newer=False)


def test_a_newer_one_is_taken_when_asked_for_and_the_difference_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    assert lock.chosen(["libc6", "ca-certificates"], accept_newer=True) == (_NEW, _DATA)
    assert "libc6 2.36-1 is locked, the archive has 2.36-2" in capsys.readouterr().err


@pytest.mark.parametrize("accept", [False, True])
def test_a_package_that_is_not_locked_is_never_taken(accept: bool) -> None:
    with pytest.raises(DebianError, match="no zlib1g for amd64: run `make lock-image`"):
        lock.chosen(["libc6", "zlib1g"], accept_newer=accept)


def test_locking_pins_this_machine_and_leaves_the_others() -> None:
    lock.write(["ca-certificates", "libc6"])
    assert lock.read("amd64") == {"ca-certificates": _DATA, "libc6": _NEW}
    assert lock.read("arm64") == {"ca-certificates": _DATA, "libc6": _OTHER}


def test_the_checked_in_lock_is_complete_and_names_no_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lock, "FILE", contents.DESCRIPTION.with_name("debian.lock"))
    assert lock.read("amd64").keys() == set(contents.contents("x86_64-linux-gnu").packages)
    assert "/" not in "".join(line for line in lock.FILE.read_text().splitlines() if not line.startswith("#"))
