"""Project Wycheproof judges the signature layer: all of its JSON Web Signature vectors, of every algorithm."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from novacron.auth.domain.jws import Verifier
from novacron.auth.domain.key_set import InvalidKeySet, KeySet
from novacron.auth.domain.refusal import TokenRefused
from tests.support.wycheproof import Vector, vectors

MIN_BITS = 2048
OTHER_ALGORITHMS = {
    "a shared secret (HS256)": {1, 348, 352, 357, 358, 359, 376, 377},
    "elliptic curves (ES256, ES521)": {18, 347, 351, 378},
    "RS384": {264, 265, 266, 267},
    "RS512": {268, 269, 270, 271},
    "RSA-PSS (PS256, PS384, PS512)": {
        *{272, 273, 274, 275, 287, 288},
        *{320, 321, 322, 323},
        *{325, 326, 327, 328},
        *{346, 350},
    },
    "a character that is no base64url (RFC 7515 section 2 has none), and HS256 besides": {372, 373},
}
"""Where we deviate: valid vectors that we refuse, because we take RS256 alone. There is no other deviation."""
RIGHT_BUT_FOR_THE_KEY = {332, 353, 355}
"""RS256 signatures, invalid for nothing but the alg (PS512), use or key_ops of their key: right with a bare one."""


@pytest.fixture(scope="module")
def all_vectors() -> list[Vector]:
    return list(vectors())


def _accepted(vector: Vector, key: Mapping[str, Any] | None) -> bool:
    try:
        keys = KeySet.parse(json.dumps({"keys": [key] if key else []}).encode(), MIN_BITS)
        Verifier(keys).verify(vector.token.encode())
    except (InvalidKeySet, TokenRefused):
        return False
    return True


def test_every_valid_rs256_vector_is_accepted_and_nothing_else(all_vectors: list[Vector]) -> None:
    assert len(all_vectors) == 401
    deviating = {number for numbers in OTHER_ALGORITHMS.values() for number in numbers}
    expected = {vector.number for vector in all_vectors if vector.valid} - deviating
    assert expected == {33, 259, 260, 261, 262, 263, 345, 349}
    assert {vector.number for vector in all_vectors if _accepted(vector, vector.key)} == expected


def test_a_deviation_is_one_of_the_algorithm_alone(all_vectors: list[Vector]) -> None:
    """Each is valid for Wycheproof, and no RS256 key is among them."""
    deviating = {number for numbers in OTHER_ALGORITHMS.values() for number in numbers}
    listed = [vector for vector in all_vectors if vector.number in deviating]
    assert len(listed) == len(deviating)
    assert all(vector.valid for vector in listed)
    assert not any((vector.key or {}).get("alg") == "RS256" for vector in listed)


def test_the_headers_are_judged_without_help_from_the_keys(all_vectors: list[Vector]) -> None:
    """The same with keys that say nothing of their purpose: then the token's own algorithm must be refused."""
    bare = {
        vector.number: {name: vector.key[name] for name in ("kty", "n", "e", "kid")}
        for vector in all_vectors
        if vector.key is not None and vector.key["kty"] == "RSA"
    }
    found = {vector.number for vector in all_vectors if _accepted(vector, bare.get(vector.number))}
    assert found == {33, 259, 260, 261, 262, 263, 345, 349} | RIGHT_BUT_FOR_THE_KEY
