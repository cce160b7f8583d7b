"""Refresh tokens: opaque, stored as a hash only, used once (RFC 9700, 4.14.2; docs/decisions/0018). Pure.

A client whose connection broke does not know whether its refresh was done, and asks again. For ten seconds it is given
the same answer; that waits in the database encrypted under a key which only the token itself yields. Any later use of a
used token means that somebody else has it, so the session ends.
"""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import dataclass
from enum import Enum

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

PREFIX = "ncr_"
"""So that scanners for leaked secrets know one."""
BYTES = 32
GRACE_SECONDS = 10

_FORM = re.compile(r"ncr_[A-Za-z0-9_-]{43}")
_NONCE_BYTES = 12
_PURPOSE = b"novacron refresh successor, 1"


class Use(Enum):
    """What presenting a refresh token means."""

    FIRST = "first"
    REPEATED = "repeated"
    """Asked again within the grace: the same answer."""
    EXPIRED = "expired"
    REUSED = "reused"
    """A copy is about: the family ends."""


@dataclass(frozen=True, slots=True)
class RefreshToken:
    """One row. Times are seconds since the epoch, by the database's clock."""

    session_id: str
    expires_at: float
    used_at: float | None
    successor: bytes | None


def token(random: bytes) -> str:
    """A token from ``BYTES`` bytes of a CSPRNG."""
    if len(random) != BYTES:
        raise ValueError(f"a refresh token is made of {BYTES} bytes")
    return PREFIX + base64.urlsafe_b64encode(random).rstrip(b"=").decode("ascii")


def well_formed(text: str) -> bool:
    """Whether we can have made it; anything else need not reach the database."""
    return _FORM.fullmatch(text) is not None


def digest(text: str) -> bytes:
    """What is stored. A plain hash is enough: 256 random bits cannot be tried out."""
    return hashlib.sha256(text.encode()).digest()


def use(row: RefreshToken, now: float) -> Use:
    """What the use of a token means now."""
    if row.used_at is not None:
        kept = row.successor is not None and now - row.used_at <= GRACE_SECONDS
        return Use.REPEATED if kept else Use.REUSED
    return Use.EXPIRED if now >= row.expires_at else Use.FIRST


def sealed(text: str, answer: bytes, nonce: bytes) -> bytes:
    """An answer that only whoever has the token can read.

    Args:
        nonce: 12 random bytes.
    """
    return nonce + AESGCM(_key(text)).encrypt(nonce, answer, digest(text))


def unsealed(text: str, successor: bytes) -> bytes | None:
    """The answer; None: it was not sealed with this token, or was changed."""
    nonce, content = successor[:_NONCE_BYTES], successor[_NONCE_BYTES:]
    try:
        return AESGCM(_key(text)).decrypt(nonce, content, digest(text))
    except (InvalidTag, ValueError):
        return None


def _key(text: str) -> bytes:
    return HKDF(SHA256(), length=32, salt=None, info=_PURPOSE).derive(text.encode())
