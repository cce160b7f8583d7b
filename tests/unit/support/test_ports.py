from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor

from tests.support import ports


def test_threads_get_ports_at_once_and_none_twice() -> None:
    """As the scenarios of tests/live do."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(8) as threads:
            given = [port for pair in threads.map(ports.free_ports, [2] * 100) for port in pair]
    finally:
        sys.setswitchinterval(before)
    assert len(set(given)) == 200
