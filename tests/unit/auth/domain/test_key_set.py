"""Key sets: each key fits, or the set is refused with the key and the reason."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from hypothesis import given
from hypothesis import strategies as st

from novacron.auth.domain import base64url
from novacron.auth.domain.key_set import InvalidKeySet, KeySet, public_jwk, thumbprint
from novacron.auth.domain.minting import SigningKey
from tests.support.tokens import MIN_BITS, jwk, key_set_document, signing_key

RFC_7638_N = (
    "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMs"
    "tn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5ha"
    "jrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw"
)


def parsed(*members: Any, min_bits: int = MIN_BITS) -> KeySet:
    return KeySet.parse(json.dumps({"keys": members}).encode(), min_bits)


def refused(*members: Any, min_bits: int = MIN_BITS) -> str:
    with pytest.raises(InvalidKeySet) as error:
        parsed(*members, min_bits=min_bits)
    return str(error.value)


def own(**changes: Any) -> dict[str, Any]:
    return jwk(signing_key(), **changes)


def number(value: int) -> str:
    return base64url.encoded(value.to_bytes((value.bit_length() + 7) // 8))


def test_finds_a_key_by_its_kid() -> None:
    first, second = signing_key(), signing_key(3072)
    found = KeySet.parse(key_set_document(first, second), MIN_BITS)
    assert len(found) == 2
    for key, size in ((first, 256), (second, 384)):
        kept = found.find(key.kid)
        assert kept is not None
        assert (kept.kid, kept.size) == (key.kid, size)
        assert kept.public.public_numbers() == key.private_key.public_key().public_numbers()
    assert found.find("other") is None


def test_may_be_empty() -> None:
    assert len(parsed()) == 0


def test_the_thumbprint_is_that_of_the_rfc() -> None:
    modulus = int.from_bytes(base64url.decoded(RFC_7638_N.encode()))
    public_key = rsa.RSAPublicNumbers(65537, modulus).public_key()
    assert thumbprint(public_key) == "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"
    assert public_jwk(public_key, "k")["n"] == RFC_7638_N


def test_what_we_publish() -> None:
    key = signing_key()
    assert len(key.kid) == 43
    found = public_jwk(key.private_key.public_key(), key.kid)
    assert {name: found[name] for name in found if name != "n"} == {
        "kty": "RSA",
        "e": "AQAB",
        "kid": key.kid,
        "alg": "RS256",
        "use": "sig",
    }


@pytest.mark.parametrize(
    "changes",
    [
        {"use": None},
        {"alg": None},
        {"use": None, "key_ops": ["verify"]},
        {"key_ops": ["sign", "verify"]},
        {"kid": "no thumbprint"},
        {"x5c": ["ignored"], "x5t": "ignored", "nonsense": {"a": 1}},
    ],
    ids=",".join,
)
def test_what_a_key_may_say(changes: dict[str, Any]) -> None:
    assert len(parsed(own(**changes))) == 1


@pytest.mark.parametrize(
    ("member", "reason"),
    [
        (own(kty="EC"), "kty must be RSA"),
        (own(kty="rsa"), "kty must be RSA"),
        (own(kty=None), "kty must be RSA"),
        (own(alg="RS512"), "alg must be RS256"),
        (own(alg="PS256"), "alg must be RS256"),
        (own(alg="none"), "alg must be RS256"),
        (own(alg=["RS256"]), "alg must be RS256"),
        (own(use="enc"), "use must be sig"),
        (own(use=""), "use must be sig"),
        (own(use=["sig"]), "use must be sig"),
        (own(key_ops=["encrypt"]), "key_ops must hold verify"),
        (own(key_ops=[]), "key_ops must hold verify"),
        (own(key_ops="verify"), "key_ops must hold verify"),
        (own(d="AQAB"), "private members"),
        (own(k="AQAB"), "private members"),
        (own(p="AQAB", q="AQAB"), "private members"),
        (own(e="Aw"), "exponent must be 65537"),
        (own(e="AQ"), "exponent must be 65537"),
        (own(e="AQAC"), "exponent must be 65537"),
        (own(e="AAEAAQ"), "e must have as few bytes"),
        (own(e=""), "e must have as few bytes"),
        (own(e=None), "e must be base64url"),
        (own(e=65537), "e must be base64url"),
        (own(e="AQAB="), "e must be base64url"),
        (own(e="AQ.AB"), "e must be base64url"),
        (own(n=None), "n must be base64url"),
        (own(n=""), "n must have as few bytes"),
        (own(n="AA"), "n must have as few bytes"),
        (own(n=own()["n"] + "=="), "n must be base64url"),
        (own(n=own()["n"] + "\n"), "n must be base64url"),
        (own(n="\N{FULLWIDTH LATIN CAPITAL LETTER A}" + own()["n"]), "n must be base64url"),
        (own(n=number(2**2047)), "the modulus is even"),
        (own(n=number(2**2047 - 1)), "2047 bits"),
        (own(n=number(2**8192 + 1)), "8193 bits"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_key_that_does_not_fit_is_named_with_its_reason(member: dict[str, Any], reason: str) -> None:
    said = refused(jwk(signing_key(3072)), member)
    assert said.startswith(f"keys[1] (kid '{signing_key().kid}'): ")
    assert reason in said


@pytest.mark.parametrize("kid", [None, "", 1, ["a"], True])
def test_a_key_without_kid_is_named_by_its_place(kid: Any) -> None:
    assert refused(jwk(signing_key(3072)), own(kid=kid)).startswith("keys[1]: kid must be")


@pytest.mark.parametrize("member", [None, "key", 1, [], ["kty"]])
def test_a_key_that_is_no_object(member: Any) -> None:
    assert refused(member) == "keys[0]: must be an object"


def test_two_keys_of_one_kid() -> None:
    other = jwk(signing_key(3072), kid=signing_key().kid)
    assert refused(own(), other).startswith(f"keys[1] (kid '{signing_key().kid}'): an earlier key has that kid")


def test_the_least_size_is_the_given_one() -> None:
    assert "2048 bits; from 3072 to 8192" in refused(own(), min_bits=3072)
    assert len(parsed(jwk(signing_key(3072)), min_bits=3072)) == 1


def test_a_small_key_is_refused() -> None:
    small = rsa.generate_private_key(public_exponent=65537, key_size=1024)  # noqa: S505 - what must be refused
    assert "1024 bits" in refused(jwk(SigningKey("small", small)))


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        (b"", "not JSON"),
        (b"[]", "not an object"),
        (b"{}", 'no list "keys"'),
        (b'{"keys": null}', 'no list "keys"'),
        (b'{"keys": {}}', 'no list "keys"'),
        (b'{"keys": [], "keys": []}', "names a member twice"),
        (b'{"keys": [{"kid": "a", "kid": "b"}]}', "names a member twice"),
        (b'\xef\xbb\xbf{"keys": []}', "byte order mark"),
        (b'{"keys": [NaN]}', "not finite"),
        (b'{"keys": ["\xff"]}', "not UTF-8"),
    ],
)
def test_what_is_no_key_set(document: bytes, reason: str) -> None:
    with pytest.raises(InvalidKeySet, match=reason) as error:
        KeySet.parse(document, MIN_BITS)
    assert str(error.value).endswith("give a JWK Set (RFC 7517)")


def test_no_reason_holds_a_value_of_a_key() -> None:
    private = own(d="MARKER", n="MARKER")
    for member in (private, own(n="MARKER"), own(e="MARKER"), own(use="MARKER"), own(alg="MARKER"), own(kty="MARKER")):
        assert "MARKER" not in refused(member)


def test_a_kid_that_could_break_a_log_is_escaped_and_cut() -> None:
    said = refused(own(kid="\n\x1b[31m" + "x" * 1000, use="enc"))
    assert said.isprintable()
    assert len(said) < 200


_values = st.none() | st.integers() | st.text(max_size=5) | st.lists(st.text(max_size=5), max_size=2)
_members = st.dictionaries(st.sampled_from([*own(), "key_ops", "d"]), _values).map(lambda changes: own() | changes)
_documents = st.lists(_members | _values, max_size=3).map(lambda keys: json.dumps({"keys": keys}).encode())


@given(st.binary(max_size=80) | _documents)
def test_nothing_else_is_raised(document: bytes) -> None:
    with suppress(InvalidKeySet):
        KeySet.parse(document, MIN_BITS)
