"""Real packets between the namespaces of a box, hundreds at once: which of them arrive?

What is dropped never answers, and waiting for it would take seconds. So when all were sent, the node (which no policy
keeps out) connects to every end: packets of one link keep their order, so whatever passes has arrived by then.
"""

from __future__ import annotations

import contextlib
import os
import select
import socket
import struct
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import TracebackType

from tests.support.netpol.box import Box, Namespace

_SCTP = 132
_SENTINEL = 7
"""Port that every end listens at for the node."""
_FIRST_SOURCE_PORT = 20000
_QUIET = 0.02
"""Seconds without an event, after the node's connections, that end the wait."""
_RESET = struct.pack("ii", 1, 0)


@dataclass(frozen=True, slots=True)
class Attempt:
    """A connection or datagram: from an address, to an address and port."""

    source: str
    destination: str
    protocol: str
    port: int


@dataclass(slots=True)
class Exchange:
    """Listens at every end of a box, on some ports, in all protocols."""

    box: Box
    ports: Sequence[int]
    _ends: Mapping[str, Namespace] = field(default_factory=dict)
    _streams: list[socket.socket] = field(default_factory=list)
    _datagrams: list[socket.socket] = field(default_factory=list)
    _raw: list[socket.socket] = field(default_factory=list)

    def __enter__(self) -> Exchange:
        for address in self.box.namespaces():
            self.listen(address)
        return self

    def listen(self, address: str) -> None:
        self._ends = self.box.namespaces()
        with self._ends[address].entered():
            for port in (*self.ports, _SENTINEL):
                stream = socket.create_server((address, port), backlog=1024)
                stream.setblocking(False)
                self._streams.append(stream)
            for port in self.ports:
                datagram = socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
                datagram.bind((address, port))
                self._datagrams.append(datagram)
            # most kernels lack SCTP itself; what nftables judges are its packets, and those can be sent anywhere
            raw = socket.socket(socket.AF_INET, socket.SOCK_RAW | socket.SOCK_NONBLOCK, _SCTP)
            raw.bind((address, 0))
            self._raw.append(raw)

    def passed(self, attempts: Iterable[Attempt]) -> set[Attempt]:
        """Those that arrive; of TCP, those that connect."""
        wanted = dict(enumerate(dict.fromkeys(attempts), start=_FIRST_SOURCE_PORT))
        by_source: dict[str, list[tuple[int, Attempt]]] = defaultdict(list)
        for number, attempt in wanted.items():
            by_source[attempt.source].append((number, attempt))
        with _one_processor(), contextlib.ExitStack() as sockets:
            pending: dict[int, tuple[socket.socket, Attempt]] = {}
            for source, numbered in by_source.items():
                with self._ends[source].entered():
                    for number, attempt in numbered:
                        stream = sockets.enter_context(self._sent(number, attempt))
                        if attempt.protocol == "TCP":
                            pending[stream.fileno()] = stream, attempt
            self._flush()
            connected = set(_connected(pending))
            return connected.union(self._arrived(wanted))

    def _sent(self, number: int, attempt: Attempt) -> socket.socket:
        target = attempt.destination, attempt.port
        if attempt.protocol == "TCP":
            made = socket.socket(socket.AF_INET, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
            made.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            made.bind((attempt.source, 0))
            with contextlib.suppress(BlockingIOError):
                made.connect(target)
            return made
        if attempt.protocol == "UDP":
            made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
            made.bind((attempt.source, 0))
            made.sendto(number.to_bytes(4), target)
            return made
        made = socket.socket(socket.AF_INET, socket.SOCK_RAW | socket.SOCK_NONBLOCK, _SCTP)
        made.bind((attempt.source, 0))
        made.sendto(_sctp_init(number, attempt.port), (attempt.destination, 0))
        return made

    def _flush(self) -> None:
        with self.box.node.entered():
            for address in self._ends:
                with socket.create_connection((address, _SENTINEL), timeout=2):
                    pass

    def _arrived(self, wanted: Mapping[int, Attempt]) -> Iterator[Attempt]:
        for stream in self._streams:
            with contextlib.suppress(BlockingIOError):
                while True:
                    stream.accept()[0].close()
        for content in _received(self._datagrams):
            yield wanted[int.from_bytes(content)]
        for packet in _received(self._raw):
            (number,) = struct.unpack_from("!H", packet, (packet[0] & 15) * 4)  # behind the IP header
            yield wanted[number]

    def __exit__(self, _kind: type[BaseException] | None, _error: object, _trace: TracebackType | None) -> None:
        for made in (*self._streams, *self._datagrams, *self._raw):
            made.close()


@contextlib.contextmanager
def _one_processor() -> Iterator[None]:
    """Packets that two processors take through the kernel may overtake each other."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(before)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def _connected(pending: Mapping[int, tuple[socket.socket, Attempt]]) -> Iterator[Attempt]:
    poll = select.poll()
    for number in pending:
        poll.register(number, select.POLLOUT)
    while events := poll.poll(_QUIET * 1000):
        for number, _ in events:
            poll.unregister(number)
            stream, attempt = pending[number]
            if stream.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0:
                yield attempt


def _received(sockets: Iterable[socket.socket]) -> Iterator[bytes]:
    for made in sockets:
        with contextlib.suppress(BlockingIOError):
            while True:
                yield made.recv(256)


def _sctp_init(source_port: int, port: int) -> bytes:
    """What opens an association; the checksum is left out, nobody here looks at it."""
    chunk = struct.pack("!BBHIIHHI", 1, 0, 20, 1, 65536, 1, 1, 1)
    return struct.pack("!HHII", source_port, port, 0, 0) + chunk
