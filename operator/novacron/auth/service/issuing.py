"""Access tokens for people and service accounts (RFC 9068; interfaces.md). Only auth signs (decisions.md 23)."""

from __future__ import annotations

import math
import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from novacron.adapters import clock
from novacron.auth.domain import roles
from novacron.auth.domain.minting import minted
from novacron.auth.domain.session import Session
from novacron.auth.service.signing import SigningKeys
from novacron.auth.service.store.accounts import Account
from novacron.auth.service.store.people import Person

ACCOUNT_SECONDS = 3600
"""A service account's token lives at most an hour (decisions.md 26)."""


@dataclass(frozen=True, slots=True)
class Issued:
    """Args:
    id: claim jti.
    expires_in: seconds.
    """

    token: str = field(repr=False)
    id: str
    expires_in: int


class Issuer:
    """Signs with the active key.

    Args:
        lifetime: of an access token, in seconds.
    """

    def __init__(self, issuer: str, audience: str, lifetime: int, keys: SigningKeys) -> None:
        self._issuer = issuer
        self._audience = audience
        self._lifetime = lifetime
        self._keys = keys

    def for_person(self, person: Person, session: Session, rotation: int) -> Issued:
        """A token of a session, which it never outlives. Raises ``NoSigningKey``."""
        members: dict[str, Any] = {
            "sub": person.id,
            "client_id": roles.PERSON_CLIENT,
            "role": person.role,
            "sid": session.id,
            "rot": rotation,
        }
        if person.organization_id is not None:
            members["org"] = person.organization_id
        return self._issued(members, person.tokens_not_before, self._lifetime, session.expires_at)

    def for_account(self, account: Account, scopes: Iterable[str]) -> Issued:
        """Raises ``NoSigningKey``."""
        members = {
            "sub": account.id,
            "client_id": account.id,
            "role": roles.SERVICE,
            "org": account.organization_id,
            "scope": " ".join(sorted(scopes)),
        }
        return self._issued(members, account.tokens_not_before, min(self._lifetime, ACCOUNT_SECONDS), math.inf)

    def _issued(self, members: dict[str, Any], not_before: float, lifetime: int, ends: float) -> Issued:
        """Dated no earlier than what its subject's tokens must be: that is the next whole second at most."""
        now = clock.now().timestamp()
        issued = int(max(now, not_before))
        expires = max(issued + 1, int(min(now + lifetime, ends)))
        jti = secrets.token_urlsafe(16)
        own = {"iss": self._issuer, "aud": self._audience, "iat": issued, "exp": expires, "jti": jti}
        return Issued(minted(own | members, self._keys.active), jti, expires - int(now))
