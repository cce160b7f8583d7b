"""The same input, the same digest: another directory, umask, temporary directory or an empty cache changes nothing."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from image import archive, cache, contents
from image.build import Built

pytestmark = pytest.mark.timeout(900)  # a build from an empty cache, on a machine that is busy

_NAME = "localhost/novacron:test"


@pytest.fixture
def elsewhere(tmp_path: Path) -> Path:
    """A copy of what an image is built from."""
    copy = tmp_path / "a" / "longer" / "path"
    copy.mkdir(parents=True)
    for name in ("image", "operator"):
        shutil.copytree(
            contents.CHECKOUT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info")
        )
    for name in ("pyproject.toml", "requirements.lock"):
        shutil.copy(contents.CHECKOUT / name, copy / name)
    return copy


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """Nothing of an earlier build is in reach, but for the packages as they were fetched."""
    (tmp_path / "cache" / "novacron").mkdir(parents=True)
    (tmp_path / "cache" / "novacron" / "debs").symlink_to(cache.cache("debs"))
    (tmp_path / "temporary").mkdir()
    pip = subprocess.run([sys.executable, "-m", "pip", "cache", "dir"], capture_output=True, text=True, check=True)
    return {
        **os.environ,
        "XDG_CACHE_HOME": str(tmp_path / "cache"),
        "TMPDIR": str(tmp_path / "temporary"),
        "PIP_CACHE_DIR": pip.stdout.strip(),
        "PYTHONDONTWRITEBYTECODE": "1",
    }


def test_a_build_elsewhere_gives_the_same_digest(built: Built, elsewhere: Path, environment: dict[str, str]) -> None:
    output = elsewhere / "out.tar"
    command = [sys.executable, "-m", "image", "build", "--accept-newer", "--name", _NAME, "--output", str(output)]
    done = subprocess.run(
        command, cwd=elsewhere, env=environment, umask=0o077, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    theirs, ours = archive.describe(output), archive.describe(built.archive)
    assert theirs.manifest["layers"] == ours.manifest["layers"]
    assert theirs.digest == built.digest
    assert output.read_bytes() == built.archive.read_bytes()


def test_what_an_engine_copies_is_the_same_file_system(built: Built, tmp_path: Path) -> None:
    """The Dockerfile's three directories, one over the other, against the archive's three layers."""
    command = [sys.executable, "-m", "image", "rootfs", "--accept-newer", str(tmp_path / "rootfs")]
    subprocess.run(command, cwd=contents.CHECKOUT, check=True, capture_output=True)
    archive.extract(built.archive, tmp_path / "extracted")
    merged: dict[str, tuple[int, str | bytes]] = {}
    for name in ("base", "wheels", "novacron"):
        merged |= _entries(tmp_path / "rootfs" / name)
    assert merged == _entries(tmp_path / "extracted")


def _entries(root: Path) -> dict[str, tuple[int, str | bytes]]:
    """Path -> mode and content of everything below a directory."""
    return {str(path.relative_to(root)): (path.lstat().st_mode, _content(path)) for path in root.rglob("*")}


def _content(path: Path) -> str | bytes:
    if path.is_symlink():
        return str(path.readlink())
    return b"" if path.is_dir() else path.read_bytes()


def test_a_change_of_ours_changes_the_last_layer_alone(built: Built, elsewhere: Path) -> None:
    """And takes what the cache has for the others: no package is fetched or compiled again."""
    (elsewhere / "operator" / "novacron" / "added.py").write_text('"""New."""\n')
    output = elsewhere / "out.tar"
    command = [sys.executable, "-m", "image", "build", "--accept-newer", "--name", _NAME, "--output", str(output)]
    done = subprocess.run(command, cwd=elsewhere, capture_output=True, text=True, check=True)
    assert "installing" not in done.stderr
    base, wheels, top = (layer["digest"] for layer in archive.describe(output).manifest["layers"])
    assert [base, wheels] == [layer.digest for layer in built.layers[:2]]
    assert top != built.layers[2].digest
