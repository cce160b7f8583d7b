"""The ports of a process: bound before anything else happens, served by uvicorn, closed in order."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import socket
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import uvicorn

from novacron.core.errors import NovaCronError
from novacron.workload.service.protocol import ListenerConfig
from novacron.workload.service.settings import Limits

_BACKLOG = 1024


class PortTaken(NovaCronError):
    """A port cannot be opened; the text names it and the remedy."""


def bound(ports: Mapping[str, int], address: str) -> dict[str, socket.socket]:
    """Sockets by name of port; all are open or none is.

    Args:
        address: one of this machine's; empty: all, IPv4 and IPv6.
    """
    with contextlib.ExitStack() as opened:
        found = {name: opened.enter_context(_bound(name, port, address)) for name, port in ports.items()}
        opened.pop_all()
        return found


def _bound(name: str, port: int, address: str) -> socket.socket:
    dual = not address and socket.has_dualstack_ipv6()
    family = socket.AF_INET6 if dual or ":" in address else socket.AF_INET
    try:
        return socket.create_server((address, port), family=family, backlog=_BACKLOG, dualstack_ipv6=dual)
    except OSError as error:
        if error.errno in (errno.EADDRNOTAVAIL, None) or isinstance(error, socket.gaierror):
            remedy = "name an address of this machine with --bind-address"
            raise PortTaken(f"{address}: {os.strerror(errno.EADDRNOTAVAIL)}; {remedy}") from None
        problem = os.strerror(error.errno)
        raise PortTaken(f"settings.json: ports.{name}: {port}: {problem}; choose another port") from None


class Listener(uvicorn.Server):
    """One port. Ends when it is told to; signals are the shell's."""

    def __init__(self, app: Any, opened: socket.socket, limits: Limits, refused: Callable[[int], None]) -> None:
        super().__init__(ListenerConfig(app, limits, refused))
        # accepted connections inherit it. Even closed, one whose client takes nothing of its answer would stay for ever
        if hasattr(socket, "TCP_USER_TIMEOUT"):  # Linux
            opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(limits.request_seconds * 1000))
        self._socket = opened
        self._task: asyncio.Task[None] | None = None

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    def start(self) -> None:
        self._task = asyncio.create_task(self.serve([self._socket]), name=f"port {self._socket.getsockname()[1]}")

    @property
    def running(self) -> int:
        """Requests that have begun and not ended."""
        return len(self.server_state.tasks)

    async def end(self, seconds: float) -> None:
        """Accepts nothing any more, closes idle connections, lets what runs finish, and cancels what does not."""
        self.config.timeout_graceful_shutdown = max(1, int(seconds))
        self.should_exit = True
        if self._task is not None:
            await self._task
