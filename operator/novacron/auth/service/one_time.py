"""Passwords and secrets that this service makes up. Each is answered once and stored as a hash alone."""

from __future__ import annotations

import hashlib
import secrets

from novacron.auth.domain import password

SECONDS = 24 * 3600
"""In which a one-time password must be used, and another one chosen."""
SECRET_PREFIX = "ncs_"  # noqa: S105 - for scanners of leaked secrets
_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"
"""Without those that look like another one."""
_GROUPS, _GROUP = 5, 5
"""123 bits."""
_SECRET_BYTES = 32


def password_for(email: str) -> str:
    """One that a person would be allowed to choose, too."""
    while True:
        groups = ("".join(secrets.choice(_ALPHABET) for _ in range(_GROUP)) for _ in range(_GROUPS))
        try:
            return password.checked("-".join(groups), email)
        except password.WeakPassword:  # by chance it holds a part of the e-mail address
            continue


def secret() -> str:
    """Of a service account: 256 bits."""
    return SECRET_PREFIX + secrets.token_urlsafe(_SECRET_BYTES)


def digest(secret: str) -> bytes:
    """What is stored of it: random bits need no slow hash."""
    return hashlib.sha256(secret.encode()).digest()
