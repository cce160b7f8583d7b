"""Requests over kept connections, and what each of them took: as fast as they are answered, or at a steady rate."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

_HEAD_END = b"\r\n\r\n"


@dataclass(frozen=True, slots=True)
class Run:
    """What came of it.

    Args:
        latencies: seconds of each request, sorted.
        seconds: wall time of all.
    """

    latencies: Sequence[float]
    seconds: float

    @property
    def rate(self) -> float:
        """Requests a second."""
        return len(self.latencies) / self.seconds

    def quantile(self, share: float) -> float:
        """Seconds that this share of the requests did not exceed."""
        return self.latencies[min(len(self.latencies) - 1, int(share * len(self.latencies)))]


def get(path: str, token: str) -> bytes:
    """A request."""
    return f"GET {path} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {token}\r\n\r\n".encode()


def post(path: str, document: bytes, token: str = "") -> bytes:
    """A request with JSON."""
    lines = [f"POST {path} HTTP/1.1", "Host: a", "Content-Type: application/json", f"Content-Length: {len(document)}"]
    if token:
        lines.append(f"Authorization: Bearer {token}")
    return "\r\n".join([*lines, "", ""]).encode() + document


async def asked(port: int, requests: Sequence[bytes], connections: int = 8) -> Run:
    """All of them, shared among connections; raises ``RuntimeError`` at an answer other than 200."""
    waiting = iter(requests)
    took: list[float] = []
    started = time.perf_counter()
    await asyncio.gather(*(_line(port, waiting, took) for _ in range(connections)))
    return Run(sorted(took), time.perf_counter() - started)


async def _line(port: int, requests: Iterator[bytes], took: list[float]) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for request in requests:
        began = time.perf_counter()
        await _exchange(reader, writer, request)
        took.append(time.perf_counter() - began)
    writer.close()


async def paced(port: int, requests: Sequence[bytes], rate: float, connections: int = 8) -> Run:
    """All of them at ``rate`` a second. A request's time counts from when it was due: one that had to wait for a
    connection, because those before it were slow, was slow itself.
    """
    took: list[float] = []
    started = time.perf_counter() + 0.1
    due = [started + number / rate for number in range(len(requests))]

    async def line(first: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for number in range(first, len(requests), connections):
            await asyncio.sleep(due[number] - time.perf_counter())
            await _exchange(reader, writer, requests[number])
            took.append(time.perf_counter() - due[number])
        writer.close()

    await asyncio.gather(*(line(first) for first in range(connections)))
    return Run(sorted(took), time.perf_counter() - started)


async def _exchange(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes) -> None:
    writer.write(request)
    head = await reader.readuntil(_HEAD_END)
    length = next(int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
    await reader.readexactly(length)
    if not head.startswith(b"HTTP/1.1 200"):
        raise RuntimeError(f"the answer is {head[:12].decode()}")
