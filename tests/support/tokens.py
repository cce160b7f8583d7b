"""Access tokens as auth makes them, and the set of keys that judges them; signed by a library of its own (PyJWT)."""

from __future__ import annotations

import base64
import hashlib
import json
import time
import uuid
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.support.service_process import TOKEN


class Signer:
    """One key. Its tokens are right unless a test changes something in them."""

    def __init__(self, bits: int = 2048) -> None:
        self._key = rsa.generate_private_key(public_exponent=65537, key_size=bits)
        numbers = self._key.public_key().public_numbers()
        self._parts = {"e": _number(numbers.e), "kty": "RSA", "n": _number(numbers.n)}
        canonical = json.dumps(self._parts, sort_keys=True, separators=(",", ":"))
        self.kid = _text(hashlib.sha256(canonical.encode()).digest())

    def jwk(self) -> dict[str, str]:
        return {**self._parts, "kid": self.kid, "alg": "RS256", "use": "sig"}

    def token(self, **changes: Any) -> str:
        """Of a person; a change to None leaves a claim out."""
        now = int(time.time())
        claims: dict[str, Any] = {
            "iss": TOKEN["issuer"],
            "aud": TOKEN["audience"],
            "sub": str(uuid.uuid4()),
            "client_id": "novacron",
            "role": "viewer",
            "org": str(uuid.uuid4()),
            "jti": str(uuid.uuid4()),
            "sid": str(uuid.uuid4()),
            "rot": 0,
            "iat": now,
            "exp": now + 3600,
            **changes,
        }
        given = {name: value for name, value in claims.items() if value is not None}
        return jwt.encode(given, self._key, "RS256", {"typ": "at+jwt", "kid": self.kid})


def key_set(*signers: Signer) -> str:
    """As the operator mounts it."""
    return json.dumps({"keys": [signer.jwk() for signer in signers]})


def _number(value: int) -> str:
    return _text(value.to_bytes((value.bit_length() + 7) // 8))


def _text(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()
