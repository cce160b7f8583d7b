"""The form in which a key ring is stored: ``ring.json`` and a private key a file, as auth pods mount them. Pure.

What cannot be understood is refused as a whole and never written over: a newer version may have made it, or a person
can mend it. What is damaged in a single private key is told by the key's id, and the rest of the ring stands.
"""

from __future__ import annotations

import json
import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicNumbers

from novacron.auth.domain import base64url
from novacron.auth.domain.key_ring import MOST_KEYS, KeyRing, RingKey, State
from novacron.auth.domain.key_set import EXPONENT, MAX_BITS, public_jwk, thumbprint
from novacron.core.errors import NovaCronError

RING_FILE = "ring.json"
LEAST_BITS = 2048
"""What the resource may ask for at least."""
_VERSION = 1
_STATES: dict[str, State] = {"next": "next", "active": "active", "retired": "retired"}
_LATEST = 253_402_300_800
"""The year 10000, of which dates know nothing."""
_TIMES = ("published", "activated", "retired", "until")
_NEEDED: dict[State, tuple[str, ...]] = {"next": (), "active": ("activated",), "retired": ("retired", "until")}
"""State -> times that a key in it must have."""


class UnreadableRing(NovaCronError):
    """A stored ring cannot be used; the text says where and why, and never holds what is stored."""


@dataclass(frozen=True, slots=True)
class Made:
    """A new key with its private half, PKCS#8 in PEM."""

    key: RingKey
    pem: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Stored:
    """A ring as it is stored.

    Args:
        pems: id -> private half, of those keys that sign or will.
        lost: ids of such keys whose private half is not there or is not theirs.
    """

    ring: KeyRing
    pems: Mapping[str, bytes] = field(repr=False)
    lost: frozenset[str] = frozenset()


def made(private_key: RSAPrivateKey, now: int) -> Made:
    """The next key of a ring."""
    public_key = private_key.public_key()
    kid = thumbprint(public_key)
    jwk = public_jwk(public_key, kid)
    pem = private_key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return Made(RingKey(kid, jwk["n"], jwk["e"], "next", created=now), pem)


def written(ring: KeyRing, pems: Mapping[str, bytes]) -> dict[str, bytes]:
    """Files of the Secret: a private half stays for as long as its key signs or will."""
    document: dict[str, Any] = {
        "version": _VERSION,
        "keys": [_entry(key) for key in ring.keys],
        "request": ring.request,
        "forced": ring.forced,
        "revoked": ring.revoked,
    }
    files = {RING_FILE: json.dumps(document, indent=1).encode() + b"\n"}
    return files | {_file(key.kid): pems[key.kid] for key in ring.keys if key.state != "retired"}


def parsed(files: Mapping[str, bytes]) -> Stored:
    """A ring from the files of its Secret.

    Raises:
        UnreadableRing: with the reason.
    """
    if RING_FILE not in files:
        raise UnreadableRing(f"it has no {RING_FILE}")
    try:
        document = json.loads(files[RING_FILE])
    except (ValueError, RecursionError):
        raise UnreadableRing(f"{RING_FILE} is not JSON") from None
    ring = _ring(document)
    needed = {key.kid for key in ring.keys if key.state != "retired"}
    pems = {kid: pem for kid in needed if (pem := files.get(_file(kid))) is not None and _belongs(pem, kid)}
    return Stored(ring, pems, frozenset(needed - pems.keys()))


def published(document: str) -> tuple[RingKey, ...]:
    """Keys of a published key set that may be ours, by their kind, size and name. What else it holds is left out.

    State and times are the caller's to give.
    """
    try:
        listed = json.loads(document)["keys"]
        members = [item for item in listed if isinstance(item, dict)]
    except (ValueError, RecursionError, KeyError, TypeError):
        return ()
    found = {}
    for item in members:
        kid, n, e = item.get("kid"), item.get("n"), item.get("e")
        if isinstance(kid, str) and isinstance(n, str) and isinstance(e, str) and _is_ours(kid, n, e):
            found[kid] = RingKey(kid, n, e, "retired", created=0)
    return tuple(found.values())[:MOST_KEYS]


def _file(kid: str) -> str:
    return f"{kid}.pem"


def _entry(key: RingKey) -> dict[str, Any]:
    times = {name: getattr(key, name) for name in _TIMES}
    about = {"kid": key.kid, "state": key.state, "created": key.created, **times, "lifetime": key.lifetime}
    return about | {"n": key.n, "e": key.e}


def _ring(document: Any) -> KeyRing:
    _check(isinstance(document, dict), "is no object")
    version = document.get("version")
    _check(type(version) is int and version >= 1, "has no version")
    _check(version == _VERSION, f"has version {version}, and this operator knows {_VERSION}: upgrade it")
    _known(document, ("version", "keys", "request", "forced", "revoked"))
    listed, request, forced = document["keys"], document["request"], document["forced"]
    _check(isinstance(listed, list) and isinstance(request, str) and isinstance(forced, bool), "has a wrong type")
    keys = tuple(_key(item, number) for number, item in enumerate(listed))
    _check(len({key.kid for key in keys}) == len(keys), "has a key twice")
    for state in ("active", "next"):
        _check(sum(key.state == state for key in keys) <= 1, f"has more than one key in state {state}")
    return KeyRing(keys, request, forced, _time(document["revoked"], "revoked"))


def _key(item: Any, number: int) -> RingKey:
    where = f"keys[{number}]"
    _check(isinstance(item, dict), f"{where} is no object")
    _known(item, ("kid", "state", "created", *_TIMES, "lifetime", "n", "e"), where)
    kid, n, e, state = item["kid"], item["n"], item["e"], _STATES.get(str(item["state"]))
    if state is None:
        raise UnreadableRing(f"{RING_FILE}: {where}.state is none of {', '.join(_STATES)}")
    _check(all(isinstance(text, str) for text in (kid, n, e)), f"{where} has a wrong type")
    _check(_is_ours(kid, n, e), f"{where} is no RSA key that the operator makes, or its kid is not its thumbprint")
    times = {name: _time(item[name], f"{where}.{name}") for name in _TIMES}
    missing = [name for name in _NEEDED[state] if times[name] is None]
    _check(not missing, f"{where} is {state} without {', '.join(missing)}")
    created, lifetime = _time(item["created"], f"{where}.created"), _time(item["lifetime"], f"{where}.lifetime")
    return RingKey(kid, n, e, state, created or 0, lifetime or 0, **times)


def _time(value: Any, where: str) -> int | None:
    if value is None:
        return None
    _check(type(value) is int and 0 <= value < _LATEST, f"{where} is no number of seconds")
    seconds: int = value
    return seconds


def _known(item: Mapping[str, Any], names: Collection[str], where: str = "") -> None:
    prefix = f"{where} " if where else ""
    missing = sorted(set(names) - item.keys())
    _check(not missing, f"{prefix}lacks {', '.join(missing)}")
    _check(item.keys() <= set(names), f"{prefix}has members that this operator does not know: upgrade it")


def _check(holds: bool, problem: str) -> None:
    if not holds:
        raise UnreadableRing(f"{RING_FILE}: {problem}")


def _is_ours(kid: str, n: str, e: str) -> bool:
    """Whether it is an RSA key as the operator makes them, written as the standard says, under its thumbprint."""
    try:
        modulus, exponent = (int.from_bytes(base64url.decoded(text.encode())) for text in (n, e))
        public_key = RSAPublicNumbers(exponent, modulus).public_key()
    except (ValueError, UnsupportedAlgorithm):
        return False
    fits = exponent == EXPONENT and LEAST_BITS <= modulus.bit_length() <= MAX_BITS
    jwk = public_jwk(public_key, kid)
    return fits and (jwk["n"], jwk["e"], thumbprint(public_key)) == (n, e, kid)


def _belongs(pem: bytes, kid: str) -> bool:
    """Whether these are the bytes of a sound private key whose public half bears this name.

    The library's own check takes 40 ms and more, in which nothing else runs: it tests primes. That is not needed where
    the modulus is known to be right: then its factors are, and the rest follows from them (RFC 8017 section 3.2).
    """
    try:
        private_key = serialization.load_pem_private_key(pem, password=None, unsafe_skip_rsa_key_validation=True)
        if not isinstance(private_key, RSAPrivateKey) or thumbprint(private_key.public_key()) != kid:
            return False
        numbers = private_key.private_numbers()
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return False
    p, q, d, e = numbers.p, numbers.q, numbers.d, numbers.public_numbers.e
    return (
        1 < p < p * q == numbers.public_numbers.n
        and d * e % math.lcm(p - 1, q - 1) == 1
        and (numbers.dmp1, numbers.dmq1) == (d % (p - 1), d % (q - 1))
        and numbers.iqmp * q % p == 1
    )
