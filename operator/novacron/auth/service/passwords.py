"""Password hashes: argon2id in threads of their own, few and niced, with a short queue. Never on the event loop.

OWASP's parameters for a memory of 19 MiB. A hash takes some 30 ms of one core; with more threads than cores the event
loop would starve, with a long queue clients would wait for answers they have given up.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from argon2 import PasswordHasher, Type
from argon2.exceptions import InvalidHashError, VerificationError

from novacron.core.errors import NovaCronError

RETRY_SECONDS = 1
_MEMORY_KIB = 19 * 1024
_PASSES = 2
_LANES = 1
_NICE = 10
_WAITING_PER_THREAD = 16
"""About half a second of work."""

_CPU_MAX = Path("/sys/fs/cgroup/cpu.max")

R = TypeVar("R")


class Busy(NovaCronError):
    """More passwords wait to be checked than can be checked soon: a 503 with ``Retry-After``."""

    def __init__(self) -> None:
        super().__init__("too many logins at once; try again in a second, and raise auth's replicas if it stays so")


@dataclass(frozen=True, slots=True)
class Verified:
    """Args:
    right: whether the password is the one.
    outdated: whether its hash has other parameters than new ones get.
    """

    right: bool
    outdated: bool = False


class Passwords:
    """Hashes and verifies.

    Args:
        threads: as many as this process has cores to itself, at least one.
        checked: called for each password that is verified.
    """

    def __init__(self, threads: int, checked: Callable[[], None]) -> None:
        self._checked = checked
        self._hasher = PasswordHasher(_PASSES, _MEMORY_KIB, _LANES, type=Type.ID)
        self._pool = ThreadPoolExecutor(threads, "password", initializer=_step_back)
        self._places = threading.BoundedSemaphore(threads * (1 + _WAITING_PER_THREAD))
        self._nobody = self._hasher.hash(secrets.token_urlsafe())
        """What a password is verified against where there is no such person, so that it takes as long."""

    async def hashed(self, password: str) -> str:
        """Raises ``Busy``."""
        return await self._run(lambda: self._hasher.hash(password))

    async def verified(self, stored: str | None, password: str) -> Verified:
        """Whether a password is the one of a stored hash. Raises ``Busy``.

        Args:
            stored: None: there is nobody of that name; the same work is done, and it is wrong.
        """
        self._checked()
        right = await self._run(lambda: self._verify(stored or self._nobody, password))
        if stored is None or not right:
            return Verified(False)
        return Verified(True, self._hasher.check_needs_rehash(stored))

    async def run(self) -> None:
        """Until cancelled; then what has not begun never will."""
        try:
            await asyncio.Event().wait()
        finally:
            self._pool.shutdown(wait=False, cancel_futures=True)

    def _verify(self, stored: str, password: str) -> bool:
        try:
            return self._hasher.verify(stored, password)
        except (VerificationError, InvalidHashError):
            return False

    async def _run(self, work: Callable[[], R]) -> R:
        """A caller who goes away makes room only when the work has ended, or if it never began."""
        if not self._places.acquire(blocking=False):
            raise Busy
        running = self._pool.submit(work)
        running.add_done_callback(lambda _: self._places.release())
        return await asyncio.wrap_future(running)


def cores() -> int:
    """Cores for this process alone: what the scheduler lets it use, and the quota of its cgroup (v2); at least one."""
    allowed = len(os.sched_getaffinity(0))
    try:
        quota, period = _CPU_MAX.read_text().split()
        return max(1, min(allowed, int(quota) // int(period)))
    except (OSError, ValueError):  # no cgroup v2 here, or "max"
        return allowed


def _step_back() -> None:
    """Linux gives every thread a niceness of its own."""
    os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICE)
