"""Makes access tokens; PyJWT signs them. Who asks decides what may stand in them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from novacron.auth.domain import roles
from novacron.auth.domain.key_set import ALGORITHM
from novacron.auth.domain.token import TYPES


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A private key, loaded once: OpenSSL checks it on each load, which costs more than a hundred signatures.

    Args:
        kid: the name of its public half in the key set.
    """

    kid: str
    private_key: RSAPrivateKey = field(repr=False)


def minted(claims: Mapping[str, Any], key: SigningKey) -> str:
    """The signed token."""
    return jwt.encode(dict(claims), key.private_key, algorithm=ALGORITHM, headers={"typ": TYPES[0], "kid": key.kid})


def person_claims(
    *,
    issuer: str,
    audience: str,
    issued: int,
    lifetime: int,
    token_id: str,
    subject: str,
    role: str,
    organization: str | None,
    session: str,
    rotation: int,
) -> dict[str, Any]:
    """Claims of a person's session.

    Args:
        issued: seconds since the epoch.
        lifetime: seconds.
        token_id: claim jti, at least 128 random bits (a UUID of version 4 will do).
        organization: None for platform-admin only.
    """
    claims = {
        **_common(issuer, audience, issued, lifetime, token_id),
        "sub": subject,
        "client_id": roles.PERSON_CLIENT,
        "role": role,
        "sid": session,
        "rot": rotation,
    }
    return claims if organization is None else claims | {"org": organization}


def service_claims(
    *,
    issuer: str,
    audience: str,
    issued: int,
    lifetime: int,
    token_id: str,
    account: str,
    organization: str,
    scopes: Collection[str],
) -> dict[str, Any]:
    """Claims of a service account, which is subject and client at once (RFC 9068 section 2.2) and has no session.

    Args:
        issued, lifetime, token_id: as a person's.
    """
    claims = {
        **_common(issuer, audience, issued, lifetime, token_id),
        "sub": account,
        "client_id": account,
        "role": roles.SERVICE,
        "org": organization,
    }
    return claims | {"scope": " ".join(sorted(scopes))} if scopes else claims


def _common(issuer: str, audience: str, issued: int, lifetime: int, token_id: str) -> dict[str, Any]:
    return {"iss": issuer, "aud": audience, "iat": issued, "exp": issued + lifetime, "jti": token_id}
