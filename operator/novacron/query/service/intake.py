"""Large bodies, and how much of them the process holds at once: many clients must not fill its memory."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.requests import Request

from novacron.workload.service import answers, outages
from novacron.workload.service.answers import Refusal

_RETRY = {"Retry-After": str(outages.RETRY_SECONDS), "Connection": "close"}


class Intake:
    """Counts bytes that came, not those that are announced: a client that sends nothing takes nobody's place.

    Args:
        most: bytes of all bodies together.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._held = 0

    @asynccontextmanager
    async def body(self, request: Request, largest: int) -> AsyncIterator[bytearray]:
        """A body of JSON, which counts as held until the block ends. Raises ``Refusal``.

        Args:
            largest: bytes of this one.
        """
        found = bytearray()
        try:
            async for piece in answers.pieces(request, largest):
                found += piece
                self._held += len(piece)
                if self._held > self._most:
                    raise Refusal(503, "Too much is being sent at once; try again later.", _RETRY)
            yield found
        finally:
            self._held -= len(found)
