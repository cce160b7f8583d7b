"""Access tokens (RFC 9068) as our own auth service signs them: who signed, for whom, until when, and nothing unusual.

Only that service signs them, so every freedom that it does not use is refused (RFC 8725).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeGuard

from novacron.auth.domain import roles, strict_json
from novacron.auth.domain.claims import Claims
from novacron.auth.domain.jws import Verifier
from novacron.auth.domain.key_set import KeySet
from novacron.auth.domain.refusal import (
    AudienceRefused,
    ClaimInvalid,
    ClaimMissing,
    Expired,
    IssuedInFuture,
    IssuerRefused,
    NotYetValid,
    OrganizationMissing,
    SessionIncomplete,
    SessionOfService,
    TokenRefused,
    TooOld,
    TypeRefused,
)

TYPES = ("at+jwt", "application/at+jwt")
"""RFC 9068 section 4 names these two and refuses every other. Letter for letter, though media types compare without
regard to case: our service writes one spelling, so folding would let in nothing but what somebody else made."""
_SCOPE = re.compile(r"[!#-\[\]-~]+(?: [!#-\[\]-~]+)*")
"""RFC 6749 section 3.3; none at all may also be an empty string."""
_NO_SCOPES: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class TokenRules:
    """What the resource asks of a token.

    Args:
        clock_skew: how far our clock and the signer's may differ, in seconds.
        max_age: the longest time since iat, in seconds; the skew is not added.
    """

    issuer: str
    audience: str
    clock_skew: float
    max_age: float


class Validator:
    """Accepts tokens of one set of keys by one set of rules; when either changes, make another."""

    __slots__ = ("_rules", "_verifier")

    def __init__(self, keys: KeySet, rules: TokenRules) -> None:
        self._verifier = Verifier(keys)
        self._rules = rules

    def validate(self, token: bytes, now: float) -> Claims:
        """What the token says.

        Args:
            now: seconds since the epoch.

        Raises:
            TokenRefused: for whatever reason; there is no other exception.
        """
        header, payload = self._verifier.verify(token)
        if header.type not in TYPES:
            raise TypeRefused("typ")
        document = strict_json.object_of(payload, "payload")
        subject, client, token_id, role = (_text(document, name) for name in ("sub", "client_id", "jti", "role"))
        audience = self._addressed(document)
        issued, expires, not_before = self._in_time(document, now)
        session, rotation = _session(document, role)
        organization, scopes = _organization(document, role), _scopes(document)
        return Claims(
            subject,
            client,
            role,
            organization,
            session,
            rotation,
            scopes,
            token_id,
            self._rules.issuer,
            audience,
            issued,
            expires,
            not_before,
            document,
        )

    def _addressed(self, document: Mapping[str, Any]) -> tuple[str, ...]:
        """Who it is for, when it comes from the right one and is for us too."""
        if _text(document, "iss") != self._rules.issuer:
            raise IssuerRefused("iss")
        found = document.get("aud")
        audience = tuple(found) if isinstance(found, list) else (found,)
        if not all(map(_is_plain, audience)):
            raise _wrong(document, "aud")
        if self._rules.audience not in audience:
            raise AudienceRefused("aud")
        return audience

    def _in_time(self, document: Mapping[str, Any], now: float) -> tuple[int, int, int | None]:
        """iat, exp and nbf, when all of them fit the time."""
        skew = self._rules.clock_skew
        issued, expires = _count(document, "iat"), _count(document, "exp")
        not_before = _count(document, "nbf") if "nbf" in document else None
        if now >= expires + skew:
            raise Expired("exp")
        if not_before is not None and not_before > now + skew:
            raise NotYetValid("nbf")
        if issued > now + skew:
            raise IssuedInFuture("iat")
        if now - issued > self._rules.max_age:
            raise TooOld("iat")
        return issued, expires, not_before


def _is_plain(value: Any) -> TypeGuard[str]:
    """A string of visible characters, blanks only inside: it goes into logs and headers of others."""
    return type(value) is str and value.isprintable() and value != "" and value[0] != " " and value[-1] != " "


def _wrong(document: Mapping[str, Any], name: str) -> TokenRefused:
    return ClaimInvalid(name) if name in document else ClaimMissing(name)


def _text(document: Mapping[str, Any], name: str) -> str:
    value = document.get(name)
    if not _is_plain(value):
        raise _wrong(document, name)
    return value


def _count(document: Mapping[str, Any], name: str) -> int:
    """A whole number from 0 on; true is none, nor is 1.0 or 1e3."""
    value = document.get(name)
    if type(value) is not int or value < 0:
        raise _wrong(document, name)
    return value


def _session(document: Mapping[str, Any], role: str) -> tuple[str | None, int | None]:
    """sid and rot."""
    given = ("sid" in document) + ("rot" in document)
    if given == 0:
        return None, None
    if role == roles.SERVICE:
        raise SessionOfService("sid and rot")
    if given == 1:
        raise SessionIncomplete("sid and rot")
    return _text(document, "sid"), _count(document, "rot")


def _organization(document: Mapping[str, Any], role: str) -> str | None:
    if "org" in document:
        return _text(document, "org")
    if role != roles.PLATFORM_ADMIN:
        raise OrganizationMissing("org")
    return None


def _scopes(document: Mapping[str, Any]) -> frozenset[str]:
    value = document.get("scope", "")
    if value == "":
        return _NO_SCOPES
    if type(value) is not str or _SCOPE.fullmatch(value) is None:
        raise ClaimInvalid("scope")
    return frozenset(value.split(" "))
