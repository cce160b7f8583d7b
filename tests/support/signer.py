"""Access tokens of people, and the set of keys that judges them."""

from __future__ import annotations

import json
import time
import uuid
from typing import Any

from cryptography.hazmat.primitives.asymmetric import rsa

from novacron.auth.domain.key_set import public_jwk, thumbprint
from novacron.auth.domain.minting import SigningKey, minted
from tests.support.service_process import TOKEN


class Signer:
    """One key. Its tokens are right unless a test changes something in them."""

    def __init__(self, bits: int = 2048) -> None:
        private = rsa.generate_private_key(public_exponent=65537, key_size=bits)
        self.key = SigningKey(thumbprint(private.public_key()), private)

    def jwk(self) -> dict[str, str]:
        return public_jwk(self.key.private_key.public_key(), self.key.kid)

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
        return minted({name: value for name, value in claims.items() if value is not None}, self.key)


def key_set(*signers: Signer) -> str:
    """As the operator mounts it."""
    return json.dumps({"keys": [signer.jwk() for signer in signers]})
