"""The strict validator against the one thing that nobody can leave out: the RSA verification of the same library.

Every round measures all of them, one after the other, in CPU time; a ratio is the median over the rounds of what stood
in the same round, so that a busy machine slows both sides.
"""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from statistics import median

import jwt
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from joserfc import jwk as joserfc_jwk
from joserfc import jwt as joserfc_jwt
from joserfc.jwt import ClaimsOption

from novacron.auth.domain.jws import MAX_HEADER, MAX_TOKEN
from novacron.auth.domain.minting import minted, person_claims
from novacron.auth.domain.refusal import TokenRefused
from tests.bench.report import Goal, Row
from tests.bench.server import Bench
from tests.support import tokens
from tests.support.tokens import AUDIENCE, ISSUER, encoded, header, jwk, parts, raw_signature, signing_key, validator

CASE = "tokens"
RAW = "raw verify"
STRICT = "strict verify"
_ROUNDS, _CALLS = 31, 300
_HOSTILE = "6 KiB: "
_GOALS = {STRICT: Goal("at most", 1.8), "200 KB": Goal("at most", 0.1)}
_HOSTILE_GOAL = Goal("at most", 2.0)
_PEERS = ("PyJWT: header, kid, decode", "joserfc: key set, claims registry")

Calls = Mapping[str, Callable[[], object]]


async def run(_bench: Bench) -> list[Row]:
    return await asyncio.to_thread(rows)


def rows() -> list[Row]:
    now = int(time.time())
    token = _usual(now)
    calls = {**_accepting(token, now), **_refusing(token, now)}
    for call in calls.values():
        call()
    return compared(_measured(calls), len(token))


def compared(taken: Mapping[str, Sequence[float]], size: int) -> list[Row]:
    """Rows of what each cost in each round, in seconds; pure.

    Args:
        size: of the token, in bytes.
    """
    raw = taken[RAW]
    found = [Row(CASE, RAW, median(raw) * 1e6, "µs", note=f"RSA-2048, a token of {size} bytes; CPU time of one core")]
    hostile: list[Row] = []
    for name, times in taken.items():
        if name == RAW:
            continue
        ratios = sorted(each / base for each, base in zip(times, raw, strict=True))
        note = f"{median(times) * 1e6:.1f} µs; rounds from {ratios[0]:.2f} to {ratios[-1]:.2f}"
        row = Row(CASE, f"{name} over raw", median(ratios), "", goal=_GOALS.get(name), note=note)
        (hostile if name.startswith(_HOSTILE) else found).append(row)
    worst = max(hostile, key=lambda row: row.value)
    found.append(Row(CASE, "hostile 6 KiB over raw, the worst", worst.value, "", goal=_HOSTILE_GOAL, note=worst.what))
    return found + hostile


def _measured(calls: Calls) -> Mapping[str, Sequence[float]]:
    taken: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(_ROUNDS):
        for name, call in calls.items():
            started = time.process_time()
            for _ in range(_CALLS):
                call()
            taken[name].append((time.process_time() - started) / _CALLS)
    return taken


def _usual(now: int) -> bytes:
    ids = [str(uuid.uuid4()) for _ in range(4)]
    claims = person_claims(
        issuer=ISSUER,
        audience=AUDIENCE,
        issued=now,
        lifetime=3600,
        token_id=ids[0],
        subject=ids[1],
        role="operator",
        organization=ids[2],
        session=ids[3],
        rotation=3,
    )
    return minted(claims, signing_key()).encode()


def _accepting(token: bytes, now: int) -> Calls:
    public, padding, algorithm = signing_key().private_key.public_key(), PKCS1v15(), SHA256()
    signature, signed = raw_signature(token), token.rpartition(b".")[0]
    keys = {"keys": [jwk(signing_key())]}
    pyjwt_keys = jwt.PyJWKSet.from_dict(keys)
    joserfc_keys = joserfc_jwk.KeySet.import_key_set(keys)  # type: ignore[arg-type]
    registry = joserfc_jwt.JWTClaimsRegistry(
        leeway=30, iss=ClaimsOption(essential=True, value=ISSUER), aud=ClaimsOption(essential=True, value=AUDIENCE)
    )
    judge = validator()

    def by_pyjwt() -> None:
        key = pyjwt_keys[jwt.get_unverified_header(token)["kid"]]
        jwt.decode(token, key, ["RS256"], audience=AUDIENCE, issuer=ISSUER, leeway=30)

    return {
        RAW: lambda: public.verify(signature, signed, padding, algorithm),
        STRICT: lambda: judge.validate(token, now),
        _PEERS[0]: by_pyjwt,
        _PEERS[1]: lambda: registry.validate(joserfc_jwt.decode(token, joserfc_keys, ["RS256"]).claims),
    }


def _refusing(token: bytes, now: int) -> Calls:
    judge = validator()
    judge.validate(token, now)
    head, payload, signature = parts(token)

    def refused(other: bytes) -> Callable[[], None]:
        def call() -> None:
            try:
                judge.validate(other, now)
            except TokenRefused:
                return
            raise AssertionError("accepted")

        return call

    def filled(first: bytes) -> bytes:
        """With as much payload as a token may have."""
        return first + b"." + b"A" * ((MAX_TOKEN - len(first) - len(signature) - 2) // 4 * 4) + b"." + signature

    room = MAX_HEADER * 3 // 4
    many = b'{"alg":"RS256"' + b"".join(b',"%d":[]' % number for number in range((room - 16) // 8)) + b"}"
    unknown = encoded(header(kid="\u0001" * ((room - 60) // 6)))
    return {
        "200 KB": refused(b"A" * 200_000),
        "alg none": refused(encoded(header(alg="none")) + b"." + payload + b"."),
        "unknown key": refused(encoded(header(kid="unknown")) + b"." + payload + b"." + signature),
        "wrong signature": refused(head + b"." + payload + b"." + encoded(b"\1" * 256)),
        "expired": refused(tokens.signed(tokens.claims(iat=now - 7200, exp=now - 3600))),
        f"{_HOSTILE}wrong signature": refused(filled(head)),
        f"{_HOSTILE}header of many members": refused(filled(encoded(many[:room]))),
        f"{_HOSTILE}header of escapes": refused(filled(unknown)),
        f"{_HOSTILE}header of brackets": refused(filled(encoded(b'{"alg":' + b"[]," * ((room - 8) // 3)))),
        f"{_HOSTILE}header nested": refused(filled(encoded(b"[" * room))),
    }
