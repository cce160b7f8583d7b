"""Algorithms: RFC 8725 sections 2.1, 2.2, 2.5, 3.1, 3.2, 3.5."""

from __future__ import annotations

import hashlib
import hmac
import json
from functools import partial

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.support.tokens import (
    claims,
    encoded,
    header,
    jwk,
    signed,
    signing_key,
)
from tests.unit.auth.domain.hostile.case import Cases, hashed, unsigned

CASES = Cases()


def _hmac(secret: bytes, alg: str = "HS256") -> bytes:
    text = encoded(header(alg=alg)) + b"." + encoded(claims())
    digest = {"HS256": hashlib.sha256, "HS384": hashlib.sha384, "HS512": hashlib.sha512}[alg]
    return text + b"." + encoded(hmac.digest(secret, text, digest))


def _public(encoding: Encoding, form: PublicFormat = PublicFormat.SubjectPublicKeyInfo) -> bytes:
    return signing_key().private_key.public_key().public_bytes(encoding, form)


def _pss() -> bytes:
    text = encoded(header(alg="PS256")) + b"." + encoded(claims())
    salted = padding.PSS(padding.MGF1(hashes.SHA256()), padding.PSS.DIGEST_LENGTH)
    return text + b"." + encoded(signing_key().private_key.sign(text, salted, hashes.SHA256()))


def _elliptic(alg: str = "ES256") -> bytes:
    private = ec.generate_private_key(ec.SECP256R1())
    text = encoded(header(alg=alg)) + b"." + encoded(claims())
    return text + b"." + encoded(private.sign(text, ec.ECDSA(hashes.SHA256())))


# RFC 8725 2.1, 3.1, 3.2: the algorithm

for _name, _alg in {
    "alg-none": "none",
    "alg-none-capitals": "None",
    "alg-none-upper": "NONE",
    "alg-none-mixed": "nOnE",
    "alg-empty": "",
    "alg-lower-case": "rs256",
    "alg-with-blank": "RS256 ",
    "alg-with-nul": "RS256\0",
}.items():
    CASES.add(_name, "8725-2.1 8725-3.1", "algorithm_refused", partial(unsigned, alg=_alg))
CASES.with_header(
    "algorithm_refused",
    "8725-3.1",
    alg_missing={"alg": None},
    alg_none_signed={"alg": "none"},
    alg_a_list={"alg": ["RS256"]},
    alg_an_object={"alg": {"RS256": 1}},
    alg_a_number={"alg": 256},
    alg_false={"alg": False},
    alg_unknown={"alg": "RS257"},
)
CASES.add(
    "alg-null", "8725-3.1", "algorithm_refused", lambda: signed(head=json.dumps({**header(), "alg": None}).encode())
)
CASES.add("hs256-with-public-pem", "8725-2.1 8725-3.1", "algorithm_refused", lambda: _hmac(_public(Encoding.PEM)))
CASES.add(
    "hs256-with-public-pem-stripped", "8725-2.1", "algorithm_refused", lambda: _hmac(_public(Encoding.PEM).strip())
)
CASES.add("hs256-with-public-der", "8725-2.1", "algorithm_refused", lambda: _hmac(_public(Encoding.DER)))
CASES.add(
    "hs256-with-public-pkcs1",
    "8725-2.1",
    "algorithm_refused",
    lambda: _hmac(_public(Encoding.PEM, PublicFormat.PKCS1)),
)
CASES.add("hs256-with-modulus", "8725-2.1", "algorithm_refused", lambda: _hmac(jwk(signing_key())["n"].encode()))
CASES.add("hs256-with-jwk", "8725-2.1", "algorithm_refused", lambda: _hmac(json.dumps(jwk(signing_key())).encode()))
CASES.add("hs512-with-public-pem", "8725-2.1", "algorithm_refused", lambda: _hmac(_public(Encoding.PEM), "HS512"))
CASES.add("hs384-with-kid", "8725-2.1", "algorithm_refused", lambda: _hmac(signing_key().kid.encode(), "HS384"))
CASES.add("hs256-weak-secret", "8725-2.2 8725-3.5", "algorithm_refused", lambda: _hmac(b"secret"))
CASES.add("hs256-empty-secret", "8725-2.2 8725-3.5", "algorithm_refused", lambda: _hmac(b""))
CASES.add("hs256-zero-secret", "8725-2.2 8725-3.5", "algorithm_refused", lambda: _hmac(b"\0" * 32))
CASES.add("ps256", "8725-3.1 8725-3.2", "algorithm_refused", _pss)
CASES.add("rs384", "8725-3.1 8725-3.2", "algorithm_refused", lambda: hashed(hashes.SHA384(), "RS384"))
CASES.add("rs512", "8725-3.1 8725-3.2", "algorithm_refused", lambda: hashed(hashes.SHA512(), "RS512"))
CASES.add("rs1", "8725-3.2", "algorithm_refused", lambda: signed(head=header(alg="RS1")))
CASES.add("es256-under-rsa-kid", "8725-2.5 8725-3.4", "algorithm_refused", _elliptic)
CASES.add("es256-zero-signature", "8725-3.4", "algorithm_refused", lambda: unsigned(alg="ES256") + encoded(b"\0" * 64))
CASES.add("eddsa", "8725-3.2", "algorithm_refused", lambda: unsigned(alg="EdDSA") + encoded(b"\0" * 64))
