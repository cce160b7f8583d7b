"""The audit log as JSON lines: who did what, and what was refused. No token, no password, no e-mail address.

What somebody did is a line each. Refusals can be had by anybody for nothing, so they are added up: one line at once,
then at most one every ten seconds for the same type, network, code and subject, with their number. Requests that
succeed are counted in metrics and stand in the access log; an audit line for each would bury what matters.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

import structlog

from novacron.adapters import clock

RATE_LIMIT_EXCEEDED = "rate_limit_exceeded"
MISSING_TOKEN = "missing_token"  # noqa: S105 - the name of an event
INVALID_AUTHORIZATION = "invalid_authorization"
TOKEN_VALIDATION_FAILED = "token_validation_failed"  # noqa: S105 - as above
USER_NOT_FOUND = "user_not_found"
INACTIVE_USER_ACCESS = "inactive_user_access"
SESSION_INVALID = "session_invalid"
AUTH_UNAVAILABLE = "auth_unavailable"
SESSION_ROTATION_FAILED = "session_rotation_failed"
NOT_PERMITTED = "not_permitted"
LOGIN_SUCCEEDED = "login_succeeded"
LOGIN_FAILED = "login_failed"
LOGGED_OUT = "logged_out"
SESSION_ENDED = "session_ended"
TOKEN_REFRESHED = "token_refreshed"  # noqa: S105 - as above
REFRESH_REFUSED = "refresh_refused"
REFRESH_TOKEN_REUSED = "refresh_token_reused"  # noqa: S105 - as above
PASSWORD_CHANGED = "password_changed"  # noqa: S105 - as above
PASSWORD_CHANGE_REFUSED = "password_change_refused"  # noqa: S105 - as above
TOKEN_ISSUED = "token_issued"  # noqa: S105 - as above
TOKEN_REVOKED = "token_revoked"  # noqa: S105 - as above
CLIENT_REFUSED = "client_refused"
USER_CREATED = "user_created"
USER_CHANGED = "user_changed"
USER_DEACTIVATED = "user_deactivated"
USER_REACTIVATED = "user_reactivated"
PASSWORD_RESET = "password_reset"  # noqa: S105 - as above
ORGANIZATION_CREATED = "organization_created"
ORGANIZATION_CHANGED = "organization_changed"
ORGANIZATION_DEACTIVATED = "organization_deactivated"
ORGANIZATION_REACTIVATED = "organization_reactivated"
SERVICE_ACCOUNT_CREATED = "service_account_created"
SERVICE_ACCOUNT_CHANGED = "service_account_changed"
SERVICE_ACCOUNT_DEACTIVATED = "service_account_deactivated"
SERVICE_ACCOUNT_REACTIVATED = "service_account_reactivated"
SECRET_ROTATED = "secret_rotated"  # noqa: S105 - as above
ADMINISTRATION_REFUSED = "administration_refused"

TYPES: dict[str, str] = {
    RATE_LIMIT_EXCEEDED: "A network asked for more than its share; the code is the limit.",
    MISSING_TOKEN: "A protected path was asked for without Authorization.",
    INVALID_AUTHORIZATION: "Authorization was of another scheme, empty, or there twice.",
    TOKEN_VALIDATION_FAILED: "An access token was refused; the code says why.",
    USER_NOT_FOUND: "A token that we signed names nobody.",
    INACTIVE_USER_ACCESS: "A token of somebody who was deactivated.",
    SESSION_INVALID: "A token that was revoked, or whose session ended or was rotated further; the code says which.",
    AUTH_UNAVAILABLE: "A token could not be judged: no keys, or the revocations are too old.",
    NOT_PERMITTED: "Somebody asked for what the role or the scopes do not allow; the code says which.",
    LOGIN_SUCCEEDED: "A person logged in; the object is the new session.",
    LOGIN_FAILED: "A person could not log in; the code says why. The subject is empty where there is no such person.",
    LOGGED_OUT: "A person ended the session that asked for it.",
    SESSION_ENDED: "A session ended otherwise; the code says why.",
    TOKEN_REFRESHED: "A refresh token was used for the next one.",
    REFRESH_REFUSED: "A refresh token was refused; the code says why.",
    REFRESH_TOKEN_REUSED: "A refresh token was used again: a copy is about, so its session was ended.",
    PASSWORD_CHANGED: "A person has a new password; all sessions ended.",
    PASSWORD_CHANGE_REFUSED: "Somebody with a person's access token gave a wrong current password; the code says why.",
    TOKEN_ISSUED: "A service account got an access token; the object is its jti.",
    TOKEN_REVOKED: "An access token was revoked by its client; the object is its jti.",
    CLIENT_REFUSED: "A service account could not prove itself; the code says why.",
    USER_CREATED: "An administrator made a person's account; the details have its role.",
    USER_CHANGED: "An administrator changed a person's account; the details name what, and the role before and after.",
    USER_DEACTIVATED: "An administrator deactivated a person; all sessions ended.",
    USER_REACTIVATED: "An administrator let a person in again.",
    PASSWORD_RESET: "An administrator gave a person a one-time password; all sessions ended.",
    ORGANIZATION_CREATED: "A platform administrator made an organization.",
    ORGANIZATION_CHANGED: "A platform administrator renamed an organization.",
    ORGANIZATION_DEACTIVATED: "A platform administrator deactivated an organization; all sessions in it ended.",
    ORGANIZATION_REACTIVATED: "A platform administrator let an organization in again.",
    SERVICE_ACCOUNT_CREATED: "An administrator made a service account; the details have its scopes.",
    SERVICE_ACCOUNT_CHANGED: "An administrator changed a service account; the details name what.",
    SERVICE_ACCOUNT_DEACTIVATED: "An administrator deactivated a service account.",
    SERVICE_ACCOUNT_REACTIVATED: "An administrator let a service account in again.",
    SECRET_ROTATED: "An administrator gave a service account a new secret; the one before opens nothing any more.",
    ADMINISTRATION_REFUSED: "An act of administration was against its rules; the code says which.",
    SESSION_ROTATION_FAILED: "A session was due for rotation and could not be; the request went on.",
}
"""Type -> what it says."""

LOGGER = "novacron.audit"
_SECONDS = 10.0
_TICK_SECONDS = 1.0
_MOST = 1000
"""Different refusals that are told apart at once; and as many more of subjects that are known, without their network:
strangers from many networks must not hide whom they attack."""
_OTHERS = "(others)"
"""Network of the refusals beyond that number."""
_log = structlog.get_logger(LOGGER)


@dataclass(frozen=True, slots=True)
class Event:
    """Something worth remembering.

    Args:
        type: one of TYPES.
        code: of a refusal: why, in one word of ours.
        network: of the client: an IPv4 address, or an IPv6 /64.
        subject: id of who did it; empty: not known.
        object: id of what it was done to.
        details: more, without anything secret.
    """

    type: str
    code: str = ""
    network: str = ""
    subject: str = ""
    organization: str = ""
    object: str = ""
    session: str = ""
    request_id: str = ""
    details: Mapping[str, str | int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.type not in TYPES:
            raise ValueError(f"undocumented type {self.type}: add it to auth/service/audit.py")


Write = Callable[[Event, int], None]
"""Takes an event, and how many of its kind there were."""


def line(event: Event, count: int) -> None:
    """One line of the log."""
    members = ("code", "network", "subject", "organization", "object", "session", "request_id")
    given = {name: value for name in members if (value := getattr(event, name))}
    _log.info(event.type, count=count, **given, **({"details": dict(event.details)} if event.details else {}))


def _kind(event: Event) -> tuple[str, str, str, str]:
    return (event.type, event.network, event.code, event.subject)


@dataclass(slots=True)
class _Sum:
    """Refusals of one kind since the last line about it."""

    last: Event
    until: float
    count: int = 0


class Audit:
    """Of one process.

    Args:
        write: takes every line; ``line`` writes it to the log.
        now: monotonic seconds.
    """

    def __init__(self, write: Write = line, now: Callable[[], float] = clock.monotonic) -> None:
        self._write = write
        self._now = now
        self._sums: dict[tuple[str, str, str, str], _Sum] = {}
        logging.getLogger(LOGGER).setLevel(logging.INFO)  # whatever LOG_LEVEL keeps of the rest

    def record(self, event: Event) -> None:
        """Something that somebody did."""
        self._write(event, 1)

    def refused(self, event: Event) -> None:
        """Something that somebody was not let do."""
        key = _kind(event)
        if key not in self._sums and len(self._sums) >= _MOST:
            event = replace(event, network=_OTHERS)
            if _kind(event) not in self._sums and (not event.subject or len(self._sums) >= 2 * _MOST):
                event = replace(event, subject="", organization="", session="")
            key = _kind(event)
        known = self._sums.get(key)
        if known is None:
            self._sums[key] = _Sum(event, self._now() + _SECONDS)
            self._write(event, 1)
        else:
            known.last = event
            known.count += 1

    async def run(self) -> None:
        """Writes what was added up, until cancelled; then what is left."""
        try:
            while True:
                await asyncio.sleep(_TICK_SECONDS)
                self.tell(self._now())
        finally:
            self.tell(float("inf"))

    def tell(self, now: float) -> None:
        """The sums that are due."""
        for key, found in [(key, found) for key, found in self._sums.items() if found.until <= now]:
            if found.count:
                self._write(found.last, found.count)
                found.count, found.until = 0, now + _SECONDS
            else:
                del self._sums[key]
