"""``novacron features`` in a process that the kernel gives no more memory than it was told to use."""

from __future__ import annotations

import atexit
import json
import resource
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

MEGABYTE = 1_000_000
LIMIT = 80 * MEGABYTE
"""Of memory that the process uses, its libraries included: what it does not have when it has loaded them, it may get
(RLIMIT_DATA); beyond that, allocations fail."""


@dataclass(frozen=True, slots=True)
class Ended:
    """Args:
    code: what the process ended with; below zero: killed by that signal.
    peak: bytes of memory, the interpreter and all libraries included.
    """

    code: int
    out: bytes
    err: str
    peak: int

    @property
    def document(self) -> Any:
        assert self.code == 0, self.err
        return json.loads(self.out)

    @property
    def refusal(self) -> str:
        """One line that says what is wrong, and nothing else."""
        assert (self.code, self.out) == (2, b""), (self.code, self.err)
        (line,) = self.err.splitlines()
        return line


def features(feed: Iterable[bytes], *options: str, limit: int = LIMIT) -> Ended:
    """Args:
    feed: what comes through the pipe, piece by piece; it ends early where the process does.
    """
    with tempfile.NamedTemporaryFile() as told:
        command = [sys.executable, "-m", __name__, str(limit), told.name, "features", "-", *options]
        with subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        ) as process:
            assert process.stdin is not None
            writer = threading.Thread(target=_fed, args=(process.stdin, feed))
            writer.start()
            process.stdin = None  # whose it is now
            out, err = process.communicate()
            writer.join()
        return Ended(process.returncode, out, err.decode(), int(Path(told.name).read_text() or 0))


def _fed(pipe: IO[bytes], feed: Iterable[bytes]) -> None:
    try:
        with pipe:
            for piece in feed:
                pipe.write(piece)
    except BrokenPipeError:  # it refused; what it said is judged
        return


def _status(name: str) -> int:
    """Bytes. Not of getrusage, which remembers the process that this one was before its program began."""
    (line,) = (line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(f"{name}:"))
    return int(line.split()[1]) * 1024


def _main() -> None:
    limit, told = int(sys.argv[1]), Path(sys.argv[2])
    from novacron.roles import processor

    processor.prepare()
    import novacron.ml.service.pipeline
    import novacron.ml.service.sources.opened  # noqa: F401 - they take memory of which they use a part only
    from novacron.__main__ import main

    most = _status("VmData") + limit - _status("VmRSS")
    resource.setrlimit(resource.RLIMIT_DATA, (most, most))
    atexit.register(lambda: told.write_text(str(_status("VmHWM"))))
    main(sys.argv[3:], prog_name="novacron")


if __name__ == "__main__":
    _main()
