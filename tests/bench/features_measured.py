"""Runs a contender of the features' bench and sees what it cannot see itself: its disk, and too much memory."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from novacron.roles import processor
from tests.bench.facts import resident
from tests.bench.features_contender import OURS, Told

MOST = 12_000
"""MB: whoever needs more is ended, so that the machine's other processes live."""
_LOOKS = 0.02
"""Seconds between two looks at a contender."""


class Failed(Exception):
    """It gave no answer, for another reason than memory."""


class TooMuch(Exception):
    """It had more memory than ``MOST``, or less than it needs."""


@dataclass(frozen=True, slots=True)
class Taken:
    """Args:
    seconds: wall time of the whole process, imports too.
    disk: MB of its temporary files at their largest, unlinked ones too.
    """

    told: Told
    seconds: float
    disk: float


def run(name: str, path: Path, rows: int, limit: int = 0) -> Taken:
    """Raises ``TooMuch`` where memory did not suffice, else ``Failed``.

    Args:
        path: of the table, beside which temporary files are put.
        limit: of memory, for those that take one, in MB; 0 for none.
    """
    with (
        tempfile.TemporaryDirectory(dir=path.parent) as made,
        tempfile.TemporaryFile() as printed,
        tempfile.TemporaryFile() as errors,
    ):
        folder = Path(made)
        command = [sys.executable, "-m", "tests.bench.features_contender", name]
        command += [str(path), str(rows), str(folder), str(limit)]
        begun = time.monotonic()
        environment = {**os.environ, "TMPDIR": str(folder)}
        if name == OURS:  # as the command does it before it imports numpy
            processor.prepare(environment)
        with subprocess.Popen(command, stdout=printed, stderr=errors, env=environment) as running:
            disk = max(_watched(running, folder), default=0.0)
        if running.returncode:
            errors.seek(0)
            words = errors.read().decode(errors="replace")
            if running.returncode == -9 or "OutOfMemory" in words:
                raise TooMuch(words.strip().rpartition("\n")[2] or f"ended above {MOST:,} MB")
            raise Failed(f"{name} ended with {running.returncode}: {words}")
        printed.seek(0)
        return Taken(msgspec.json.decode(printed.read(), type=Told), time.monotonic() - begun, disk)


def lowest(limits: Sequence[int], attempt: Callable[[int], Taken]) -> tuple[int, Taken]:
    """The first limit with which it works; raises ``TooMuch`` where none suffices."""
    for limit in limits:
        try:
            return limit, attempt(limit)
        except TooMuch as error:
            last = error
    raise last


def _watched(running: subprocess.Popen[bytes], folder: Path) -> Iterator[float]:
    """MB on disk, until it ends; ends it where it takes too much."""
    while running.poll() is None:
        yield on_disk(running.pid, folder)
        if resident(running.pid) > MOST:
            running.kill()
        time.sleep(_LOOKS)


def on_disk(pid: int, folder: Path) -> float:
    """MB of files that have a name in the folder, and those that only the process still has open."""
    blocks: dict[tuple[int, int], int] = {}
    for path in (*folder.rglob("*"), *_open(pid, folder)):
        try:
            found = path.stat()
        except OSError:  # closed or removed meanwhile
            continue
        blocks[found.st_dev, found.st_ino] = found.st_blocks * 512
    return sum(blocks.values()) / 1e6


def _open(pid: int, folder: Path) -> Iterator[Path]:
    try:
        for opened in Path(f"/proc/{pid}/fd").iterdir():
            if str(opened.readlink()).startswith(str(folder)):
                yield opened
    except OSError:  # ended or closed meanwhile
        return
