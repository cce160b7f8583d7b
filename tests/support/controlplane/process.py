"""Processes of a control plane: started, found again by pid *and* start time, stopped for sure."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

_PR_SET_PDEATHSIG = 1


class StartError(Exception):
    """A component did not come up; the text holds the last lines of its log."""


@dataclass(frozen=True, slots=True)
class Identity:
    """A process that cannot be mistaken for another one with a reused pid.

    Args:
        started: clock ticks since boot, from /proc.
    """

    pid: int
    started: int

    def alive(self) -> bool:
        return _started(self.pid) == self.started

    def kill(self, number: signal.Signals) -> None:
        if self.alive():
            os.kill(self.pid, number)


def identify(pid: int) -> Identity:
    return Identity(pid, _started(pid))


def _started(pid: int) -> int:
    """Start time of a process that runs; 0 for none and for a zombie."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0
    return 0 if fields[0] == "Z" else int(fields[19])


@dataclass(frozen=True, slots=True)
class Site:
    """Where components run: on this machine, or in namespaces that a command enters.

    Args:
        address: where they listen and are reached.
        enter: what is put before every command.
        flags: more flags, by component.
    """

    address: str = "127.0.0.1"
    enter: tuple[str, ...] = ()
    flags: Mapping[str, Sequence[str]] = field(default_factory=dict)


class UpAndDown(ABC):
    """A ``with`` block around something that is started and stopped; what did not come up is taken down as well."""

    @abstractmethod
    def up(self) -> None: ...

    @abstractmethod
    def down(self) -> None: ...

    def __enter__(self) -> Self:
        try:
            self.up()
        except BaseException:
            self.down()
            raise
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _value: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self.down()


def start(command: Sequence[str], log: Path, *, detached: bool) -> subprocess.Popen[bytes]:
    """Starts a component with its output in a log.

    Args:
        detached: whether it outlives this process; else the kernel kills it when this process dies, however that is.
    """
    with log.open("ab") as out:
        return subprocess.Popen(
            list(command),
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            start_new_session=True,
            preexec_fn=None if detached else _die_with_parent,  # noqa: PLW1509 - one system call, no Python locks
        )


def _die_with_parent() -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def stop(identities: Sequence[Identity], seconds: float = 8.0) -> None:
    """Asks, waits, then kills."""
    for identity in identities:
        identity.kill(signal.SIGTERM)
    deadline = time.monotonic() + seconds
    for identity in identities:
        while identity.alive() and time.monotonic() < deadline:
            reap(identity.pid)
            time.sleep(0.02)
        identity.kill(signal.SIGKILL)
        while identity.alive():
            reap(identity.pid)
            time.sleep(0.02)


def reap(pid: int) -> None:
    try:
        os.waitpid(pid, os.WNOHANG)
    except ChildProcessError:
        return


def until(ready: Callable[[], bool], seconds: float, alive: Callable[[], bool], name: str, log: Path) -> None:
    """Waits for a component; raises ``StartError`` with its last words when it dies or takes too long."""
    deadline = time.monotonic() + seconds
    while not ready():
        if not alive() or time.monotonic() > deadline:
            what = "did not become ready" if alive() else "ended"
            raise StartError(f"{name} {what}; the last lines of its log:\n{last_lines(log)}")
        time.sleep(0.05)


def last_lines(log: Path, count: int = 20) -> str:
    if not log.exists():
        return "(no log)"
    return "\n".join(log.read_text(errors="replace").splitlines()[-count:])
