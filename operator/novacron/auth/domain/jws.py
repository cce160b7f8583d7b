"""Compact JWS with RS256 and nothing else (RFC 7515, RFC 8725): who signed these bytes. What they say is for others.

Cheap refusals come first, the payload is not looked at before the signature holds, and the key comes from our own set,
never from the token.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256

from novacron.auth.domain import base64url, strict_json
from novacron.auth.domain.key_set import ALGORITHM, Key, KeySet
from novacron.auth.domain.refusal import (
    AlgorithmRefused,
    BadCharacter,
    HeaderMemberRefused,
    HeaderTooLarge,
    KeyIDMissing,
    KeyUnknown,
    NotCanonical,
    NotCompact,
    SignatureInvalid,
    SignatureLength,
    TooLarge,
    TypeRefused,
)

MAX_TOKEN = 6 * 1024
"""Bytes; no work is done for a longer one."""
MAX_HEADER = 512
"""Bytes as they are sent: the header is all that is parsed of a token that nobody signed."""
_MEMBERS = frozenset({"alg", "kid", "typ"})
_KNOWN_DANGERS = ("jku", "jwk", "x5u", "x5c", "x5t", "x5t#S256", "crit", "b64", "zip", "cty", "enc")
"""Members that may be named in a refusal; any other name would be the sender's text in our log."""
_ACCEPTED = 64
_PADDING, _HASH = PKCS1v15(), SHA256()


@dataclass(frozen=True, slots=True)
class Header:
    """What is left of an accepted header.

    Args:
        type: member typ, as it was sent; None without.
    """

    key: Key
    type: str | None


class Verifier:
    """Verifies by one set of keys; another set needs another verifier."""

    __slots__ = ("_accepted", "_keys")

    def __init__(self, keys: KeySet) -> None:
        self._keys = keys
        # headers of tokens whose signature held: only who has a key could fill it
        self._accepted: dict[bytes, Header] = {}

    def verify(self, token: bytes) -> tuple[Header, bytes]:
        """The header and the signed bytes.

        Raises:
            TokenRefused: of the form, the header or the signature.
        """
        if len(token) > MAX_TOKEN:
            raise TooLarge
        encoded_header, encoded_payload, encoded_signature = _parts(token)
        known = self._accepted.get(encoded_header)
        header = known or self._header(encoded_header)
        signature = _decoded(encoded_signature, "signature")
        if len(signature) != header.key.size:
            raise SignatureLength("signature")
        try:
            header.key.public.verify(signature, token[: -len(encoded_signature) - 1], _PADDING, _HASH)
        except InvalidSignature:
            raise SignatureInvalid("signature") from None
        if known is None and len(self._accepted) < _ACCEPTED:
            self._accepted[encoded_header] = header
        return header, _decoded(encoded_payload, "payload")

    def _header(self, encoded: bytes) -> Header:
        if len(encoded) > MAX_HEADER:
            raise HeaderTooLarge("header")
        members = strict_json.object_of(_decoded(encoded, "header"), "header")
        if not members.keys() <= _MEMBERS:
            raise HeaderMemberRefused(next((name for name in _KNOWN_DANGERS if name in members), "header"))
        if members.get("alg") != ALGORITHM:
            raise AlgorithmRefused("alg")
        if not isinstance(members.get("typ", ""), str):
            raise TypeRefused("typ")
        return Header(self._key(members.get("kid")), members.get("typ"))

    def _key(self, kid: Any) -> Key:
        if not isinstance(kid, str) or not kid:
            raise KeyIDMissing("kid")
        key = self._keys.find(kid)
        if key is None:
            raise KeyUnknown("kid")
        return key


def _parts(token: bytes) -> list[bytes]:
    """Header, payload and signature, in the alphabet that decodes fastest."""
    try:
        found = base64url.standard(token).split(b".")
    except ValueError:
        raise BadCharacter from None
    if len(found) != 3:
        raise NotCompact
    return found


def _decoded(text: bytes, part: str) -> bytes:
    try:
        return base64url.standard_decoded(text)
    except ValueError:
        raise NotCanonical(part) from None
