"""What a virtual machine may be. The table `query.vms` has the same bounds. Pure."""

from __future__ import annotations

from typing import Literal, get_args

Status = Literal["pending", "creating", "running", "paused", "stopped", "migrating", "error"]
STATUSES: tuple[Status, ...] = get_args(Status)

NAME_LONGEST = 255
"""Characters."""
CORES_MOST = 65_536
MEMORY_MOST = (1 << 31) - 1
"""MB."""


class InvalidName(ValueError):
    """The text says why and what to do, and holds no part of the name."""


def name(text: str) -> str:
    """A name as it is stored: as it was given. Raises ``InvalidName``."""
    if not 1 <= len(text) <= NAME_LONGEST:
        raise InvalidName(f"must have 1 to {NAME_LONGEST} characters")
    if not text.isprintable():  # PostgreSQL takes no NUL, UTF-8 no lone surrogate, and a reader sees none of them
        raise InvalidName("must not hold control characters or others that nobody sees; leave them out")
    if text != text.strip():
        raise InvalidName("must not begin or end with a blank; leave it out")
    return text
