"""PyJWT and joserfc as oracles: what we accept, they accept; they are laxer, so the reverse does not hold."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from typing import Any
from unittest.mock import patch

import joserfc.errors
import jwt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from joserfc import jwk as joserfc_jwk
from joserfc import jwt as joserfc_jwt
from joserfc.jwt import ClaimsOption

from novacron.auth.domain.key_set import KeySet
from novacron.auth.domain.refusal import TokenRefused
from novacron.auth.domain.token import Validator
from tests.support.tokens import AUDIENCE, ISSUER, MIN_BITS, NOW, RULES, claims, header, signed
from tests.unit.auth.domain.valid import KEY_SET, VALID

_KEYS = json.dumps(KEY_SET)
_JOSERFC_KEYS = joserfc_jwk.KeySet.import_key_set(KEY_SET)  # type: ignore[arg-type]
_PYJWT_KEYS = jwt.PyJWKSet.from_json(_KEYS)


def by_us(token: bytes) -> bool:
    try:
        Validator(KeySet.parse(_KEYS.encode(), MIN_BITS), RULES).validate(token, NOW)
    except TokenRefused:
        return False
    return True


def by_pyjwt(token: bytes) -> bool:
    """The usual pattern, with every check that it has."""
    required = ["iss", "aud", "exp", "iat", "sub", "jti"]
    try:
        key = _PYJWT_KEYS[jwt.get_unverified_header(token)["kid"]]
        with patch("jwt.api_jwt.datetime") as clock:
            clock.now.side_effect = lambda tz: datetime.fromtimestamp(NOW, tz)
            jwt.decode(token, key, ["RS256"], {"require": required}, audience=AUDIENCE, issuer=ISSUER, leeway=30)
    except (jwt.InvalidTokenError, KeyError):
        return False
    return True


def by_joserfc(token: bytes) -> bool:
    essential = ClaimsOption(essential=True)
    registry = joserfc_jwt.JWTClaimsRegistry(
        now=NOW,
        leeway=30,
        iss=ClaimsOption(essential=True, value=ISSUER),
        aud=ClaimsOption(essential=True, value=AUDIENCE),
        exp=essential,
        iat=essential,
        sub=essential,
    )
    try:
        found = joserfc_jwt.decode(token, _JOSERFC_KEYS, ["RS256"])
        registry.validate(found.claims)
    except (joserfc.errors.JoseError, ValueError):
        return False
    return True


@pytest.mark.parametrize("make", VALID.values(), ids=VALID)
def test_what_must_be_accepted_they_accept_too(make: Callable[[], bytes]) -> None:
    token = make()
    assert (by_us(token), by_pyjwt(token), by_joserfc(token)) == (True, True, True)


_moments = st.integers(NOW - 90_000, NOW + 5_000) | st.sampled_from([NOW - 30, NOW - 29, NOW, NOW + 30, NOW + 31, 0])
_odd: st.SearchStrategy[Any] = st.sampled_from([None, True, "", "x", -1, 1.5, float(NOW), [], ["x"], {}, str(NOW)])
_values = {
    "iss": st.sampled_from([ISSUER, ISSUER + "x"]) | _odd,
    "aud": st.sampled_from([AUDIENCE, [AUDIENCE], ["x", AUDIENCE], ["x"]]) | _odd,
    "exp": _moments | _odd,
    "iat": _moments | _odd,
    "nbf": _moments | _odd,
    "sub": st.text(max_size=5) | _odd,
    "jti": st.text(max_size=5) | _odd,
    "note": _odd,
}
_change = st.sampled_from(list(_values)).flatmap(lambda name: st.tuples(st.just(name), _values[name]))
_changes = st.lists(_change, max_size=2).map(dict)


@settings(max_examples=400)
@given(_changes, st.sampled_from([{}, {"typ": "application/at+jwt"}, {"typ": "JWT"}, {"kid": "x"}, {"alg": "none"}]))
def test_what_we_accept_they_accept(changes: dict[str, Any], head: dict[str, Any]) -> None:
    token = signed(json.dumps(claims() | changes).encode(), header(**head))
    if by_us(token):
        assert (by_pyjwt(token), by_joserfc(token)) == (True, True)
