"""Lines that say what is going on, for people who wait; they go to stderr, plain, with the seconds since the start."""

from __future__ import annotations

import sys
import time

_started = time.monotonic()


def say(text: str) -> None:
    sys.stderr.write(f"[{time.monotonic() - _started:6.1f} s] {text}\n")
    sys.stderr.flush()
