"""TCP ports of loopback for servers that are about to start.

Not those that the system gives out itself: until the server binds its port, an outgoing connection may take it, and
test processes side by side make thousands of these.
"""

from __future__ import annotations

import itertools
import os
import random
import socket
import threading
from collections.abc import Iterator

_FIRST, _PLACES, _EACH = 12_000, 8, 2_000
"""Below both the usual ephemeral ports and Kubernetes' node ports; a range for each process of a test run."""
_ALONE = _PLACES - 1


def free_ports(count: int) -> tuple[int, ...]:
    """So many that nobody listens on, and that this process has not given out for a long time."""
    with _ONE_AT_A_TIME:  # scenarios run in threads, and a generator serves one
        return tuple(itertools.islice(_FREE, count))


def free_port() -> int:
    """One of them."""
    return free_ports(1)[0]


def _free() -> Iterator[int]:
    worker = os.environ.get("PYTEST_XDIST_WORKER", f"gw{_ALONE}")
    begin = _FIRST + int(worker.removeprefix("gw")) % _PLACES * _EACH
    offset = random.randrange(_EACH)  # another run may be at work beside this one
    for number in itertools.count(offset):
        port = begin + number % _EACH
        if _unused(port):
            yield port


def _unused(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # what has only just closed is free
        try:
            probe.bind(("", port))
        except OSError:
            return False
        return True


_FREE = _free()
_ONE_AT_A_TIME = threading.Lock()
