"""What the routes of auth work with, in one place, and what all of them ask of it."""

from __future__ import annotations

import math
from dataclasses import dataclass

from starlette.requests import Request

from novacron.auth.domain.client import Clients
from novacron.auth.domain.session import SessionRules
from novacron.auth.service import audit, identity
from novacron.auth.service.audit import Audit, Event
from novacron.auth.service.counts import Counts
from novacron.auth.service.failures import FailedLogins
from novacron.auth.service.issuing import Issuer
from novacron.auth.service.passwords import Passwords
from novacron.auth.service.shared_limiter import SharedLimiter
from novacron.auth.service.store.database import Database
from novacron.workload.service.answers import Refusal

LOGINS = "logins"
"""The shared limit of everything that a client proves itself at: login, refresh, password, token, revocation."""


@dataclass(frozen=True, slots=True)
class Authority:
    """Args:
    refresh_seconds: life of a refresh token, at most that of its session.
    """

    database: Database
    passwords: Passwords
    issuer: Issuer
    rules: SessionRules
    refresh_seconds: int
    failures: FailedLogins
    limits: SharedLimiter
    clients: Clients
    audit: Audit
    counts: Counts

    def network(self, request: Request) -> str:
        return identity.network_of(request, self.clients)

    async def admitted(self, request: Request) -> str:
        """The client's network, once it may try again to prove who it is. Raises ``Refusal``."""
        network = self.network(request)
        verdict = await self.limits.check(LOGINS, network)
        if not verdict.allowed:
            event = Event(audit.RATE_LIMIT_EXCEEDED, LOGINS, network, request_id=request_id(request))
            self.audit.refused(event)
            raise too_early("Too many logins from this network", verdict.retry_after)
        return network


def too_early(problem: str, seconds: float) -> Refusal:
    """429 (RFC 6585, 4) with the whole seconds to wait."""
    wait = max(1, math.ceil(seconds))
    return Refusal(429, f"{problem}; try again in {wait} s.", {"Retry-After": str(wait)})


def request_id(request: Request) -> str:
    found: str = request.state.request_id
    return found
