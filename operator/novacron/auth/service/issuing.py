"""Access tokens for people and service accounts (RFC 9068). Only auth signs."""

from __future__ import annotations

import math
import secrets
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, TypedDict

from novacron.adapters import clock
from novacron.auth.domain.minting import minted, person_claims, service_claims
from novacron.auth.domain.session import Session
from novacron.auth.service.signing import SigningKeys
from novacron.auth.service.store.accounts import Account
from novacron.auth.service.store.people import Person

ACCOUNT_SECONDS = 3600
"""A service account's token lives at most an hour."""
_ID_BYTES = 16


@dataclass(frozen=True, slots=True)
class Issued:
    """Args:
    id: claim jti.
    expires_in: seconds.
    """

    token: str = field(repr=False)
    id: str
    expires_in: int


class _Common(TypedDict):
    """What claims of people and of service accounts have alike."""

    issuer: str
    audience: str
    issued: int
    lifetime: int
    token_id: str


class Issuer:
    """Signs with the active key.

    Args:
        lifetime: of an access token, in seconds; less where the active key is bound to less.
    """

    def __init__(self, issuer: str, audience: str, lifetime: int, keys: SigningKeys) -> None:
        self._issuer = issuer
        self._audience = audience
        self._lifetime = lifetime
        self._keys = keys

    def for_person(self, person: Person, session: Session, rotation: int) -> Issued:
        """A token of a session, which it never outlives. Raises ``NoSigningKey``."""
        common = self._common(person, self._lifetime, session.expires_at)
        claims = person_claims(
            **common,
            subject=person.id,
            role=person.role,
            organization=person.organization_id,
            session=session.id,
            rotation=rotation,
        )
        return self._signed(claims)

    def for_account(self, account: Account, scopes: Collection[str]) -> Issued:
        """Raises ``NoSigningKey``."""
        common = self._common(account, min(self._lifetime, ACCOUNT_SECONDS), math.inf)
        organization = account.organization_id
        return self._signed(service_claims(**common, account=account.id, organization=organization, scopes=scopes))

    def _common(self, subject: Person | Account, lifetime: int, ends: float) -> _Common:
        """Dated no earlier than what its subject's tokens must be: that is the next whole second at most.

        And no later than the database's clock, by which they are cut off: else a pod whose clock is ahead would sign
        tokens that outlive the next cut-off.

        It ends with what the ring says of its key: a pod that has not been told yet of a lower tokenTTL would else sign
        with a key that was made under it, and is dropped by it.
        """
        now = clock.now().timestamp()
        issued = int(max(min(now, subject.read_at), subject.tokens_not_before))
        expires = max(issued + 1, int(min(now + min(lifetime, self._keys.bound), ends)))
        return {
            "issuer": self._issuer,
            "audience": self._audience,
            "issued": issued,
            "lifetime": expires - issued,
            "token_id": secrets.token_urlsafe(_ID_BYTES),
        }

    def _signed(self, claims: Mapping[str, Any]) -> Issued:
        left = claims["exp"] - int(clock.now().timestamp())
        return Issued(minted(claims, self._keys.active), claims["jti"], left)
