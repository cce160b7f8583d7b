"""Virtual machines, as far as everything that shows them agrees."""

from __future__ import annotations

from typing import Literal

Status = Literal["pending", "creating", "running", "paused", "stopped", "migrating", "error"]
"""Of a virtual machine; the table query.vms takes these alone."""
