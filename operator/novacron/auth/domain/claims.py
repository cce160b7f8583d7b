"""What an accepted access token says (RFC 9068)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Claims:
    """Only a validated token has them.

    Args:
        subject: id of a person or a service account.
        client_id: of a person: ``novacron``; of a service account: its own id.
        role: viewer, operator, admin, platform-admin, or service; one that we do not know may do nothing.
        organization: None for platform-admin only.
        session: id of the session (claim sid); None for a service account.
        rotation: claim rot; with a session only.
        issued, expires, not_before: seconds since the epoch.
        id: claim jti.
        document: all members, as they were sent.
    """

    subject: str
    client_id: str
    role: str
    organization: str | None
    session: str | None
    rotation: int | None
    scopes: frozenset[str]
    id: str
    issuer: str
    audience: tuple[str, ...]
    issued: int
    expires: int
    not_before: int | None = None
    document: Mapping[str, Any] = field(default_factory=dict, repr=False, hash=False, compare=False)
