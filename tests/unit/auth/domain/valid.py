"""Tokens that must be accepted: what our service signs, and all else that the rules allow."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping

from novacron.auth.domain.jws import MAX_TOKEN
from novacron.auth.domain.minting import SigningKey
from tests.support.tokens import AUDIENCE, NOW, claims, header, jwk, service_claims, signed, signing_key

FOREIGN_KID = "2026-11 / main"
KEYS = (signing_key(), signing_key(3072), signing_key(4096))
KEY_SET = {"keys": [*map(jwk, KEYS), jwk(signing_key(number=1), kid=FOREIGN_KID, use=None, alg=None)]}
"""A kid need not be a thumbprint, and use and alg may be left out."""


def _spaced() -> bytes:
    payload = " \n" + json.dumps(claims(), indent=2) + "\r\n\t"
    return signed(payload.encode(), b' { "typ" :"at+jwt",\n"alg": "RS256","kid":"%b"}\n' % signing_key().kid.encode())


def _escaped() -> bytes:
    text = json.dumps(claims()).replace('"iss"', '"\\u0069ss"').replace("novacron-api", "novacron\\u002dapi")
    return signed(text.encode())


def _largest() -> bytes:
    """As long as a token may be."""
    note = MAX_TOKEN * 3 // 4
    while len(token := signed(claims(note="x" * note))) > MAX_TOKEN:
        note -= 1
    return token


def _foreign_kid() -> bytes:
    key = SigningKey(FOREIGN_KID, signing_key(number=1).private_key)
    return signed(head=header(key), key=key)


VALID: Mapping[str, Callable[[], bytes]] = {
    "minimal": signed,
    "typ-long": lambda: signed(head=header(typ="application/at+jwt")),
    "rsa-3072": lambda: signed(key=signing_key(3072)),
    "rsa-4096": lambda: signed(key=signing_key(4096)),
    "kid-no-thumbprint": _foreign_kid,
    "aud-list": lambda: signed(claims(aud=[AUDIENCE])),
    "aud-list-with-others": lambda: signed(claims(aud=["billing", AUDIENCE, "x y"])),
    "nbf-past": lambda: signed(claims(nbf=NOW - 60)),
    "nbf-zero": lambda: signed(claims(nbf=0)),
    "nbf-at-the-skew": lambda: signed(claims(nbf=NOW + 30)),
    "iat-at-the-skew": lambda: signed(claims(iat=NOW + 30)),
    "exp-inside-the-skew": lambda: signed(claims(exp=NOW - 29)),
    "exp-now": lambda: signed(claims(exp=NOW)),
    "exp-far": lambda: signed(claims(exp=2**53 - 1)),
    "as-old-as-allowed": lambda: signed(claims(iat=NOW - 86400)),
    "viewer": lambda: signed(claims(role="viewer")),
    "operator": lambda: signed(claims(role="operator")),
    "admin": lambda: signed(claims(role="admin")),
    "platform-admin": lambda: signed(claims(role="platform-admin", org=None)),
    "platform-admin-of-an-organization": lambda: signed(claims(role="platform-admin")),
    "role-unknown": lambda: signed(claims(role="auditor")),
    "service": lambda: signed(service_claims()),
    "service-of-two-scopes": lambda: signed(service_claims(scope="metrics:write token:introspect")),
    "service-without-scope": lambda: signed(service_claims(scope=None)),
    "scope-empty": lambda: signed(service_claims(scope="")),
    "scope-unknown": lambda: signed(claims(scope="openid profile")),
    "person-without-session": lambda: signed(claims(sid=None, rot=None)),
    "sid-no-uuid": lambda: signed(claims(sid="session 1")),
    "rot-large": lambda: signed(claims(rot=2**53 - 1)),
    "sub-of-other-script": lambda: signed(claims(sub="Юлия 山田")),
    "more-claims": lambda: signed(claims(auth_time=NOW, amr=["pwd"], note=None, ratio=0.5, deep={"a": [{"b": 1}]})),
    "eight-levels": lambda: signed(claims(note=[[[[[[[]]]]]]])),
    "brackets-in-a-string": lambda: signed(claims(note='["{[' * 50)),
    "surrogate-pair": lambda: signed(claims(note="\U0001f600")),
    "escapes": _escaped,
    "blanks": _spaced,
    "largest": _largest,
    "header-in-other-order": lambda: signed(head={"typ": "at+jwt", "kid": signing_key().kid, "alg": "RS256"}),
}
