"""Tokens as a whole: the valid are accepted and read rightly, anything else is refused, and nothing else is raised."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from novacron.auth.domain.jws import MAX_TOKEN
from novacron.auth.domain.key_set import KeySet
from novacron.auth.domain.refusal import Expired, IssuedInFuture, NotYetValid, TokenRefused, TooOld
from novacron.auth.domain.token import TokenRules, Validator
from tests.support.tokens import (
    AUDIENCE,
    ISSUER,
    MIN_BITS,
    NOW,
    RULES,
    claims,
    encoded,
    header,
    service_claims,
    signed,
    validator,
)
from tests.unit.auth.domain.valid import KEY_SET, VALID

BASE64URL = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


def refusal(token: bytes) -> TokenRefused | None:
    """None for an accepted token; any other exception is a defect."""
    try:
        validator().validate(token, NOW)
    except TokenRefused as error:
        return error
    return None


def verdict(token: bytes) -> str:
    """Empty for an accepted token, else the code."""
    found = refusal(token)
    return found.code if found else ""


@pytest.mark.parametrize("make", VALID.values(), ids=VALID)
def test_a_valid_token_is_accepted(make: Callable[[], bytes]) -> None:
    keys = KeySet.parse(json.dumps(KEY_SET).encode(), MIN_BITS)
    token = make()
    accepting = Validator(keys, RULES)
    assert accepting.validate(token, NOW) == accepting.validate(token, NOW)  # the second finds its header known


def test_the_claims_of_a_person() -> None:
    sent = claims(aud=["x", AUDIENCE], nbf=NOW - 5, scope="b a", rot=7)
    found = validator().validate(signed(sent), NOW)
    assert found.document == sent
    assert (found.subject, found.client_id, found.role) == (sent["sub"], "novacron", "operator")
    assert (found.organization, found.session, found.rotation) == (sent["org"], sent["sid"], 7)
    assert (found.issuer, found.audience, found.id) == (ISSUER, ("x", AUDIENCE), sent["jti"])
    assert (found.issued, found.expires, found.not_before) == (NOW - 60, NOW + 3540, NOW - 5)
    assert found.scopes == {"a", "b"}


def test_the_claims_of_a_service_account() -> None:
    found = validator().validate(signed(service_claims()), NOW)
    assert (found.role, found.session, found.rotation, found.not_before) == ("service", None, None, None)
    assert (found.audience, found.scopes) == ((AUDIENCE,), frozenset({"metrics:write"}))


@pytest.mark.parametrize(
    ("changes", "last", "error"),
    [
        ({"exp": NOW + 100}, NOW + 100 + 29.999, Expired),
        ({"iat": NOW - 60, "exp": NOW + 10**6}, NOW - 60 + 86400, TooOld),
    ],
    ids=["exp", "age"],
)
def test_the_last_moment_of_a_token(changes: dict[str, Any], last: float, error: type[TokenRefused]) -> None:
    token = signed(claims(**changes))
    validator().validate(token, last)
    with pytest.raises(error):
        validator().validate(token, last + 0.001)


@pytest.mark.parametrize(
    ("changes", "first", "error"),
    [({"nbf": NOW + 100}, NOW + 70, NotYetValid), ({"iat": NOW + 100}, NOW + 70, IssuedInFuture)],
    ids=["nbf", "iat"],
)
def test_the_first_moment_of_a_token(changes: dict[str, Any], first: float, error: type[TokenRefused]) -> None:
    token = signed(claims(**changes))
    validator().validate(token, first)
    with pytest.raises(error):
        validator().validate(token, first - 0.001)


def test_the_rules_are_the_given_ones() -> None:
    other = TokenRules("i", "a", clock_skew=0, max_age=10)
    accepting = validator(rules=other)
    token = signed(claims(iss="i", aud="a", iat=NOW - 10, exp=NOW + 1))
    accepting.validate(token, NOW)
    with pytest.raises(TooOld):
        accepting.validate(token, NOW + 0.5)
    with pytest.raises(Expired):
        accepting.validate(signed(claims(iss="i", aud="a", exp=NOW)), NOW)


def test_no_key_accepts_no_token() -> None:
    with pytest.raises(TokenRefused) as refused:
        Validator(KeySet.parse(b'{"keys": []}', MIN_BITS), RULES).validate(signed(), NOW)
    assert refused.value.code == "key_unknown"


def test_every_change_of_a_single_bit_is_refused() -> None:
    token, judge = signed(), validator()
    accepted = []
    for place in range(len(token)):
        for bit in range(8):
            changed = bytearray(token)
            changed[place] ^= 1 << bit
            try:
                judge.validate(bytes(changed), NOW)
                accepted.append((place, bit))
            except TokenRefused:
                pass
    assert accepted == []


@given(place=st.integers(0), old=st.integers(0, 3), new=st.binary(max_size=3) | st.text(BASE64URL.decode(), max_size=3))
def test_every_other_edit_is_refused(place: int, old: int, new: bytes | str) -> None:
    token, start = signed(), place % len(signed())
    edited = token[:start] + (new if isinstance(new, bytes) else new.encode()) + token[start + old :]
    assert (verdict(edited) == "") == (edited == token)


@given(st.binary(max_size=300))
def test_any_bytes_are_refused(content: bytes) -> None:
    assert verdict(content) != ""


@given(st.lists(st.binary(max_size=60), min_size=3, max_size=3))
def test_any_three_parts_are_refused(content: list[bytes]) -> None:
    assert verdict(b".".join(map(encoded, content))) != ""


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(codec=None), max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from(["alg", "kid", "typ", "crit", "jku", "x"]), _json, max_size=6))
def test_any_header_is_refused(members: dict[str, Any]) -> None:
    """Signed by the right key; an accepted one would have to name it."""
    assert verdict(signed(head=json.dumps(members).encode())) != ""


@settings(max_examples=300)
@given(name=st.sampled_from([*claims(), "nbf", "scope"]), value=_json)
def test_any_value_of_a_claim_is_judged(name: str, value: Any) -> None:
    """Signed by the right key: accepted or refused, and never another exception."""
    found = verdict(signed(json.dumps(claims() | {name: value}).encode()))
    if found == "":
        assert name in ("iat", "exp", "nbf", "rot") or isinstance(value, str)


@given(_json)
def test_any_payload_is_judged(value: Any) -> None:
    assert verdict(signed(json.dumps(value).encode())) != ""


@given(st.binary(max_size=200))
def test_any_signed_bytes_are_refused(content: bytes) -> None:
    assert verdict(signed(content)) != ""


def test_a_longer_token_than_any_costs_nothing_and_says_so() -> None:
    assert verdict(b"A" * (MAX_TOKEN + 1)) == "too_large"
    assert verdict(signed() + b"A" * MAX_TOKEN) == "too_large"


@pytest.mark.parametrize("name", ["iss", "sub", "jti", "client_id", "role", "org", "sid"])
@pytest.mark.parametrize("value", ["a\x00", "a\x7f", "a\u0085", "a\u2028b", "a\u202e", " a", "a ", "\ufeffa"])
def test_text_that_could_deceive_a_reader_is_refused(name: str, value: str) -> None:
    assert verdict(signed(claims(**{name: value}))) == "claim_invalid"


def test_no_refusal_holds_what_the_token_holds() -> None:
    marked = "MARKER"
    tokens = [
        signed(claims(**{name: value}))
        for name in [*claims(), "nbf", "scope"]
        for value in (marked, [marked], {marked: marked}, f"{marked}\n", f"  {marked}")
    ]
    tokens += [signed(head=header(**{name: marked})) for name in ("alg", "kid", "typ", "jku", marked)]
    tokens += [
        signed(content) for content in (b'{"MARKER": NaN}', b'{"MARKER": 1, "MARKER": 2}', b"MARKER", b'"MARKER"')
    ]
    refusals = [error for error in map(refusal, tokens) if error is not None]
    assert len(refusals) > 50
    assert [text for error in refusals for text in (str(error), repr(error)) if marked in text] == []
    assert [
        error for error in refusals if error.__cause__ or (not error.__suppress_context__ and error.__context__)
    ] == []
