"""The public keys of signers, from a JWK Set (RFC 7517): every key fits our rules, or the whole set is refused."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey, RSAPublicNumbers

from novacron.auth.domain import base64url, strict_json
from novacron.auth.domain.refusal import TokenRefused
from novacron.core.errors import NovaCronError

ALGORITHM = "RS256"
EXPONENT = 65537
MAX_BITS = 8192
"""As the resource has it; the time of a verification grows with the square of the size."""
_PRIVATE = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})


class InvalidKeySet(NovaCronError):
    """The text names the key, by its place and kid, and the reason; it never holds a value of the key."""


@dataclass(frozen=True, slots=True)
class Key:
    """One that may have signed a token.

    Args:
        size: of a signature, in bytes.
    """

    kid: str
    public: RSAPublicKey
    size: int


@dataclass(frozen=True, slots=True)
class KeySet:
    """Keys by kid; there may be none."""

    keys: Mapping[str, Key]

    @classmethod
    def parse(cls, document: bytes, min_bits: int) -> KeySet:
        """Reads a JWK Set.

        Args:
            min_bits: the smallest RSA modulus that is accepted.

        Raises:
            InvalidKeySet: one key is not an RSA key for RS256 signatures with its own kid, or this is no JWK Set.
        """
        try:
            listed = strict_json.object_of(document, "the key set").get("keys")
        except TokenRefused as error:  # its words fit any JSON
            raise InvalidKeySet(f"{error}; give a JWK Set (RFC 7517)") from None
        if not isinstance(listed, list):
            raise InvalidKeySet('the key set has no list "keys"; give a JWK Set (RFC 7517)')
        found: dict[str, Key] = {}
        for place, member in enumerate(listed):
            key = _key(member, f"keys[{place}]", min_bits)
            if key.kid in found:
                raise InvalidKeySet(f"{_named(f'keys[{place}]', key.kid)}: an earlier key has that kid; remove one")
            found[key.kid] = key
        return cls(found)

    def __len__(self) -> int:
        return len(self.keys)

    def find(self, kid: str) -> Key | None:
        return self.keys.get(kid)


def thumbprint(public_key: RSAPublicKey) -> str:
    """RFC 7638 with SHA-256: what our kids are; 43 characters."""
    e, n = _numbers(public_key)
    return base64url.encoded(hashlib.sha256(f'{{"e":"{e}","kty":"RSA","n":"{n}"}}'.encode()).digest())


def public_jwk(public_key: RSAPublicKey, kid: str) -> dict[str, str]:
    """The key as a member of our JWK Set."""
    e, n = _numbers(public_key)
    return {"kty": "RSA", "n": n, "e": e, "kid": kid, "alg": ALGORITHM, "use": "sig"}


def _numbers(public_key: RSAPublicKey) -> tuple[str, str]:
    """Exponent and modulus as base64urlUInt (RFC 7518 section 2)."""
    numbers = public_key.public_numbers()
    e, n = (base64url.encoded(part.to_bytes((part.bit_length() + 7) // 8)) for part in (numbers.e, numbers.n))
    return e, n


def _named(place: str, kid: str) -> str:
    return f"{place} (kid {kid!a:.70})"


def _key(member: Any, place: str, min_bits: int) -> Key:
    if not isinstance(member, dict):
        raise InvalidKeySet(f"{place}: must be an object")
    kid = member.get("kid")
    if not isinstance(kid, str) or not kid:
        raise InvalidKeySet(f"{place}: kid must be a string that is not empty: tokens name their key by it")
    name = _named(place, kid)
    _check_purpose(member, name)
    n, e = (_unsigned(member, part, name) for part in ("n", "e"))
    if e != EXPONENT:
        raise InvalidKeySet(f"{name}: the exponent must be {EXPONENT}")
    bits = n.bit_length()
    if not min_bits <= bits <= MAX_BITS:
        raise InvalidKeySet(f"{name}: an RSA key of {bits} bits; from {min_bits} to {MAX_BITS} are accepted")
    if n % 2 == 0:  # the library takes it
        raise InvalidKeySet(f"{name}: the modulus is even, so that of no RSA key")
    return Key(kid, RSAPublicNumbers(e, n).public_key(), (bits + 7) // 8)


def _check_purpose(member: Mapping[str, Any], name: str) -> None:
    """Public, RSA, and meant to verify RS256 signatures, as far as it says."""
    if _PRIVATE & member.keys():
        raise InvalidKeySet(f"{name}: holds private members; publish the public half, and replace the key: it is known")
    if member.get("kty") != "RSA":
        raise InvalidKeySet(f"{name}: kty must be RSA")
    if member.get("alg", ALGORITHM) != ALGORITHM:
        raise InvalidKeySet(f"{name}: alg must be {ALGORITHM}, or left out")
    if member.get("use", "sig") != "sig":
        raise InvalidKeySet(f"{name}: use must be sig, or left out")
    operations = member.get("key_ops", ["verify"])
    if not isinstance(operations, list) or "verify" not in operations:
        raise InvalidKeySet(f"{name}: key_ops must hold verify, or be left out")


def _unsigned(member: Mapping[str, Any], part: str, name: str) -> int:
    """A base64urlUInt (RFC 7518 section 2): canonical, no leading zero byte."""
    text = member.get(part)
    try:
        content = base64url.decoded(text.encode("ascii") if isinstance(text, str) else b".")
    except ValueError:
        raise InvalidKeySet(f"{name}: {part} must be base64url without padding") from None
    if content[:1] in (b"", b"\0"):
        raise InvalidKeySet(f"{name}: {part} must have as few bytes as it needs, and at least one")
    return int.from_bytes(content)
