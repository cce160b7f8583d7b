"""Requests over kept connections, as fast as they are answered, and what each of them took."""

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


async def asked(port: int, path: str, tokens: Sequence[str], connections: int = 8) -> Run:
    """One GET for each token, shared among connections; raises ``RuntimeError`` at an answer other than 200."""
    requests = iter(
        f"GET {path} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {token}\r\n\r\n".encode() for token in tokens
    )
    took: list[float] = []
    started = time.perf_counter()
    await asyncio.gather(*(_line(port, requests, took) for _ in range(connections)))
    return Run(sorted(took), time.perf_counter() - started)


async def _line(port: int, requests: Iterator[bytes], took: list[float]) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for request in requests:
        began = time.perf_counter()
        writer.write(request)
        head = await reader.readuntil(_HEAD_END)
        length = next(int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
        await reader.readexactly(length)
        took.append(time.perf_counter() - began)
        if not head.startswith(b"HTTP/1.1 200"):
            raise RuntimeError(f"the answer is {head[:12].decode()}")
    writer.close()
