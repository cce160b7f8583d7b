"""Large bodies, and how much of them the process holds at once: many clients must not fill its memory."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.requests import Request

from novacron.workload.service import answers, outages
from novacron.workload.service.answers import Refusal

_RETRY = {"Retry-After": str(outages.RETRY_SECONDS), "Connection": "close"}


class Intake:
    """Counts bytes that came, not those that are announced: a client that sends nothing takes nobody's place.

    Args:
        most: bytes of all bodies together. Those of one organization have half of it: whoever begins bodies and does
            not end them shuts out nobody but his own.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._held: Counter[str | None] = Counter()

    @asynccontextmanager
    async def body(self, request: Request, largest: int, organization: str | None) -> AsyncIterator[bytearray]:
        """A body of JSON, which counts as held until the block ends. Raises ``Refusal``.

        Args:
            largest: bytes of this one.
            organization: that sends it.
        """
        found = bytearray()
        try:
            async for piece in answers.pieces(request, largest):
                found += piece
                self._held[organization] += len(piece)
                if self._held[organization] > self._most // 2 or self._held.total() > self._most:
                    raise Refusal(503, "Too much is being sent at once; try again later.", _RETRY)
            yield found
        finally:
            self._held[organization] -= len(found)
            if not self._held[organization]:
                del self._held[organization]
