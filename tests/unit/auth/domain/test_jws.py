"""The signature layer: the order of its checks, the headers that it remembers. Vectors are in tests/static."""

from __future__ import annotations

from typing import Any

import pytest

from novacron.auth.domain import jws, strict_json
from novacron.auth.domain.jws import Verifier
from novacron.auth.domain.key_set import KeySet
from novacron.auth.domain.refusal import HeaderTooLarge, KeyUnknown, SignatureInvalid, TokenRefused
from tests.support.tokens import (
    MIN_BITS,
    NOW,
    encoded,
    header,
    key_set_document,
    parts,
    signed,
    signing_key,
    validator,
)


def verifier(*numbers: int) -> Verifier:
    return Verifier(KeySet.parse(key_set_document(*(signing_key(number=number) for number in numbers)), MIN_BITS))


def test_gives_the_key_the_type_and_the_signed_bytes() -> None:
    found, payload = verifier(0, 1).verify(signed(b"any bytes \xff", header(typ="x")))
    assert (found.key.kid, found.type, payload) == (signing_key().kid, "x", b"any bytes \xff")


def test_a_type_and_a_payload_are_not_required() -> None:
    found, payload = verifier(0).verify(signed(b"", header(typ=None)))
    assert (found.type, payload) == (None, b"")


def test_two_keys_are_told_apart_by_kid() -> None:
    both = verifier(0, 1)
    for number in (0, 1, 0):
        found, _payload = both.verify(signed(key=signing_key(number=number)))
        assert found.key.kid == signing_key(number=number).kid
    with pytest.raises(KeyUnknown):
        verifier(1).verify(signed())


@pytest.fixture
def parsed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Which parts of tokens were parsed."""
    original = strict_json.object_of
    found: list[str] = []

    def seen(text: bytes, part: str) -> dict[str, Any]:
        if part != "the key set":
            found.append(part)
        return original(text, part)

    monkeypatch.setattr(strict_json, "object_of", seen)
    return found


def test_no_payload_is_parsed_before_its_signature_holds(parsed: list[str]) -> None:
    head, _payload, signature = parts(signed())
    with pytest.raises(SignatureInvalid):
        validator().validate(head + b"." + encoded(b"{" * 100) + b"." + signature, NOW)
    assert parsed == ["header"]


def test_a_known_header_is_not_parsed_again(parsed: list[str]) -> None:
    judge = verifier(0)
    judge.verify(signed())
    judge.verify(signed(b"other"))
    assert parsed == ["header"]


def test_only_headers_of_accepted_tokens_are_remembered(parsed: list[str]) -> None:
    judge = verifier(0)
    head, payload, _signature = parts(signed())
    for _ in range(3):
        with pytest.raises(SignatureInvalid):
            judge.verify(head + b"." + payload + b"." + encoded(b"\1" * 256))
    assert len(parsed) == 3


def test_no_more_headers_are_remembered_than_a_few(parsed: list[str]) -> None:
    judge = verifier(0)
    tokens = [signed(head=header(typ=f"type-{number}")) for number in range(70)]
    for token in tokens * 2:
        judge.verify(token)
    assert len(parsed) == 70 + (70 - 64)


def test_the_longest_header() -> None:
    kid = signing_key().kid
    blanks = jws.MAX_HEADER * 3 // 4 - len(b'{"alg":"RS256","kid":"%s"}' % kid.encode())
    verifier(0).verify(signed(head=b'{"alg":"RS256","kid":"%s"%s}' % (kid.encode(), b" " * blanks)))
    with pytest.raises(HeaderTooLarge):
        verifier(0).verify(signed(head=b'{"alg":"RS256","kid":"%s"%s}' % (kid.encode(), b" " * (blanks + 1))))


@pytest.mark.parametrize("name", ["jku", "jwk", "x5u", "crit", "zip", "cty", "b64"])
def test_the_dangerous_members_are_named(name: str) -> None:
    with pytest.raises(TokenRefused, match=f"^{name}: "):
        verifier(0).verify(signed(head=header(**{name: "x"})))


def test_a_member_of_the_senders_is_not_named() -> None:
    with pytest.raises(TokenRefused, match=r"^header: "):
        verifier(0).verify(signed(head=header(**{"MARKER": "x"})))
