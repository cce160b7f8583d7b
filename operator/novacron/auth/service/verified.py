"""Access tokens that were verified a moment ago, so that a client's next request costs a hash and not a signature."""

from __future__ import annotations

import hashlib
from typing import Protocol

from novacron.auth.domain.claims import Claims
from novacron.auth.domain.jws import MAX_TOKEN
from novacron.auth.service.standing import Unavailable
from novacron.auth.service.wall_metrics import WallMetrics

MOST = 10_000
"""Tokens: 20 MB."""
_SECONDS = 60.0


class Judge(Protocol):
    """Judges a token by itself."""

    def validate(self, token: bytes, now: float) -> Claims:
        """Raises ``TokenRefused``."""


class VerifiedTokens:
    """A judge that remembers whom it let pass, never whom it did not.

    What is remembered holds from the moment it was found until the token expires, becomes too old, or a minute has
    passed; before and after that it is judged anew, so a clock that is set back opens nothing. Revocations are no
    matter of a token by itself: they are looked at each time.

    Args:
        max_age: seconds after its iat for which a token is accepted.
        most: tokens that are remembered; the one found longest ago goes first.
    """

    def __init__(self, max_age: float, metrics: WallMetrics, most: int = MOST) -> None:
        self._max_age = max_age
        self._metrics = metrics
        self._most = most
        self._judge: Judge | None = None
        self._known: dict[bytes, tuple[Claims, float, float]] = {}
        """SHA-256 of the token -> claims, from when, until when."""

    def __len__(self) -> int:
        return len(self._known)

    def adopt(self, judge: Judge | None) -> None:
        """Other keys: whatever the ones before vouched for is judged anew. None: there are no keys."""
        self._judge = judge
        self._known.clear()

    def validate(self, token: bytes, now: float) -> Claims:
        """Raises ``TokenRefused``, and ``Unavailable`` without keys."""
        if self._judge is None:
            raise Unavailable("no_keys", "There are no keys yet to judge tokens by.")
        if len(token) > MAX_TOKEN:  # refused by its length alone, and not worth a hash
            return self._judge.validate(token, now)
        key = hashlib.sha256(token).digest()
        found = self._known.get(key)
        if found is not None and found[1] <= now < found[2]:
            self._metrics.cache_hits.inc()
            return found[0]
        self._metrics.cache_misses.inc()
        claims = self._judge.validate(token, now)
        self._known.pop(key, None)
        if len(self._known) >= self._most:
            del self._known[next(iter(self._known))]
        self._known[key] = (claims, now, min(now + _SECONDS, claims.expires, claims.issued + self._max_age))
        return claims
