"""HTTP/1.1 on one connection: uvicorn's protocol, with bounds for what comes before a request has been read.

uvicorn itself waits for ever for a client that sends its headers slowly, and holds as many of them as it sends. It also
takes what stands behind a body in chunks (RFC 9112, 7.1.2) for headers, and holds that without a bound, too.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import uvicorn
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from novacron.workload.service import problem
from novacron.workload.service.settings import Limits

_HEADER_BYTES = 4
"""Of each header besides its name and value: the colon, a blank, the end of its line."""


class _HeadTooLarge(Exception):
    """Ends the parsing of a request."""


class ListenerConfig(uvicorn.Config):
    """uvicorn's settings and ours.

    Args:
        refused: told the status of each request that is refused before an application sees it.
    """

    def __init__(self, app: Any, limits: Limits, refused: Callable[[int], None], **options: Any) -> None:
        super().__init__(
            app,
            http=BoundedProtocol,
            ws="none",
            lifespan="off",
            loop="uvloop",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_keep_alive=limits.idle_seconds,
            **options,
        )
        self.limits = limits
        self.refused = refused


class BoundedProtocol(HttpToolsProtocol):
    """One connection."""

    config: ListenerConfig

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._limits = self.config.limits
        self._in_head = True
        self._begun = False
        self._head_bytes = 0
        self._header_bytes = 0
        """Of the headers that are complete."""
        self._idle_bytes = 0
        """Since the head, or a piece of the body: what announces chunks, and what stands behind the last one."""
        self._head_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._arm()

    def connection_lost(self, exc: Exception | None) -> None:
        self._disarm()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._in_head:
            self._head_bytes += len(data)
        else:
            self._idle_bytes += len(data)
        super().data_received(data)
        if (last := self._last) is not None and last.response_complete:
            self._arm()  # the rest of a body that was answered already: uvicorn waits for ever for what follows it
        if max(self._head_bytes if self._in_head else 0, self._idle_bytes) > self._limits.head_bytes:
            self._refuse_too_large()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._begun = True
        self._header_bytes = 0
        self._arm()

    def on_header(self, name: bytes, value: bytes) -> None:
        """A trailer is dropped: one may not pass for a header, which a proxy before us sets (RFC 9110, 6.5.1)."""
        if not self._in_head:
            return
        super().on_header(name, value)
        self._header_bytes += len(name) + len(value) + _HEADER_BYTES
        if self._header_bytes > self._limits.head_bytes:
            raise _HeadTooLarge

    def on_headers_complete(self) -> None:
        self._in_head = self._begun = False
        self._idle_bytes = 0
        self._disarm()
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        super().on_body(body)
        self._idle_bytes = 0

    def on_message_complete(self) -> None:
        super().on_message_complete()
        self._in_head, self._head_bytes, self._idle_bytes = True, 0, 0

    def send_400_response(self, msg: str) -> None:
        """Called by uvicorn for whatever its parser refuses."""
        too_large = self._in_head and self._head_bytes > self._limits.head_bytes
        self._refuse(431 if too_large else 400)

    def _arm(self) -> None:
        if self._head_timer is None:
            self._head_timer = self.loop.call_later(self._limits.head_seconds, self._too_slow)

    def _disarm(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _too_slow(self) -> None:
        """Silent where not a byte has come: that is a connection opened ahead of need, and no request."""
        if self.transport.is_closing():
            return
        if self._begun:
            self._refuse(408)
        else:
            self.transport.close()

    def _refuse_too_large(self) -> None:
        if not self.transport.is_closing():
            self._refuse(431)

    @property
    def _last(self) -> RequestResponseCycle | None:
        """The last request that began, which uvicorn's type has be there always."""
        return self.cycle

    @property
    def _answering(self) -> bool:
        """Whether an answer is under way, or was given to a request whose body still comes."""
        last = self._last
        return last is not None and last.response_started and not (self._in_head and last.response_complete)

    def _refuse(self, status: int) -> None:
        if self._answering:  # half an answer is one that broke off; this one would stand in the middle of it
            self.transport.close()
            return
        self.config.refused(status)
        body = problem.document(status)
        headers = [
            *self.server_state.default_headers,
            (b"content-type", problem.MEDIA_TYPE.encode("ascii")),
            (b"content-length", str(len(body)).encode("ascii")),
            (b"connection", b"close"),
        ]
        lines = b"".join(name + b": " + value + b"\r\n" for name, value in headers)
        self.transport.write(STATUS_LINE[status] + lines + b"\r\n" + body)
        self.transport.close()
