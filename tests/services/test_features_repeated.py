"""A day of feature jobs in one process, in some seconds: it ends with the memory with which it began."""

from __future__ import annotations

import json
import subprocess
import sys

_JOBS = 500
_SEEN = 10
"""Jobs after which each kind was there once."""


def test_five_hundred_jobs_leave_nothing_behind() -> None:
    command = [sys.executable, "-m", "tests.support.repeated", str(_JOBS)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    after = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(after) == _JOBS
    assert after[-1]["open"] == after[_SEEN - 1]["open"]
    early, late = after[_SEEN - 1]["resident"], after[-1]["resident"]
    assert abs(late - early) <= 0.05 * early, [one["resident"] // 1000 for one in after[:: _JOBS // 20]]
