"""Other commits of this repository: their source, and the image that they build."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[2]


def is_shallow() -> bool:
    """Whether the commit before this one was left out of the clone."""
    return _git("rev-parse", "--is-shallow-repository").strip() == "true"


@contextmanager
def previous(directory: Path) -> Iterator[Path]:
    """The source of the commit before this one.

    Raises:
        AssertionError: the clone does not have it.
    """
    commit = _git("rev-parse", "--verify", "HEAD~1").strip()
    _git("worktree", "add", "--detach", str(directory), commit)
    try:
        yield directory
    finally:
        _git("worktree", "remove", "--force", str(directory))


def image(source: Path, archive: Path, name: str) -> Path:
    """Builds the image of a checkout, by its own code."""
    command = [sys.executable, "-m", "image", "build", "--accept-newer", "--output", str(archive), "--name", name]
    done = subprocess.run(command, cwd=source, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return archive


def _git(*arguments: str) -> str:
    done = subprocess.run(
        ["git", "-c", "safe.directory=*", *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, (
        f"git {' '.join(arguments)}: {done.stderr.strip()} (a shallow clone? git fetch --deepen 1)"
    )
    return done.stdout
