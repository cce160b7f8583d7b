"""Operators by the dozen: a process that has imported everything once and forks an operator for each request.

A start takes a fraction of a second instead of two: so it becomes possible to kill one at every write. The fork runs
the very command that a pod runs.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

from tests.support.controlplane import process

_PR_SET_PDEATHSIG = 1
_IMPORTED = ("novacron.roles.run", "novacron.roles.manager", "kubernetes.config", "kubernetes.client")


class Zygote:
    """Starts on entering; ends on leaving, and with it every operator that still runs."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self._directory = directory
        self._process: subprocess.Popen[str] | None = None
        self._exchange = threading.Lock()

    def __enter__(self) -> Zygote:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.zygote"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).parents[2],
        )
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _value: BaseException | None, _trace: TracebackType | None
    ) -> None:
        assert self._process is not None
        self._process.kill()
        self._process.communicate()

    def start(self, kubeconfig: Path, namespace: str, name: str) -> Forked:
        """An operator for one namespace, with its lease there; what it writes reaches every pod at once."""
        log = self._directory / f"{name}.log"
        arguments = [
            "run",
            f"--kubeconfig={kubeconfig}",
            "--bind-address=127.0.0.1",
            "--health-port=0",
            "--metrics-port=0",
            f"--namespace={namespace}",
            f"--operator-namespace={namespace}",
            "--propagation=0",
        ]
        return Forked(self._fork({"arguments": arguments, "log": str(log)}), log)

    def _fork(self, request: dict[str, object]) -> int:
        """One exchange at a time: threads share the process, and each must get the pid of its own request."""
        assert self._process is not None
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with self._exchange:
            self._process.stdin.write(json.dumps(request) + "\n")
            self._process.stdin.flush()
            return int(self._process.stdout.readline())


class Forked:
    """One operator; not a child of this process."""

    def __init__(self, pid: int, log: Path) -> None:
        self.pid = pid
        self.log = log

    def alive(self) -> bool:
        return Path(f"/proc/{self.pid}").exists()

    def last_words(self) -> str:
        return process.last_lines(self.log)

    def kill(self) -> None:
        """SIGKILL; returns when it is gone."""
        with contextlib.suppress(ProcessLookupError):  # the trap may be faster
            os.kill(self.pid, signal.SIGKILL)
        while self.alive():
            time.sleep(0.005)


def main() -> None:
    for module in _IMPORTED:
        __import__(module)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    for line in sys.stdin:
        request = json.loads(line)
        pid = os.fork()
        if pid == 0:
            _become(request["arguments"], request["log"])
        print(pid, flush=True)


def _become(arguments: Sequence[str], log: str) -> None:
    """The child: an operator until it ends."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(output, 1)
    os.dup2(output, 2)
    from novacron.__main__ import main as novacron

    novacron(list(arguments))


if __name__ == "__main__":
    main()
