"""How many jobs a process runs at once: as many as its memory and its disk are enough for."""

from __future__ import annotations

JOB_BYTES = 32_000_000
"""Of memory: what a job takes (docs/decisions/0034), twice."""
JOB_DISK = 1_000_000_000
"""What each of them should have at least, where there is so much."""
MOST = 8
"""Jobs share one interpreter: more of them end no sooner, and a client that is slow needs a place all the same."""


def places(memory: int, disk: int) -> int:
    """At least one: that a single job finds too little is for the job to say.

    Args:
        memory: bytes beyond what the process has without jobs.
        disk: bytes for what does not fit into memory.
    """
    return max(1, min(MOST, memory // JOB_BYTES, disk // JOB_DISK))
