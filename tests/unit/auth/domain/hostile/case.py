"""Tokens that must be refused, each with the code that must say so, and the rule that it tries.

Made anew with each run's keys. What an attacker sends is signed with what he has: nothing, a key of his own, the public
key as a secret. What a foolish or subverted signer would send is signed with the right key: every rule beyond the
signature must hold by itself.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import HashAlgorithm

from tests.support.tokens import claims, encoded, header, signed, signing_key

RULES = {
    "8725-2.1": "weak signatures and insufficient signature validation",
    "8725-2.2": "weak symmetric keys",
    "8725-2.3": "incorrect composition of encryption and signature",
    "8725-2.4": "plaintext leakage through analysis of ciphertext length",
    "8725-2.5": "insecure use of elliptic curve encryption",
    "8725-2.6": "multiplicity of JSON encodings",
    "8725-2.7": "substitution attacks",
    "8725-2.8": "cross-JWT confusion",
    "8725-2.9": "indirect attacks on the server",
    "8725-3.1": "perform algorithm verification",
    "8725-3.2": "use appropriate algorithms",
    "8725-3.3": "validate all cryptographic operations",
    "8725-3.4": "validate cryptographic inputs",
    "8725-3.5": "ensure cryptographic keys have sufficient entropy",
    "8725-3.6": "avoid compression of encryption inputs",
    "8725-3.7": "use UTF-8",
    "8725-3.8": "validate issuer and subject",
    "8725-3.9": "use and validate audience",
    "8725-3.10": "do not trust received claims",
    "8725-3.11": "use explicit typing",
    "8725-3.12": "use mutually exclusive validation rules for different kinds of JWTs",
    "7515": "the compact serialization and its base64url",
    "7519": "the times",
    "9068": "the claims of an access token",
    "8259": "JSON that every reader understands alike (RFC 7493)",
    "size": "limits of our own",
    "interfaces": "claims of our own",
}
"""What the corpus tries: each section of RFC 8725's chapters 2 and 3, and what else there is to hold."""


@dataclass(frozen=True, slots=True)
class Case:
    """One token.

    Args:
        rules: what it tries, members of RULES.
        code: what must be said of it.
    """

    name: str
    rules: tuple[str, ...]
    code: str
    make: Callable[[], bytes]


class Cases(list[Case]):
    """A list that grows by one line a case."""

    def add(self, name: str, rules: str, code: str, make: Callable[[], bytes]) -> None:
        self.append(Case(name, tuple(rules.split()), code, make))

    def with_header(self, code: str, rules: str, **cases: dict[str, Any]) -> None:
        """Rightly signed, with other header members."""
        for name, changes in cases.items():
            self.add(name, rules, code, partial(_signed_header, changes))

    def with_claims(self, code: str, rules: str, **cases: dict[str, Any]) -> None:
        """Rightly signed, with other claims."""
        for name, changes in cases.items():
            self.add(name, rules, code, partial(_signed_claims, changes))


def _signed_header(changes: dict[str, Any]) -> bytes:
    return signed(head=header(**changes))


def _signed_claims(changes: dict[str, Any]) -> bytes:
    return signed(claims(**changes))


def unsigned(**changes: Any) -> bytes:
    return encoded(header(**changes)) + b"." + encoded(claims()) + b"."


def raw(claims_text: str) -> Callable[[], bytes]:
    """A payload of exactly these characters, rightly signed."""
    return lambda: signed(claims_text.encode())


def extended(members: str) -> Callable[[], bytes]:
    """Valid claims as text, with more members at the end."""
    return raw(json.dumps(claims())[:-1] + ", " + members + "}")


def own_key(**members: Any) -> bytes:
    """Signed with the attacker's key, which the header brings along."""
    mine = signing_key(number=1)
    return signed(head=header(mine, kid=signing_key().kid, **members), key=mine)


def hashed(algorithm: HashAlgorithm, alg: str) -> bytes:
    text = encoded(header(alg=alg)) + b"." + encoded(claims())
    return text + b"." + encoded(signing_key().private_key.sign(text, PKCS1v15(), algorithm))
