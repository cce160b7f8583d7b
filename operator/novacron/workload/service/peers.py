"""Other workloads as dependencies. Never required: an outage of one must not take its callers from their users."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

from novacron.adapters.neighbour import Reachable
from novacron.core.dependencies import Finding, Unusable
from novacron.workload.service import findings


class Peer:
    """One workload, on each port that it is called on.

    Args:
        addresses: port's name -> URL.
    """

    required, secret = False, ""

    def __init__(self, name: str, addresses: Mapping[str, str], answers: Reachable) -> None:
        self.name = name
        self._addresses = addresses
        self._answers = answers

    def changed(self) -> bool:
        return False

    async def check(self) -> Finding:
        for url in self._addresses.values():
            try:
                await self._answers(url)
            except Unusable as error:
                return findings.refused(self.name, error, where=urlsplit(url).netloc, required=False)
        return findings.reached(self.name, required=False)

    async def close(self) -> None:
        return None
