"""The operator as a process of its own, as a pod would run it: started, asked, stopped, killed."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

from tests.support.controlplane import process
from tests.support.ports import free_ports
from tests.support.waiting import until

COMMAND = (sys.executable, "-m", "novacron", "run")
_SAMPLE = re.compile(r"^(\w+)(\{[^}]*\})? (\S+)$", re.MULTILINE)


class OperatorProcess:
    """Starts on entering, is killed on leaving; its log is shown where the block failed.

    Args:
        kubeconfig: with the identity to use; often the fault proxy's.
        directory: for logs.
        namespace: the only one to serve; empty: all.
        home: namespace of the lease; must exist. Operators with different ones do not know of each other.
        command: what starts it; e.g. from an image's file system.
        options: more of `novacron run`.
    """

    def __init__(
        self,
        kubeconfig: Path,
        directory: Path,
        *,
        namespace: str = "",
        home: str = "novacron-system",
        name: str = "operator",
        command: Sequence[str] = COMMAND,
        options: Sequence[str] = (),
    ) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self.log_path = directory / f"{name}.log"
        self._kubeconfig = kubeconfig
        self._namespace = namespace
        self._home = home
        self._command = command
        self._options = options
        self._process: subprocess.Popen[bytes] | None = None
        self._health_port = 0
        self._metrics_port = 0

    def __enter__(self) -> OperatorProcess:
        return self.start()

    def __exit__(
        self, type_: type[BaseException] | None, _value: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self.kill()
        if type_ is not None:
            print(f"the operator's last words:\n{self.last_words()}", file=sys.stderr)

    def start(self) -> OperatorProcess:
        """Starts it, also again after ``kill`` or ``stop``; does not wait for anything."""
        assert not self.alive(), "it runs already"
        self._health_port, self._metrics_port = free_ports(2)
        command = [
            *self._command,
            f"--kubeconfig={self._kubeconfig}",
            "--bind-address=127.0.0.1",
            f"--health-port={self._health_port}",
            f"--metrics-port={self._metrics_port}",
            f"--namespace={self._namespace}",
            f"--operator-namespace={self._home}",
            *self._options,
        ]
        self._process = process.start(command, self.log_path, detached=False)
        return self

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def kill(self) -> None:
        """SIGKILL: no farewell, no release of the lease."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(10)

    def stop(self, seconds: float = 15.0) -> int:
        """SIGTERM; the exit code."""
        assert self._process is not None
        self._process.terminate()
        return self._process.wait(seconds)

    def pause(self) -> None:
        """SIGSTOP: the process hangs, as on a node that swaps or a machine that is suspended."""
        os.kill(self.pid, signal.SIGSTOP)

    def resume(self) -> None:
        os.kill(self.pid, signal.SIGCONT)

    def health(self) -> tuple[int, str]:
        """Status and text of the liveness probe; 0 where nothing answers."""
        return _get(self._health_port, "/healthz")

    def readiness(self) -> tuple[int, str]:
        return _get(self._health_port, "/readyz")

    def metrics(self) -> dict[str, float]:
        """Sample name with its labels -> value; empty where nothing answers."""
        _code, text = _get(self._metrics_port, "/metrics")
        return {name + labels: float(value) for name, labels, value in _SAMPLE.findall(text)}

    def leads(self) -> bool:
        return self.metrics().get("novacron_leader") == 1.0

    def until_leading(self, seconds: float = 40.0) -> OperatorProcess:
        until(lambda: self.checked() and self.leads(), f"the operator leads\n{self.last_words()}", seconds)
        return self

    def until_ready(self, seconds: float = 40.0) -> OperatorProcess:
        until(lambda: self.checked() and self.readiness()[0] == 200, "the operator's /readyz answers 200", seconds)
        return self

    def checked(self) -> bool:
        """Raises ``AssertionError`` with its last words where it ended."""
        assert self.alive(), f"the operator ended:\n{self.last_words()}"
        return True

    def log(self) -> str:
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    def last_words(self, lines: int = 40) -> str:
        return process.last_lines(self.log_path, lines)


def _get(port: int, url: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{url}", timeout=5) as response:
            return response.status, response.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()
    except OSError:
        return 0, ""
