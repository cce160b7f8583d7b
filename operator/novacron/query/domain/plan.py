"""How a dashboard is computed. The answer is the same; which way is quicker depends on how many are asked for."""

from __future__ import annotations

from typing import Literal

Plan = Literal["rollup", "lateral"]
"""rollup: what the ingest has added up for all virtual machines is read once; lateral: the samples of each one that is
asked for are read."""
FEWEST = 4
"""One in so many, and reading what was added up for all of them is the quicker way (docs/decisions/0023)."""


def chosen(selected: int, every: int) -> Plan:
    """Args:
    selected: virtual machines that are asked for.
    every: virtual machines that there are.
    """
    return "rollup" if selected * FEWEST >= every else "lateral"
