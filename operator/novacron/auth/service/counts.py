"""What auth's own routes count. Labels are closed lists."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter

LOGINS = ("ok", "refused", "password_change_required", "must_wait", "busy")
REFRESHES = ("ok", "repeated", "refused", "reused")


class Counts:
    """Of one process."""

    def __init__(self, registry: CollectorRegistry) -> None:
        logins = Counter("novacron_auth_logins", "Logins of people, by outcome.", ["outcome"], registry=registry)
        refreshes = Counter(
            "novacron_auth_refreshes",
            "Uses of refresh tokens, by outcome; reused: a copy was about, and the session was ended.",
            ["outcome"],
            registry=registry,
        )
        self._logins = {outcome: logins.labels(outcome) for outcome in LOGINS}
        self._refreshes = {outcome: refreshes.labels(outcome) for outcome in REFRESHES}
        self.password_checks = Counter(
            "novacron_auth_password_checks",
            "Passwords verified, right or wrong, of anybody or of nobody.",
            registry=registry,
        )
        self.account_tokens = Counter(
            "novacron_auth_account_tokens", "Access tokens issued to service accounts.", registry=registry
        )
        self.rotations = Counter(
            "novacron_auth_rotations", "Sessions that were rotated within a request.", registry=registry
        )
        self.hints_lost = Counter(
            "novacron_auth_hints_lost",
            "Revocations that Redis did not announce; others learn of them from the feed.",
            registry=registry,
        )
        self.audit_rows_lost = Counter(
            "novacron_auth_audit_rows_lost",
            "Failed logins whose row the database did not take in time; the log has their lines.",
            registry=registry,
        )

    def login(self, outcome: str) -> None:
        self._logins[outcome].inc()

    def refresh(self, outcome: str) -> None:
        self._refreshes[outcome].inc()
