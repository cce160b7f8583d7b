"""When a token says that it was issued: never so that a cut-off to come would miss it."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from novacron.adapters import clock
from novacron.auth.domain import key_ring, ring_document
from novacron.auth.domain.key_ring import KeyRing, RingRules
from novacron.auth.service.issuing import Issued, Issuer
from novacron.auth.service.signing import SigningKeys
from novacron.auth.service.store.accounts import Account
from novacron.workload.service.telemetry import Telemetry
from tests.support.volume import Volume

NOW = 1_800_000_000
_RULES = RingRules(86_400, 3600, 30, 300, 90, 2048)


@pytest.fixture
async def issuer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Issuer:
    made = ring_document.made(rsa.generate_private_key(65537, 2048), NOW)
    ring = key_ring.joined(KeyRing(), made.key, _RULES, NOW)
    volume = Volume(tmp_path / "signing-keys", ring_document.written(ring, {made.key.kid: made.pem}))
    keys = SigningKeys(volume.path, Telemetry("auth"))
    await keys.check()
    monkeypatch.setattr(clock, "now", lambda: datetime.fromtimestamp(NOW, UTC))
    return Issuer("issuer", "audience", 600, keys)


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
