"""Access tokens for tests and benches: valid ones, and whatever bytes somebody else would sign or not sign."""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping
from typing import Any

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256

from novacron.auth.domain import base64url
from novacron.auth.domain.key_set import KeySet, public_jwk, thumbprint
from novacron.auth.domain.minting import SigningKey
from novacron.auth.domain.token import TokenRules, Validator

NOW = 1_800_000_000
ISSUER, AUDIENCE = "novacron-auth-service", "novacron-api"
RULES = TokenRules(ISSUER, AUDIENCE, clock_skew=30, max_age=86400)
MIN_BITS = 2048
HEADER_TYPE = "at+jwt"


def signing_key(bits: int = 2048, number: int = 0) -> SigningKey:
    """Another number, another key; the same one for the whole run, because making one takes long."""
    return _made(bits, number)


@functools.cache
def _made(bits: int, _number: int) -> SigningKey:
    private_key = rsa.generate_private_key(public_exponent=65537, key_size=bits)
    return SigningKey(thumbprint(private_key.public_key()), private_key)


def jwk(key: SigningKey, **changes: Any) -> dict[str, Any]:
    """Public half; None leaves a member out."""
    return without_none({**public_jwk(key.private_key.public_key(), key.kid), **changes})


def key_set_document(*keys: SigningKey) -> bytes:
    return json.dumps({"keys": [jwk(key) for key in keys]}).encode()


def validator(*keys: SigningKey, rules: TokenRules = RULES) -> Validator:
    """Of the first key, or of those that are given."""
    return Validator(KeySet.parse(key_set_document(*(keys or (signing_key(),))), MIN_BITS), rules)


def claims(**changes: Any) -> dict[str, Any]:
    """A person's, one minute old, with an hour to go; None leaves a member out."""
    found = {
        "iss": ISSUER,
        "sub": "5f1b9b0e-7a54-4d5c-8f6e-1f2a3b4c5d6e",
        "aud": AUDIENCE,
        "exp": NOW + 3540,
        "iat": NOW - 60,
        "jti": "2f0c3a52-9f1d-4f0e-a7a9-0c9d8e7f6a5b",
        "client_id": "novacron",
        "role": "operator",
        "sid": "7c9e6679-7425-40de-944b-e07fc1f90ae7",
        "rot": 0,
        "org": "c56a4180-65aa-42ec-a945-5fd21dec0538",
    }
    return without_none({**found, **changes})


def service_claims(**changes: Any) -> dict[str, Any]:
    """A service account's."""
    own = {"client_id": claims()["sub"], "role": "service", "sid": None, "rot": None, "scope": "metrics:write"}
    return claims(**{**own, **changes})


def header(key: SigningKey | None = None, /, **changes: Any) -> dict[str, Any]:
    return without_none({"alg": "RS256", "kid": (key or signing_key()).kid, "typ": HEADER_TYPE, **changes})


def without_none(members: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in members.items() if value is not None}


def encoded(part: bytes | Mapping[str, Any]) -> bytes:
    """base64url of bytes, or of a mapping as JSON."""
    content = part if isinstance(part, bytes) else json.dumps(part).encode()
    return base64url.encoded(content).encode()


def signed(
    payload: bytes | Mapping[str, Any] | None = None,
    head: bytes | Mapping[str, Any] | None = None,
    key: SigningKey | None = None,
) -> bytes:
    """Any header and payload with a signature that holds; the valid ones where nothing is given."""
    used = key or signing_key()
    head, payload = header(used) if head is None else head, claims() if payload is None else payload
    return signed_text(encoded(head) + b"." + encoded(payload), used)


def signed_text(text: bytes, key: SigningKey | None = None) -> bytes:
    """A signature over exactly this text, behind it."""
    signature = (key or signing_key()).private_key.sign(text, PKCS1v15(), SHA256())
    return text + b"." + encoded(signature)


def parts(token: bytes) -> tuple[bytes, bytes, bytes]:
    head, payload, signature = token.split(b".")
    return head, payload, signature


def raw_signature(token: bytes) -> bytes:
    return base64url.decoded(parts(token)[2])
