"""Documents that a client may keep and ask for again: entity tags (RFC 9110, 8.8.3), 304, and gzip where it is taken.

A document may be answered many times, so its tag and its compressed form are made once, and not on the event loop.
"""

from __future__ import annotations

import asyncio
import gzip
import hashlib
from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import Response

from novacron.workload.service.answers import JSON

_KEPT = {"Cache-Control": "private, no-cache", "Vary": "Accept-Encoding, Authorization"}
"""A client's own cache may hold it, and asks each time whether it still stands."""
_LEAST = 1 << 10
"""Bytes from which on compression pays."""
_LEVEL = 1
"""JSON of numbers: level 6 takes four times as long for a tenth less."""
_SAFE = ("GET", "HEAD")
"""To others If-None-Match says something else."""
_TAG_CHARACTERS = 32


class Representation:
    """JSON, written already.

    Args:
        content: of the body.
    """

    def __init__(self, content: bytes) -> None:
        self.content = content
        self.tag = f'W/"{hashlib.sha256(content).hexdigest()[:_TAG_CHARACTERS]}"'
        """Weak: the same for both encodings."""
        self._compressed: bytes | None = None

    @property
    def size(self) -> int:
        """Bytes that it holds."""
        return len(self.content) + len(self._compressed or b"")

    async def answer(self, request: Request, headers: Mapping[str, str] | None = None) -> Response:
        """200, or 304 to a GET of a client that has it already (RFC 9110, 13.1.2)."""
        given = _KEPT | {"ETag": self.tag} | dict(headers or {})
        if request.method in _SAFE and _holds(request.headers.get("if-none-match", ""), self.tag):
            return Response(status_code=304, headers=given)
        if len(self.content) < _LEAST or not _takes_gzip(request.headers.get("accept-encoding", "")):
            return Response(self.content, headers=given, media_type=JSON)
        if self._compressed is None:
            self._compressed = await asyncio.to_thread(gzip.compress, self.content, _LEVEL, mtime=0)
        return Response(self._compressed, headers=given | {"Content-Encoding": "gzip"}, media_type=JSON)


def _holds(if_none_match: str, tag: str) -> bool:
    """Weak comparison (RFC 9110, 8.8.3.2)."""
    opaque = tag.removeprefix("W/")
    given = [one.strip().removeprefix("W/") for one in if_none_match.split(",")]
    return "*" in given or opaque in given


def _takes_gzip(accept_encoding: str) -> bool:
    """RFC 9110, 12.5.3: named, or covered by *, with a weight above 0."""
    weights: dict[str, float] = {}
    for one in accept_encoding.lower().split(","):
        coding, _, parameter = one.partition(";")
        name, _, value = parameter.strip().partition("=")
        try:
            weights[coding.strip()] = float(value) if name == "q" else 1.0
        except ValueError:
            weights[coding.strip()] = 0.0
    return weights.get("gzip", weights.get("*", 0.0)) > 0
