"""Public keys that verify access tokens: their names and their form as JSON Web Keys (RFC 7517, RFC 7638)."""

from __future__ import annotations

import base64
import hashlib
import json

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey


def thumbprint(public_key: RSAPublicKey) -> str:
    """RFC 7638: SHA-256 over the required members, base64url; 43 characters."""
    numbers = public_key.public_numbers()
    members = {"e": _number(numbers.e), "kty": "RSA", "n": _number(numbers.n)}
    canonical = json.dumps(members, separators=(",", ":"), sort_keys=True).encode()
    return _base64url(hashlib.sha256(canonical).digest())


def public_jwk(public_key: RSAPublicKey, kid: str) -> dict[str, str]:
    """The public half as a member of a key set (RFC 7518, 6.3.1)."""
    numbers = public_key.public_numbers()
    return {
        "kty": "RSA",
        "n": _number(numbers.n),
        "e": _number(numbers.e),
        "kid": kid,
        "alg": "RS256",
        "use": "sig",
    }


def _number(value: int) -> str:
    """Base64urlUInt: big-endian, in as few octets as it needs (RFC 7518, 2)."""
    return _base64url(value.to_bytes((value.bit_length() + 7) // 8, "big"))


def _base64url(octets: bytes) -> str:
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()
