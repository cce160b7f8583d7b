"""Who may do what: roles of people, scopes of service accounts (docs/decisions/0020)."""

from __future__ import annotations

VIEWER = "viewer"
OPERATOR = "operator"
ADMIN = "admin"
PLATFORM_ADMIN = "platform-admin"
SERVICE = "service"
"""Claim role of a service account: its scopes say what it may."""

PEOPLE = (VIEWER, OPERATOR, ADMIN, PLATFORM_ADMIN)
"""Each may all that the ones before may; platform-admin in every organization, the others in their own."""

METRICS_WRITE = "metrics:write"
TOKEN_INTROSPECT = "token:introspect"  # noqa: S105 - the name of a scope
SCOPES = (METRICS_WRITE, TOKEN_INTROSPECT)

PERSON_CLIENT = "novacron"
"""Claim client_id of people's tokens."""


def at_least(role: str, least: str) -> bool:
    """Whether a person of this role may what ``least`` may; a service account has no rank."""
    return role in PEOPLE and PEOPLE.index(role) >= PEOPLE.index(least)
