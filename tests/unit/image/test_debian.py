"""Packages unpacked: real ones, made here by dpkg-deb. Nothing is fetched."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from pathlib import Path

import pytest

from image import cache, debian
from image.debian import DebianError, Package

pytestmark = pytest.mark.skipif(shutil.which("dpkg-deb") is None, reason="needs dpkg-deb: images are built on Debian")


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Package:
    """One that the cache has."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    source = tmp_path / "source"
    (source / "DEBIAN").mkdir(parents=True)
    (source / "DEBIAN" / "control").write_text(
        "Package: x\nVersion: 1:2.0-1\nArchitecture: all\nMaintainer: x <x@example.com>\nDescription: x\n"
    )
    (source / "DEBIAN" / "postinst").write_text("#!/bin/sh\nexit 1\n")
    (source / "DEBIAN" / "postinst").chmod(0o755)
    (source / "lib").mkdir()
    (source / "lib" / "library").write_text("library")
    (source / "usr" / "bin").mkdir(parents=True)
    (source / "usr" / "bin" / "su").write_text("su")
    (source / "usr" / "bin" / "su").chmod(0o4755)
    (source / "usr" / "bin" / "link").symlink_to("su")
    (source / "usr" / "bin" / "same").hardlink_to(source / "usr" / "bin" / "su")
    (source / "usr" / "share" / "doc" / "x").mkdir(parents=True)
    (source / "usr" / "share" / "doc" / "x" / "README").write_text("read me")
    made = tmp_path / "made.deb"
    command = ["dpkg-deb", "--root-owner-group", "--build", str(source), str(made)]
    subprocess.run(command, check=True, capture_output=True)
    found = Package("x", "1:2.0-1", "all", hashlib.sha256(made.read_bytes()).hexdigest())
    made.rename(cache.cache("debs") / found.file)
    return found


def test_files_links_and_modes_are_unpacked_but_no_set_user_id(package: Package, tmp_path: Path) -> None:
    debian.unpack([package], tmp_path / "root")
    programs = tmp_path / "root" / "usr" / "bin"
    assert (programs / "su").read_text() == (programs / "same").read_text() == "su"
    assert (programs / "su").stat().st_mode & 0o7777 == (programs / "same").stat().st_mode & 0o7777 == 0o755
    assert (programs / "link").readlink() == Path("su")


def test_a_merged_usr_stays_one(package: Package, tmp_path: Path) -> None:
    root = tmp_path / "root"
    (root / "usr" / "lib").mkdir(parents=True)
    (root / "lib").symlink_to("usr/lib")
    debian.unpack([package], root)
    assert (root / "lib").is_symlink()
    assert (root / "usr" / "lib" / "library").read_text() == "library"


def test_what_is_left_out_is_not_there(package: Package, tmp_path: Path) -> None:
    debian.unpack([package], tmp_path / "root", ["usr/share*"])
    assert not (tmp_path / "root" / "usr" / "share").exists()


def test_scanners_find_the_package_and_nothing_of_it_ran(package: Package, tmp_path: Path) -> None:
    debian.unpack([package], tmp_path / "root")
    record = (tmp_path / "root" / debian.STATUS / "x").read_text()
    assert "Package: x\n" in record
    assert "Version: 1:2.0-1\n" in record
    assert not list((tmp_path / "root").rglob("*postinst*"))


def test_another_content_than_the_hash_says_is_not_unpacked(
    package: Package, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the cache holds under the name is not believed: the archive is asked, and has no such package."""
    with (cache.cache("debs") / package.file).open("ab") as file:
        file.write(b"more")
    monkeypatch.setenv("APT_CONFIG", _no_archive(tmp_path))
    with pytest.raises(DebianError, match="apt-get update"):
        debian.unpack([package], tmp_path / "root")
    assert not (tmp_path / "root").exists()


def test_a_package_that_apt_does_not_know_is_named_with_the_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("APT_CONFIG", _no_archive(tmp_path))
    with pytest.raises(DebianError, match=r"no x, y: run `apt-get update`"):
        debian.candidates(["y", "x"])


def test_what_neither_cache_nor_archive_has_is_told(
    package: Package, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("APT_CONFIG", _no_archive(tmp_path))
    other = Package("x", "1:1.0-1", "all", "0" * 64)
    assert debian.unavailable([package, other]) == [other]


def _no_archive(directory: Path) -> str:
    """Configuration of an apt that knows no archive."""
    (directory / "lists").mkdir()
    file = directory / "apt.conf"
    file.write_text(
        'Dir::Etc::sourcelist "/dev/null";\nDir::Etc::sourceparts "/dev/null";\n'
        f'Dir::State::lists "{directory}/lists";\nDir::Cache::pkgcache "";\nDir::Cache::srcpkgcache "";\n'
    )
    return str(file)
