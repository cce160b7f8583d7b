"""A workload as a process of its own, as a pod would run it: mounted, started, asked, told to end."""

from __future__ import annotations

import http.client
import json
import re
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

from tests.support.controlplane import process
from tests.support.ports import free_port, free_ports
from tests.support.volume import Volume
from tests.support.waiting import until

_SAMPLE = re.compile(r"^(\w+(?:\{.*\})?) (\S+)$", re.MULTILINE)
NOVACRON = ("novacron",)
TRIAL = ("tests.support.trial_role",)
"""The same shell with routes that take their time."""


INTERNAL_KEY = "canary-of-the-internal-key"
TOKEN = {
    "issuer": "novacron-auth-service",
    "audience": "novacron-api",
    "clock_skew_seconds": 30,
    "max_age_seconds": 86400,
    "min_key_size": 2048,
}
"""The defaults of the resource."""
ML_SETTINGS: Mapping[str, Any] = {
    "memory": {"max_mb": 0, "chunk_rows": 1000, "gc_every_chunks": 10, "warning": 0.8, "critical": 0.9},
    "spill_bytes": 8 << 30,
}
"""The same, of what only ml needs; besides a directory."""


class Answer:
    """Status, headers in lower case, and body."""

    def __init__(self, response: http.client.HTTPResponse) -> None:
        self.status = response.status
        self.headers = {name.lower(): value for name, value in response.getheaders()}
        self.body = response.read()

    def json(self) -> Any:
        return json.loads(self.body)

    def __repr__(self) -> str:
        return f"{self.status} {self.body.decode(errors='replace')}"


class ServiceProcess:
    """Its files are mounted at once; it starts on entering and is killed on leaving.

    Args:
        members: of the settings document, beyond what every one has.
        module: what is run.
    """

    def __init__(
        self,
        role: str,
        directory: Path,
        *,
        module: tuple[str, ...] = NOVACRON,
        reloaded: Mapping[str, Any] | None = None,
        members: Mapping[str, Any] | None = None,
        level: str = "DEBUG",
        internal: bool = False,
    ) -> None:
        # killed, it cannot tidy up what it wrote
        self._command = ["env", f"TMPDIR={directory}", sys.executable, "-m", *module, role]
        self._level = level
        self.port, self.metrics_port = free_ports(2)
        self.internal_port = free_port() if internal else 0
        ports = {"http": self.port, "metrics": self.metrics_port}
        self.log_path = directory / f"{role}.log"
        self.jwks = Volume(directory / "jwks", {"jwks.json": '{"keys": []}'})
        self.internal_key = Volume(directory / "internal-key", {"key": INTERNAL_KEY})
        self.settings = {
            "role": role,
            "instance": "novacron",
            "namespace": "test",
            "token": TOKEN,
            "internal_key_file": str(self.internal_key.path / "key"),
            "ports": ports | ({"internal": self.internal_port} if internal else {}),
            "shutdown_grace_seconds": 25,
            "jwks_file": str(self.jwks.path / "jwks.json"),
            "peers": {},
            **({**ML_SETTINGS, "spill_directory": str(directory)} if role == "ml" else {}),
            **(members or {}),
        }
        self._reloaded = dict(reloaded or {})
        self.config = Volume(directory / "config", self._documents())
        self.process: subprocess.Popen[bytes] | None = None

    def _documents(self) -> dict[str, str]:
        return {"settings.json": json.dumps(self.settings), "reloaded.json": json.dumps(self._reloaded)}

    def reload(self, **reloaded: Any) -> None:
        """Replaces the second document."""
        self._reloaded = reloaded
        self.config.replace(self._documents())

    def __enter__(self) -> ServiceProcess:
        return self.start()

    def __exit__(
        self, type_: type[BaseException] | None, _value: BaseException | None, _trace: TracebackType | None
    ) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait(10)
        if type_ is not None:
            print(f"the workload's last words:\n{process.last_lines(self.log_path, 40)}", file=sys.stderr)

    def start(self) -> ServiceProcess:
        """Returns when it is alive."""
        self.process = process.start(self._line(), self.log_path, detached=False)
        until(self._alive, "the workload's /health answers 200", 30)
        return self

    def run(self) -> subprocess.CompletedProcess[bytes]:
        """Its whole life, where that is expected to be short."""
        return subprocess.run(self._line(), capture_output=True, timeout=30, check=False)

    def _line(self) -> list[str]:
        where = [f"--config={self.config.path}", "--bind-address=127.0.0.1"]
        return [*self._command, *where, f"--log-level={self._level}"]

    def _alive(self) -> bool:
        assert self.process is not None
        if self.process.poll() is not None:
            raise process.StartError(f"the workload ended:\n{self.log()}")
        try:
            return self.ask("/health").status == 200
        except OSError:
            return False

    def connection(self, seconds: float = 20.0) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=seconds)

    def ask(
        self, path: str, method: str = "GET", *, body: bytes | None = None, port: int = 0, **headers: str
    ) -> Answer:
        """The answer on a connection of its own."""
        line = http.client.HTTPConnection("127.0.0.1", port or self.port, timeout=20)
        try:
            line.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
            return Answer(line.getresponse())
        finally:
            line.close()

    def ready(self) -> Answer:
        return self.ask("/ready")

    def dependency(self, name: str) -> dict[str, Any]:
        """What /ready says of one."""
        found: dict[str, Any] = {one["name"]: one for one in self.ready().json()["dependencies"]}[name]
        return found

    def until_ready(self, seconds: float = 30.0) -> ServiceProcess:
        def ready() -> bool:
            answer = self.ready()
            assert answer.status == 200, answer
            return True

        until(ready, "the workload is ready", seconds)
        return self

    def until_dependency(self, name: str, state: str, reason: str, seconds: float = 30.0) -> dict[str, Any]:
        def seen() -> dict[str, Any]:
            found = self.dependency(name)
            assert (found["state"], found["reason"]) == (state, reason), found
            return found

        return until(seen, f"{name} is {state} {reason}", seconds)

    def metrics(self) -> dict[str, float]:
        """Sample with its labels -> value."""
        return {name: float(value) for name, value in _SAMPLE.findall(self.metrics_page())}

    def metrics_page(self) -> str:
        return self.ask("/metrics", port=self.metrics_port).body.decode()

    def log(self) -> str:
        return self.log_path.read_text(errors="replace")

    def lines(self, event: str) -> list[dict[str, Any]]:
        """Lines of the log about one event."""
        found = [json.loads(line) for line in self.log().splitlines() if line.startswith("{")]
        return [line for line in found if line["event"] == event]

    def line(self, event: str, request_id: str) -> dict[str, Any]:
        """The one line about an event of a request; it is written after the answer was sent."""

        def seen() -> list[dict[str, Any]]:
            return [line for line in self.lines(event) if line.get("request_id") == request_id]

        (found,) = until(seen, f"the log tells of {event} of {request_id}", 10)
        return found

    def tell(self, number: signal.Signals = signal.SIGTERM) -> None:
        assert self.process is not None
        self.process.send_signal(number)

    def ended(self, seconds: float = 30.0) -> tuple[int, float]:
        """Exit code, and how long it took from now."""
        assert self.process is not None
        before = time.monotonic()
        return self.process.wait(seconds), time.monotonic() - before
