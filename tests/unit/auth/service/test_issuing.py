"""When a token says that it was issued: never so that a cut-off to come would miss it. And when it ends."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from novacron.adapters import clock
from novacron.auth.domain import key_ring, ring_document
from novacron.auth.domain.key_ring import KeyRing, RingRules
from novacron.auth.domain.session import Session
from novacron.auth.service.issuing import Issued, Issuer
from novacron.auth.service.signing import SigningKeys
from novacron.auth.service.store.accounts import Account
from novacron.auth.service.store.people import Person
from novacron.workload.service.telemetry import Telemetry
from tests.support.volume import Volume

NOW = 1_800_000_000
_RULES = RingRules(86_400, 3600, 30, 300, 90, 2048)


Issuing = Callable[[int], Awaitable[Issuer]]


@pytest.fixture
def issuing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Issuing:
    """An issuer whose settings say 600 s, for the number of seconds that the ring says of its key."""
    monkeypatch.setattr(clock, "now", lambda: datetime.fromtimestamp(NOW, UTC))

    async def issuer(bound: int) -> Issuer:
        made = ring_document.made(rsa.generate_private_key(65537, 2048), NOW)
        ring = key_ring.joined(KeyRing(), made.key, replace(_RULES, lifetime=bound), NOW)
        volume = Volume(tmp_path / "signing-keys", ring_document.written(ring, {made.key.kid: made.pem}))
        keys = SigningKeys(volume.path, Telemetry("auth"))
        await keys.check()
        return Issuer("issuer", "audience", 600, keys)

    return issuer


@pytest.fixture
async def issuer(issuing: Issuing) -> Issuer:
    return await issuing(3600)


def _account(read_at: float, not_before: float = float("-inf")) -> Account:
    return Account("a", "o", b"", [], active=True, tokens_not_before=not_before, read_at=read_at)


def _claims(issued: Issued) -> tuple[int, int]:
    claims = jwt.decode(issued.token, options={"verify_signature": False})
    return claims["iat"] - NOW, claims["exp"] - NOW


@pytest.mark.parametrize(
    ("database", "not_before", "expected"),
    [
        (0.5, float("-inf"), 0),
        (7.0, float("-inf"), 0),
        (-3.5, float("-inf"), -4),
        (-3.5, -2, -2),
        (0.5, 1, 1),
    ],
    ids=["in step", "the pod is behind", "the pod is ahead", "ahead, and cut off since", "cut off in this second"],
)
def test_a_token_is_dated_by_the_clock_that_is_behind(
    issuer: Issuer, database: float, not_before: float, expected: int
) -> None:
    """It ends by the pod's clock all the same: others judge that by theirs."""
    issued = issuer.for_account(_account(NOW + database, NOW + not_before), [])
    assert _claims(issued) == (expected, 600)
    assert issued.expires_in == 600


@pytest.mark.parametrize(("bound", "seconds"), [(60, 60), (600, 600), (3600, 600)])
async def test_a_token_lives_no_longer_than_the_ring_says_of_its_key(
    issuing: Issuing, bound: int, seconds: int
) -> None:
    """Settings of a higher tokenTTL may be those of a pod for long; nobody asks it before the key is dropped."""
    issuer = await issuing(bound)
    person = Person("p", "p@example.com", "viewer", "o", "", True, False, False, float("-inf"), NOW)
    session = Session("s", "p", 1, NOW, NOW, NOW, expires_at=NOW + 7200, ended=False)
    issued = [issuer.for_account(_account(NOW), []), issuer.for_person(person, session, 1)]
    assert [(_claims(token), token.expires_in) for token in issued] == [((0, seconds), seconds)] * 2
