"""``novacron migrate`` as a process of its own, as a Job would run it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

from tests.support.controlplane import process
from tests.support.volume import Volume


class MigrationProcess:
    """Started when it is told to, killed on leaving.

    Args:
        home: a folder for its files.
        settings: its document.
    """

    def __init__(self, home: Path, settings: Mapping[str, Any], *arguments: str) -> None:
        config = Volume(home / "config", {"settings.json": json.dumps(settings)})
        self.termination_log = home / "termination-log"
        self.termination_log.touch()
        self._log = home / "log"
        where = [f"--config={config.path}", f"--termination-log={self.termination_log}"]
        self._command = ["env", f"TMPDIR={home}", sys.executable, "-m", "novacron", "migrate", *where, *arguments]
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> MigrationProcess:
        self._process = process.start(self._command, self._log, detached=False)
        return self

    def __enter__(self) -> MigrationProcess:
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _value: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self.kill()

    def kill(self) -> None:
        """SIGKILL."""
        assert self._process is not None
        self._process.kill()
        self._process.wait(10)

    def ended(self, seconds: float = 60.0) -> int:
        """Its exit code."""
        assert self._process is not None
        return self._process.wait(seconds)

    def run(self) -> int:
        return self.start().ended()

    def log(self) -> str:
        """Standard output and standard error."""
        return self._log.read_text(errors="replace")

    def message(self) -> dict[str, Any]:
        """What it left for the operator."""
        found: dict[str, Any] = json.loads(self.termination_log.read_text())
        return found
