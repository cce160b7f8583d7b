"""What the wall counts. Labels never hold a user, an id, an address or a raw path.

Children that a request touches are bound once: a look-up by labels costs five times the increment.
"""

from __future__ import annotations

import functools
from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge

REASONS: dict[str, str] = {
    "rate_limited": "Too many requests from one network: 429.",
    "missing_token": "No Authorization: 401.",
    "invalid_format": "Another scheme: 401; an empty or doubled Authorization: 400.",
    "token_invalid": "The access token is refused: 401; novacron_auth_token_refusals_total says why.",
    "user_not_found": "Nobody of that id: 401. Only auth itself looks people up.",
    "user_inactive": "The person or service account was deactivated: 403.",
    "not_permitted": "The role or the scopes do not allow it: 403.",
    "session_invalid": "The session has ended, was rotated further, or the token was revoked: 401.",
    "unavailable": "It cannot be judged now: no keys, or the revocations are too old: 503.",
}
"""Reason -> what it means."""


class WallMetrics:
    """Of one process."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._accepted = Counter(
            "novacron_auth_accepted", "Requests that passed the wall, by route template.", ["route"], registry=registry
        )
        refused = Counter(
            "novacron_auth_refused", "Requests that the wall refused, by reason.", ["reason"], registry=registry
        )
        self._refused = {reason: refused.labels(reason) for reason in REASONS}
        self._token_refusals = Counter(
            "novacron_auth_token_refusals", "Access tokens refused, by code.", ["code"], registry=registry
        )
        looked_up = Counter(
            "novacron_auth_verified_cache",
            "Access tokens looked up among the verified ones: hit, or miss and verified anew.",
            ["result"],
            registry=registry,
        )
        self.cache_hits, self.cache_misses = looked_up.labels("hit"), looked_up.labels("miss")
        self._limited = Counter(
            "novacron_auth_limit_refusals", "What a limit refused, by limit.", ["limit"], registry=registry
        )
        self.shared_limit_fallback = Counter(
            "novacron_auth_shared_limit_fallback",
            "Checks of a shared limit that this pod answered alone, because Redis did not.",
            registry=registry,
        )
        self._polls = Counter(
            "novacron_auth_feed_polls", "Looks at auth's revocation feed, by outcome.", ["outcome"], registry=registry
        )
        self._feed_age = Gauge(
            "novacron_auth_feed_age_seconds",
            "Age of what is known of revocations; above 10 protected routes answer 503.",
            registry=registry,
        )
        self._revocations = Gauge(
            "novacron_auth_revocations", "Revocations that concern a living token.", registry=registry
        )
        self.activity_lost = Counter(
            "novacron_auth_activity_lost", "Reports of a session's activity that did not reach auth.", registry=registry
        )
        self.rotations_failed = Counter(
            "novacron_auth_rotations_failed",
            "Sessions that were due for rotation and could not be; their requests went on.",
            registry=registry,
        )

    def accepted(self, route: str) -> None:
        self._bound(route).inc()

    def refused(self, reason: str) -> None:
        self._refused[reason].inc()

    def token_refused(self, code: str) -> None:
        self._code(code).inc()

    def limited(self, limit: str) -> None:
        self._limited.labels(limit).inc()

    def polled(self, outcome: str) -> None:
        """Args:
        outcome: ok or failed.
        """
        self._polls.labels(outcome).inc()

    def show_feed(self, age: Callable[[], float], items: Callable[[], int]) -> None:
        """Both are asked when somebody reads the metrics."""
        self._feed_age.set_function(age)
        self._revocations.set_function(lambda: float(items()))

    @functools.cache  # noqa: B019 - one of it lives as long as its process; bound by the routes
    def _bound(self, route: str) -> Counter:
        return self._accepted.labels(route)

    @functools.cache  # noqa: B019 - as above; the codes are a closed list
    def _code(self, code: str) -> Counter:
        return self._token_refusals.labels(code)
