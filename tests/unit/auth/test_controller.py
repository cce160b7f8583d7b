"""The step of a pass that keeps the keys, against Secrets in memory that behave as server-side apply has them."""

from __future__ import annotations

import base64
import copy
import json
from typing import Any

import pytest

from novacron.adapters.credentials import Credentials
from novacron.adapters.kube import ApiError, Conflict, Forbidden, Invalid, Kube, NotFound, Unreachable
from novacron.api.v1alpha1 import NovaCron, validate
from novacron.auth import status
from novacron.auth.controller import Asked, KeyKeeper, asked, due
from novacron.auth.desired import NO_KEYS
from novacron.auth.domain import key_ring, ring_document
from novacron.auth.domain.key_ring import KeyRing
from novacron.auth.status import Keys
from novacron.core import kinds, labels, names
from novacron.core.manifest import Kind, Manifest
from tests.support import resources

_NOW = 1_800_000_000
_LEAD = 600
_DAY = 86_400


class Server(Kube):
    """Secrets of one namespace; what they are told to refuse, they refuse."""

    def __init__(self) -> None:
        super().__init__(Credentials("http://127.0.0.1:1", "x"))
        self.secrets: dict[str, Manifest] = {}
        self.writes: list[str] = []
        self.refused: dict[str, ApiError] = {}
        self.unreadable: ApiError | None = None
        self._version = 0

    async def get(self, kind: Kind, namespace: str, name: str) -> Manifest:
        assert (kind, namespace) == (kinds.SECRET, "novacron")
        if self.unreadable is not None:
            raise self.unreadable
        if name not in self.secrets:
            raise NotFound(404, "NotFound", name)
        return copy.deepcopy(self.secrets[name])

    async def apply_new(self, kind: Kind, manifest: Manifest) -> Manifest:
        if manifest["metadata"]["name"] in self.secrets:
            raise Conflict(409, "Conflict", "the object has been modified")
        return self._write(manifest, f"u{self._version}")

    async def apply(
        self,
        kind: Kind,
        manifest: Manifest,
        *,
        manager: str = "novacron",
        force: bool = True,
        dry_run: bool = False,
        uid: str = "",
    ) -> Manifest:
        meta, found = manifest["metadata"], self.secrets.get(manifest["metadata"]["name"])
        known = found is not None and found["metadata"]
        if not known or (known["uid"], known["resourceVersion"]) != (uid, meta.get("resourceVersion")):
            raise Conflict(409, "Conflict", "the object has been modified")
        return self._write(manifest, uid)

    def _write(self, manifest: Manifest, uid: str) -> Manifest:
        name = manifest["metadata"]["name"]
        if name in self.refused:
            raise self.refused[name]
        assert "ownerReferences" not in manifest["metadata"]
        assert labels.INSTANCE not in manifest["metadata"]["labels"]
        self._version += 1
        stored = copy.deepcopy(manifest)
        stored["metadata"] |= {"uid": uid, "resourceVersion": str(self._version)}
        self.secrets[name] = stored
        self.writes.append(name)
        return copy.deepcopy(stored)

    # Hands of others

    def files(self) -> dict[str, bytes]:
        data = self.secrets[names.SIGNING_KEYS]["data"]
        return {name: base64.b64decode(content) for name, content in data.items()}

    def edit(self, **files: bytes | None) -> None:
        """Sets files of the signing keys, or removes them."""
        secret = self.secrets[names.SIGNING_KEYS]
        for name, content in files.items():
            secret["data"].pop(name, None)
            if content is not None:
                secret["data"][name] = base64.b64encode(content).decode()
        self._version += 1
        secret["metadata"]["resourceVersion"] = str(self._version)

    def ring(self) -> KeyRing:
        return ring_document.parsed(self.files()).ring


def resource(**jwt: Any) -> NovaCron:
    body = resources.minimal(auth={"jwt": jwt})
    return validate(resources.changed(body, {"metadata.uid": "u"}))


class Scene:
    """A keeper, its server and the ConfigMap that a pass would write."""

    def __init__(self) -> None:
        self.server = Server()
        self.keeper = KeyKeeper(self.server)
        self.shown = ""
        self.now = _NOW
        self.request = ""
        self.resource = resource()
        self.status: Manifest = {}

    async def look(self, *, shows: bool = True) -> Keys:
        """One pass: the keys, then the ConfigMap, then the status."""
        wish = Asked(self.request, self.status.get("handledRotationRequest", ""), self.shown, self.now)
        keys = await self.keeper.keep(self.resource, wish)
        if shows:
            self.shown = keys.document
        self.status = status.component(keys) or self.status
        return keys

    async def ringed(self) -> Keys:
        """With an active and a next key, both shown."""
        await self.look()
        self.now += _DAY - _LEAD
        await self.look()
        return await self.look()

    def states(self) -> list[str]:
        return [key.state for key in self.server.ring().keys]

    def shown_ids(self) -> list[str]:
        return [key["kid"] for key in json.loads(self.shown)["keys"]]


@pytest.fixture
def scene() -> Scene:
    return Scene()


async def test_the_first_pass_makes_both_secrets_and_the_second_writes_nothing(scene: Scene) -> None:
    keys = await scene.look()
    assert scene.server.writes == [names.SIGNING_KEYS, names.INTERNAL_KEY]
    assert scene.states() == ["active"]
    assert scene.shown_ids() == [scene.server.ring().keys[0].kid]
    assert [told.reason for told in keys.told] == ["SigningKeyCreated", "InternalKeyCreated"]
    again = await scene.look()
    assert (len(scene.server.writes), again.told, again.writes) == (2, (), 0)


async def test_the_internal_key_is_32_random_octets(scene: Scene) -> None:
    await scene.look()
    text = base64.b64decode(scene.server.secrets[names.INTERNAL_KEY]["data"]["key"])
    assert len(base64.urlsafe_b64decode(text + b"=")) == 32


async def test_a_rotation_goes_through_all_states(scene: Scene) -> None:
    await scene.look()
    (first,) = scene.server.ring().keys
    scene.now += _DAY - _LEAD
    await scene.look()
    assert scene.states() == ["active", "next"]
    assert scene.server.ring().keys[1].published is None, "it was not seen to be shown yet"
    await scene.look()
    assert scene.server.ring().keys[1].published == scene.now
    scene.now += _LEAD
    keys = await scene.look()
    assert scene.states() == ["retired", "active"]
    assert [told.reason for told in keys.told] == ["SigningKeyActivated"]
    assert scene.shown_ids()[0] == first.kid
    assert f"{first.kid}.pem" not in scene.server.files()
    assert scene.status["activeKeyID"] == scene.server.ring().keys[1].kid
    scene.now += 180 + 3_600 + 30 + 300
    keys = await scene.look()
    assert (scene.states(), scene.shown_ids()) == (["active"], [scene.status["activeKeyID"]])
    assert [told.reason for told in keys.told] == ["SigningKeyDropped"]


async def test_a_key_that_is_never_shown_never_signs(scene: Scene) -> None:
    await scene.look()
    scene.now += _DAY
    for _ in range(3):
        await scene.look(shows=False)
        scene.now += _LEAD
    assert scene.states() == ["active", "next"]
    assert due(await scene.look(shows=False), None) > 0, "nothing to hurry for"


async def test_every_due_date_is_in_time_and_none_is_now_twice(scene: Scene) -> None:
    """Passes only when one is due: a whole rotation in a handful, each of which does something."""
    passes = 0
    states: list[list[str]] = []
    while len(states) < 8:
        keys = await scene.look()
        if not states or states[-1] != scene.states():
            states.append(scene.states())
        config_map = {"data": {"jwks.json": scene.shown}}
        seconds = due(keys, config_map)
        assert seconds >= 0
        scene.now += int(seconds)
        passes += 1
    assert states[:5] == [["active"], ["active", "next"], ["retired", "active"], ["active"], ["active", "next"]]
    assert scene.now - _NOW <= 3 * _DAY + _LEAD
    assert passes <= 12


async def test_a_request_is_acted_on_once_and_shown_in_the_status(scene: Scene) -> None:
    await scene.look()
    scene.request = "please"
    await scene.look()
    await scene.look()
    assert scene.status["handledRotationRequest"] == "please"
    scene.now += _LEAD
    await scene.look()
    assert scene.states() == ["retired", "active"]
    before = len(scene.server.writes)
    scene.now += 1_000
    await scene.look()
    assert len(scene.server.writes) == before


async def test_a_revocation_leaves_one_new_key_at_once(scene: Scene) -> None:
    await scene.ringed()
    old = set(scene.shown_ids())
    scene.request = "revoke-stolen"
    keys = await scene.look()
    assert scene.states() == ["active"]
    assert old.isdisjoint(scene.shown_ids())
    assert set(scene.server.files()) == {"ring.json", f"{scene.shown_ids()[0]}.pem"}
    (told,) = keys.told
    assert (told.reason, told.kind) == ("SigningKeysRevoked", "Warning")
    assert "every access token from before is refused" in told.note
    condition = status.signing_keys(keys, "nc")
    assert (condition.status, condition.reason) == ("True", "KeysRevoked")
    scene.now += 180
    after = await scene.look()
    assert (status.signing_keys(after, "nc").reason, after.writes) == ("KeysCurrent", 0)


async def test_another_resource_takes_the_ring_up(scene: Scene) -> None:
    """Its ConfigMap is another one, so its pods have yet to see the next key; the requests of the other are done."""
    scene.request = "before"
    await scene.ringed()
    kids = scene.shown_ids()
    scene.shown, scene.status, scene.keeper = "", {}, KeyKeeper(scene.server)
    keys = await scene.look()
    assert scene.shown_ids() == kids
    assert keys.ring is not None
    assert keys.ring.successor is not None
    assert keys.ring.successor.published is None
    assert scene.states() == ["active", "next"]


async def test_two_operators_make_one_ring(scene: Scene) -> None:
    other = KeyKeeper(scene.server)
    wish = Asked("", "", "", scene.now)

    await other.keep(scene.resource, wish)
    secret = scene.server.secrets.pop(names.SIGNING_KEYS)
    original = scene.server.apply_new

    async def overtaken(kind: Kind, manifest: Manifest) -> Manifest:
        scene.server.secrets[names.SIGNING_KEYS] = secret
        return await original(kind, manifest)

    scene.server.apply_new = overtaken  # type: ignore[method-assign]
    with pytest.raises(Conflict):
        await scene.keeper.keep(scene.resource, wish)
    assert scene.server.secrets[names.SIGNING_KEYS] == secret
    keys = await scene.look()
    assert keys.writes == 0


async def test_a_version_that_somebody_overtook_is_refused(scene: Scene) -> None:
    await scene.ringed()
    scene.now += _LEAD
    original = scene.server.get

    async def then_changed(kind: Kind, namespace: str, name: str) -> Manifest:
        found = await original(kind, namespace, name)
        if name == names.SIGNING_KEYS:
            scene.server.edit(other=b"x")
        return found

    scene.server.get = then_changed  # type: ignore[method-assign]
    with pytest.raises(Conflict):
        await scene.look()
    assert scene.states() == ["active", "next"]


async def test_lost_keys_of_a_deleted_secret_still_verify(scene: Scene) -> None:
    await scene.ringed()
    old = scene.shown_ids()
    del scene.server.secrets[names.SIGNING_KEYS]
    keys = await scene.look()
    assert scene.states() == ["retired", "retired", "active"]
    assert scene.shown_ids()[:2] == old
    assert [told.reason for told in keys.told] == ["SigningKeyLost", "SigningKeyLost", "SigningKeyCreated"]


async def test_keys_that_were_to_be_revoked_are_not_kept_when_the_secret_is_gone(scene: Scene) -> None:
    await scene.ringed()
    del scene.server.secrets[names.SIGNING_KEYS]
    scene.request = "revoke-x"
    await scene.look()
    assert scene.states() == ["active"]


async def test_a_damaged_private_key_is_replaced_and_still_verifies(scene: Scene) -> None:
    await scene.look()
    (first,) = scene.server.ring().keys
    scene.server.edit(**{f"{first.kid}.pem": b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"})
    keys = await scene.look()
    assert scene.states() == ["retired", "active"]
    assert scene.shown_ids()[0] == first.kid
    assert [told.reason for told in keys.told] == ["SigningKeyLost", "SigningKeyCreated"]
    assert (await scene.look()).writes == 0


async def test_a_ring_that_is_not_understood_is_left_and_its_keys_stay_published(scene: Scene) -> None:
    await scene.ringed()
    shown = scene.shown
    scene.server.edit(**{"ring.json": b'{"version": 2, "secret": "hunter2"}'})
    before = len(scene.server.writes)
    keys = await scene.look()
    assert (scene.shown, len(scene.server.writes)) == (shown, before)
    condition = status.signing_keys(keys, "nc")
    assert (condition.status, condition.reason) == ("False", "KeysUnreadable")
    assert "upgrade it" in condition.message
    assert "delete it" in condition.message
    assert "hunter2" not in condition.message
    ready = status.auth_ready(keys, condition, "", "")
    assert (ready.status, ready.reason) == ("False", "KeysUnreadable")
    del scene.server.secrets[names.SIGNING_KEYS]
    await scene.look()
    assert scene.states() == ["retired", "retired", "active"]


async def test_without_the_right_nothing_is_known_and_the_right_is_named(scene: Scene) -> None:
    scene.server.unreadable = Forbidden(403, "Forbidden", 'secrets "novacron-signing-keys" is forbidden: no')
    keys = await scene.look()
    condition = status.signing_keys(keys, "nc")
    assert (condition.status, condition.reason, scene.shown) == ("Unknown", "RightMissing", NO_KEYS)
    assert "install the operator's current RBAC" in condition.message
    assert status.auth_ready(keys, condition, "", "").status == "Unknown"
    assert status.component(keys) is None


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (Forbidden(403, "Forbidden", "exceeded quota: q"), "exceeded quota: q"),
        (Invalid(422, "Invalid", "data: Invalid value: hunter2"), "422 Invalid"),
    ],
    ids=["quota", "invalid"],
)
async def test_a_write_that_is_refused_shows_no_key(scene: Scene, error: ApiError, words: str) -> None:
    scene.server.refused[names.SIGNING_KEYS] = error
    keys = await scene.look()
    condition = status.signing_keys(keys, "nc")
    assert (condition.status, condition.reason, scene.shown, keys.failed) == ("False", "WriteFailed", NO_KEYS, True)
    assert words in condition.message
    assert "hunter2" not in condition.message


async def test_an_internal_key_that_cannot_be_written_is_told(scene: Scene) -> None:
    scene.server.refused[names.INTERNAL_KEY] = Forbidden(403, "Forbidden", "exceeded quota: q")
    keys = await scene.look()
    ready = status.auth_ready(keys, status.signing_keys(keys, "nc"), "", "")
    assert (ready.status, ready.reason, keys.failed) == ("False", "WriteFailed", True)
    assert names.INTERNAL_KEY in ready.message


async def test_an_api_server_that_is_away_ends_the_pass(scene: Scene) -> None:
    scene.server.unreadable = Unreachable(0, "Unreachable", "no answer")
    with pytest.raises(Unreachable):
        await scene.look()


async def test_with_auth_off_no_key_is_made_and_those_that_are_there_stay(scene: Scene) -> None:
    scene.resource = validate(resources.changed(resources.minimal(auth={"enabled": False}), {"metadata.uid": "u"}))
    keys = await scene.look()
    assert (scene.server.writes, scene.shown) == ([names.INTERNAL_KEY], NO_KEYS)
    condition = status.signing_keys(keys, "nc")
    assert (condition.status, condition.reason) == ("True", "Disabled")
    assert "answer 503" in condition.message

    off, scene.resource = scene.resource, resource()
    await scene.ringed()
    shown, writes = scene.shown, len(scene.server.writes)
    scene.resource = off
    scene.now += 9 * _DAY
    keys = await scene.look()
    assert (scene.shown, len(scene.server.writes), due(keys, None)) == (shown, writes, float("inf"))


async def test_a_larger_size_is_made_by_a_rotation(scene: Scene) -> None:
    await scene.look()
    scene.resource = resource(minKeySize=3072)
    await scene.look()
    await scene.look()
    assert [key.bits for key in scene.server.ring().keys] == [2048, 3072]
    scene.now += _LEAD
    await scene.look()
    assert scene.states() == ["retired", "active"]


async def test_labels_that_somebody_took_away_come_back(scene: Scene) -> None:
    await scene.look()
    scene.server.secrets[names.SIGNING_KEYS]["metadata"]["labels"] = {}
    assert (await scene.look()).writes == 1
    assert (await scene.look()).writes == 0


async def test_an_internal_key_that_is_none_is_replaced(scene: Scene) -> None:
    await scene.look()
    scene.server.secrets[names.INTERNAL_KEY]["data"] = {"key": base64.b64encode(b"changeme").decode()}
    keys = await scene.look()
    assert [told.reason for told in keys.told] == ["InternalKeyCreated"]


def test_what_a_pass_brings_along() -> None:
    body = {
        "metadata": {"annotations": {labels.ROTATE_SIGNING_KEY: " now "}},
        "status": {"auth": {"handledRotationRequest": "then"}},
    }
    config_map = {"data": {"jwks.json": NO_KEYS}}
    assert asked(body, config_map, 5.9) == Asked("now", "then", NO_KEYS, 5)
    assert asked({"metadata": {}}, None, 5.0) == Asked("", "", "", 5)


def test_an_overdue_rotation_says_what_it_waits_for() -> None:
    rules = key_ring.RingRules(_DAY, 3_600, 30, 300, 180, 2048)
    first = key_ring.RingKey("a", "AQAB", "AQAB", "active", _NOW, activated=_NOW)
    late = _NOW + _DAY + _LEAD + 600
    waiting = Keys("", KeyRing((first, key_ring.RingKey("b", "AQAB", "AQAB", "next", _NOW))), rules, late)
    condition = status.signing_keys(waiting, "nc")
    assert (condition.status, condition.reason) == ("False", "RotationOverdue")
    assert "key b waits until ConfigMap/nc-jwks shows it" in condition.message
    on_time = Keys(waiting.document, waiting.ring, rules, late - 1)
    assert status.signing_keys(on_time, "nc").status == "True"
    assert status.auth_ready(waiting, condition, "", "").status == "True", "it signs all the same"


def test_auth_that_is_not_available_is_not_ready() -> None:
    rules = key_ring.RingRules(_DAY, 3_600, 30, 300, 180, 2048)
    first = key_ring.RingKey("a", "AQAB", "AQAB", "active", _NOW, activated=_NOW)
    keys = Keys("", KeyRing((first,)), rules, _NOW)
    current = status.signing_keys(keys, "nc")
    ready = status.auth_ready(keys, current, "too few pods are available", "WorkloadUnavailable")
    assert (ready.status, ready.reason, ready.message) == (
        "False",
        "WorkloadUnavailable",
        "auth: too few pods are available",
    )
    assert status.auth_ready(keys, current, "", "").status == "True"
