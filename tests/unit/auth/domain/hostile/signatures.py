"""Signatures of RS256 that do not hold: RFC 8725 sections 2.1, 3.3, 3.4."""

from __future__ import annotations

import hashlib

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding

from tests.support.tokens import (
    claims,
    encoded,
    header,
    parts,
    raw_signature,
    signed,
    signed_text,
    signing_key,
)
from tests.unit.auth.domain.hostile.case import Cases, hashed, own_key, unsigned

CASES = Cases()


def _with_signature(signature: bytes) -> bytes:
    head, payload, _signature = parts(signed())
    return head + b"." + payload + b"." + encoded(signature)


def _other_payload() -> bytes:
    head, _payload, signature = parts(signed())
    return head + b"." + encoded(claims(role="platform-admin")) + b"." + signature


def _pss_under_rs256() -> bytes:
    text = encoded(header()) + b"." + encoded(claims())
    salted = padding.PSS(padding.MGF1(hashes.SHA256()), padding.PSS.DIGEST_LENGTH)
    return text + b"." + encoded(signing_key().private_key.sign(text, salted, hashes.SHA256()))


def _signature_plus_modulus() -> bytes:
    """The same residue in as many bytes: a verifier that does not compare with the modulus takes it."""
    modulus = signing_key().private_key.public_key().public_numbers().n
    number = 0
    while (found := int.from_bytes(raw_signature(token := signed(claims(jti=f"n-{number}")))) + modulus) >= 2**2048:
        number += 1
    return b".".join(parts(token)[:2]) + b"." + encoded(found.to_bytes(256))


def _forged_low_exponent() -> bytes:
    """Bleichenbacher 2006: garbage behind the digest, for verifiers that do not look to the end."""
    digest = bytes.fromhex("3031300d060960864801650304020105000420") + hashlib.sha256(b"x").digest()
    return _with_signature((b"\0\1\xff\xff\xff\xff\xff\xff\xff\xff\0" + digest).ljust(256, b"\0"))


# RFC 8725 2.1, 3.3, 3.4: the signature

CASES.add("signature-missing", "8725-2.1", "signature_length", unsigned)
CASES.add("signature-of-other-payload", "8725-2.1 8725-3.3", "signature_invalid", _other_payload)
CASES.add("signature-zero", "8725-3.3", "signature_invalid", lambda: _with_signature(b"\0" * 256))
CASES.add("signature-one", "8725-3.3", "signature_invalid", lambda: _with_signature(b"\0" * 255 + b"\1"))
CASES.add("signature-all-ones", "8725-3.3", "signature_invalid", lambda: _with_signature(b"\xff" * 256))
CASES.add("signature-bleichenbacher", "8725-3.3", "signature_invalid", _forged_low_exponent)
CASES.add("signature-short", "8725-3.3", "signature_length", lambda: _with_signature(raw_signature(signed())[:-1]))
CASES.add("signature-long", "8725-3.3", "signature_length", lambda: _with_signature(raw_signature(signed()) + b"\0"))
CASES.add(
    "signature-zero-before", "8725-3.3", "signature_length", lambda: _with_signature(b"\0" + raw_signature(signed()))
)
CASES.add("signature-plus-modulus", "8725-3.3", "signature_invalid", _signature_plus_modulus)
CASES.add("signature-of-hmac-length", "8725-3.3", "signature_length", lambda: _with_signature(b"\1" * 32))
CASES.add("signature-reversed", "8725-3.3", "signature_invalid", lambda: _with_signature(raw_signature(signed())[::-1]))
CASES.add("signature-pss-under-rs256", "8725-3.3", "signature_invalid", _pss_under_rs256)
CASES.add("signature-sha512-under-rs256", "8725-3.3", "signature_invalid", lambda: hashed(hashes.SHA512(), "RS256"))
CASES.add("signature-sha1-under-rs256", "8725-3.3", "signature_invalid", lambda: hashed(hashes.SHA1(), "RS256"))  # noqa: S303
CASES.add("signature-of-other-key", "8725-2.1", "signature_invalid", own_key)
CASES.add(
    "signature-of-other-key-size", "8725-3.4", "signature_length", lambda: signed(head=header(), key=signing_key(3072))
)
CASES.add(
    "signature-over-payload-only",
    "8725-3.3",
    "signature_invalid",
    lambda: (
        (text := encoded(header()) + b"." + encoded(claims()))
        + b"."
        + parts(signed_text(b"." + text.split(b".")[1]))[2]
    ),
)
