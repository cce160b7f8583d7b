"""The stored form of a ring: what is written is read, and nothing that is damaged passes for sound."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from joserfc.jwk import KeySet, RSAKey

from novacron.auth.domain import key_ring, ring_document
from novacron.auth.domain.key_ring import KeyRing
from novacron.auth.domain.key_set import thumbprint
from novacron.auth.domain.ring_document import RING_FILE, Made, UnreadableRing

_NOW = 1_000_000
Document = dict[str, Any]


@pytest.fixture(scope="module")
def keys() -> tuple[Made, Made, Made]:
    """Real ones, as the operator makes them."""
    first, second, third = (ring_document.made(rsa.generate_private_key(65537, 2048), _NOW) for _ in range(3))
    return first, second, third


@pytest.fixture(scope="module")
def ring(keys: tuple[Made, Made, Made]) -> KeyRing:
    old, now, later = (made.key for made in keys)
    return KeyRing(
        (
            replace(old, state="retired", published=1, activated=2, retired=3, until=4, lifetime=60),
            replace(now, state="active", published=2, activated=3, lifetime=60),
            later,
        ),
        request="2026-11-26",
        forced=True,
        revoked=1,
    )


@pytest.fixture
def files(keys: tuple[Made, Made, Made], ring: KeyRing) -> dict[str, bytes]:
    return ring_document.written(ring, {made.key.kid: made.pem for made in keys})


def test_what_is_written_is_read(files: dict[str, bytes], keys: tuple[Made, Made, Made], ring: KeyRing) -> None:
    stored = ring_document.parsed(files)
    assert stored.ring == ring
    assert stored.pems == {made.key.kid: made.pem for made in keys[1:]}
    assert stored.lost == frozenset()
    assert ring_document.written(stored.ring, stored.pems) == files


def test_a_retired_key_has_no_private_half_in_the_secret(files: dict[str, bytes], ring: KeyRing) -> None:
    assert set(files) == {RING_FILE} | {f"{key.kid}.pem" for key in ring.keys if key.state != "retired"}


def test_the_key_set_is_understood_by_another_library(keys: tuple[Made, Made, Made], ring: KeyRing) -> None:
    theirs = KeySet.import_key_set(json.loads(key_ring.key_set(ring.keys)))
    for made, public in zip(keys, theirs.keys, strict=True):
        private = RSAKey.import_key(made.pem)
        assert public.thumbprint() == private.thumbprint() == public.kid == made.key.kid
        assert (public.get("alg"), public.get("use"), public.is_private) == ("RS256", "sig", False)
    assert [key.kid for key in ring_document.published(key_ring.key_set(ring.keys))] == [key.kid for key in ring.keys]


def test_nothing_private_is_shown(keys: tuple[Made, Made, Made], ring: KeyRing, files: dict[str, bytes]) -> None:
    text = repr((keys, ring, ring_document.parsed(files)))
    assert "PRIVATE" not in text


def _changed(**members: Any) -> Callable[[Document], None]:
    return lambda document: document.update(members)


def _of_key(index: int, **members: Any) -> Callable[[Document], None]:
    return lambda document: document["keys"][index].update(members)


def _without(name: str) -> Callable[[Document], None]:
    return lambda document: document["keys"][0].pop(name)


def _twice(document: Document) -> None:
    document["keys"].append(document["keys"][0])


_DAMAGES = [
    pytest.param(_changed(version=2), "has version 2, and this operator knows 1: upgrade it", id="newer"),
    pytest.param(_changed(version=True), "has no version", id="no number"),
    pytest.param(_changed(more=1), "members that this operator does not know", id="unknown member"),
    pytest.param(
        _of_key(1, more=1), "keys[1] has members that this operator does not know", id="unknown member of a key"
    ),
    pytest.param(_changed(keys={}), "has a wrong type", id="no list"),
    pytest.param(_changed(keys=[1]), "keys[0] is no object", id="no object"),
    pytest.param(_changed(revoked="1"), "revoked is no number of seconds", id="a time in words"),
    pytest.param(_twice, "has a key twice", id="twice"),
    pytest.param(_of_key(2, state="active", activated=5), "more than one key in state active", id="two active"),
    pytest.param(_of_key(0, state="asleep"), "keys[0].state is none of next, active, retired", id="unknown state"),
    pytest.param(_of_key(0, until=None), "keys[0] is retired without until", id="retired for ever"),
    pytest.param(_of_key(1, activated=None), "keys[1] is active without activated", id="active since never"),
    pytest.param(_of_key(0, created=-1), "keys[0].created is no number of seconds", id="before all time"),
    pytest.param(_of_key(0, until=10**15), "keys[0].until is no number of seconds", id="after all time"),
    pytest.param(_of_key(0, n="AQAB"), "keys[0] is no RSA key that the operator makes", id="another key"),
    pytest.param(_of_key(0, kid="../../etc/passwd"), "keys[0] is no RSA key that the operator makes", id="a path"),
    pytest.param(_of_key(0, n=5), "keys[0] has a wrong type", id="a number as a number"),
    pytest.param(_without("lifetime"), "keys[0] lacks lifetime", id="a member that is missing"),
]


@pytest.mark.parametrize(("damage", "words"), _DAMAGES)
def test_what_is_not_understood_is_refused(
    damage: Callable[[Document], None], words: str, files: dict[str, bytes]
) -> None:
    document = json.loads(files[RING_FILE])
    damage(document)
    with pytest.raises(UnreadableRing) as error:
        ring_document.parsed(files | {RING_FILE: json.dumps(document).encode()})
    assert words in str(error.value)


@pytest.mark.parametrize("content", [b"", b"{", b"\xff", b"[" * 100_000, b"null", b"[]"], ids=repr)
def test_what_is_no_ring_is_refused(content: bytes, files: dict[str, bytes]) -> None:
    with pytest.raises(UnreadableRing, match=r"ring\.json"):
        ring_document.parsed(files | {RING_FILE: content})


def test_a_secret_without_a_ring_is_refused() -> None:
    with pytest.raises(UnreadableRing, match=r"it has no ring\.json"):
        ring_document.parsed({"key": b"x"})


def _half(pem: bytes) -> bytes:
    return pem[: len(pem) // 2]


def _flipped(pem: bytes, place: int) -> bytes:
    """With one bit of one octet of the key turned over; sound Base64 all the same."""
    lines = pem.decode().splitlines()
    octets = bytearray(base64.b64decode("".join(lines[1:-1])))
    octets[place % len(octets)] ^= 1
    body = base64.b64encode(octets).decode()
    return "\n".join((lines[0], *(body[at : at + 64] for at in range(0, len(body), 64)), lines[-1], "")).encode()


def _accepted(pem: bytes, kid: str) -> bool:
    """The library's own judgement, primes and all."""
    try:
        private_key = serialization.load_pem_private_key(pem, password=None)
    except (ValueError, UnsupportedAlgorithm):
        return False
    assert isinstance(private_key, rsa.RSAPrivateKey)
    return thumbprint(private_key.public_key()) == kid


def test_every_damage_that_the_library_finds_is_found(files: dict[str, bytes], ring: KeyRing) -> None:
    kid = ring.keys[1].kid
    name, pem = f"{kid}.pem", files[f"{kid}.pem"]
    verdicts = set()
    for place in range(0, 1300, 9):
        flipped = _flipped(pem, place)
        lost = ring_document.parsed(files | {name: flipped}).lost
        assert (lost == {kid}) is not _accepted(flipped, kid), f"octet {place}"
        verdicts.add(lost)
    assert frozenset({kid}) in verdicts


@pytest.mark.parametrize("damage", [_half, lambda _pem: b"", lambda _pem: None], ids=["half", "empty", "gone"])
def test_a_damaged_private_key_is_lost_alone(
    damage: Callable[[bytes], bytes | None], files: dict[str, bytes], ring: KeyRing
) -> None:
    name = f"{ring.keys[1].kid}.pem"
    damaged = damage(files.pop(name))
    stored = ring_document.parsed(files if damaged is None else files | {name: damaged})
    assert stored.ring == ring
    assert stored.lost == {ring.keys[1].kid}


def test_the_private_key_of_another_is_none(
    files: dict[str, bytes], ring: KeyRing, keys: tuple[Made, Made, Made]
) -> None:
    stored = ring_document.parsed(files | {f"{ring.keys[1].kid}.pem": keys[0].pem})
    assert stored.lost == {ring.keys[1].kid}


@pytest.mark.parametrize(("bits", "exponent"), [(1024, 65537), (2048, 3)])
def test_a_weak_key_is_never_taken_for_ours(bits: int, exponent: int) -> None:
    """A person who may write ConfigMaps must not be able to make a weak key count."""
    made = ring_document.made(rsa.generate_private_key(exponent, bits), _NOW)
    assert ring_document.published(key_ring.key_set([made.key])) == ()
    ring = KeyRing((replace(made.key, state="active", activated=1),))
    with pytest.raises(UnreadableRing, match="no RSA key that the operator makes"):
        ring_document.parsed(ring_document.written(ring, {made.key.kid: made.pem}))


@pytest.mark.parametrize(
    "document", ["", "{", "[]", '{"keys": 1}', '{"keys": [1, {}, {"kid": "a", "n": "AQAB", "e": "AQAB"}]}'], ids=repr
)
def test_a_published_set_of_strangers_holds_no_key_of_ours(document: str) -> None:
    assert ring_document.published(document) == ()
