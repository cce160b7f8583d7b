"""The mounted keys: taken over when they change, kept when what comes is unusable, and none at all is allowed."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from novacron.auth.domain.key_set import KeySet
from novacron.auth.domain.refusal import TokenRefused
from novacron.auth.service.keys import KeySetFile
from novacron.auth.service.settings import TokenSettings
from novacron.auth.service.standing import Unavailable
from novacron.auth.service.verified import VerifiedTokens
from novacron.auth.service.wall_metrics import WallMetrics
from novacron.workload.service.telemetry import Telemetry
from tests.support.service_process import TOKEN
from tests.support.signer import Signer, key_set
from tests.support.volume import Volume

FIRST, SECOND = Signer(), Signer()


class Pod:
    """The dependency, and whom it gives the keys."""

    def __init__(self, directory: Path, content: str | None = None) -> None:
        self.volume = Volume(directory / "jwks", {"jwks.json": content} if content is not None else {})
        self.telemetry = Telemetry("api")
        self.tokens = VerifiedTokens(86400, WallMetrics(CollectorRegistry()))
        settings = TokenSettings.model_validate(TOKEN)
        self.keys = KeySetFile(self.volume.path / "jwks.json", settings, self.tokens, self.telemetry)

    def mount(self, content: str) -> None:
        self.volume.replace({"jwks.json": content})
        assert self.keys.changed()

    def judges(self, signer: Signer) -> str:
        try:
            self.tokens.validate(signer.token().encode(), time.time())
        except TokenRefused:
            return "refused"
        except Unavailable as error:
            return error.code
        return "passed"

    def reloads(self, outcome: str) -> float:
        labels = {"source": "jwks", "outcome": outcome}
        return self.telemetry.registry.get_sample_value("novacron_reloads_total", labels) or 0.0


async def test_keys_come_and_go(tmp_path: Path) -> None:
    pod = Pod(tmp_path, key_set())
    assert (await pod.keys.check()).state == "ok"
    assert pod.judges(FIRST) == "no_keys"
    pod.mount(key_set(FIRST))
    await pod.keys.check()
    assert [pod.judges(FIRST), pod.judges(SECOND)] == ["passed", "refused"]
    pod.mount(key_set(FIRST, SECOND))
    await pod.keys.check()
    assert [pod.judges(FIRST), pod.judges(SECOND)] == ["passed", "passed"]
    pod.mount(key_set(SECOND))
    await pod.keys.check()
    assert [pod.judges(FIRST), pod.judges(SECOND)] == ["refused", "passed"]


async def test_a_token_that_was_verified_goes_with_its_key(tmp_path: Path) -> None:
    pod = Pod(tmp_path, key_set(FIRST))
    await pod.keys.check()
    token = FIRST.token().encode()
    pod.tokens.validate(token, time.time())
    pod.mount(key_set(SECOND))
    await pod.keys.check()
    with pytest.raises(TokenRefused):
        pod.tokens.validate(token, time.time())


async def test_the_same_keys_in_another_file_leave_what_was_verified(tmp_path: Path) -> None:
    pod = Pod(tmp_path, key_set(FIRST))
    await pod.keys.check()
    pod.judges(FIRST)
    pod.mount(key_set(FIRST))
    await pod.keys.check()
    assert len(pod.tokens) == 1


UNUSABLE = {
    "no JSON": "{",
    "no set": '{"keys": 7}',
    "a key that is none": '{"keys": [{"kty": "RSA", "kid": "a", "n": "AQAB", "e": "AQAB"}]}',
}


@pytest.mark.parametrize("content", UNUSABLE.values(), ids=UNUSABLE)
async def test_unusable_keys_change_nothing_and_are_told(tmp_path: Path, content: str) -> None:
    pod = Pod(tmp_path, key_set(FIRST))
    await pod.keys.check()
    pod.mount(content)
    finding = await pod.keys.check()
    assert (finding.state, finding.reason, finding.failing) == ("down", "FileInvalid", False)
    assert "the last ones stay in use" in finding.message
    assert pod.judges(FIRST) == "passed"
    assert (pod.reloads("applied"), pod.reloads("refused")) == (1, 1)
    pod.mount(key_set(SECOND))
    assert (await pod.keys.check()).state == "ok"
    assert pod.judges(SECOND) == "passed"


@pytest.mark.parametrize("content", [*UNUSABLE.values(), None], ids=[*UNUSABLE, "no file"])
async def test_without_any_keys_the_pod_is_not_ready(tmp_path: Path, content: str | None) -> None:
    pod = Pod(tmp_path, content)
    finding = await pod.keys.check()
    assert finding.failing
    assert finding.reason == ("FileMissing" if content is None else "FileInvalid")
    assert pod.judges(FIRST) == "no_keys"


async def test_keys_that_come_while_bad_ones_are_looked_at_are_not_missed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pod = Pod(tmp_path, key_set(FIRST))
    await pod.keys.check()
    parse = KeySet.parse

    def overtaken(document: bytes, min_bits: int) -> KeySet:
        monkeypatch.undo()
        pod.volume.replace({"jwks.json": key_set(SECOND)})
        return parse(document, min_bits)

    monkeypatch.setattr(KeySet, "parse", overtaken)
    pod.mount('{"keys": 1}')
    await pod.keys.check()
    assert pod.keys.changed()
    await pod.keys.check()
    assert [pod.judges(FIRST), pod.judges(SECOND)] == ["refused", "passed"]
