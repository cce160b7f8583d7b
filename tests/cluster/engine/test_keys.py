"""The keys of a namespace on a real API server: made before auth, shown, repaired, handed on; and no other Secret."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from novacron.core import labels, names
from tests.support.api_client import Client, Manifest, Refused, path
from tests.support.place import Place, small
from tests.support.waiting import until

pytestmark = pytest.mark.simulated_node


def ring(place: Place) -> list[Manifest]:
    secret = place.child("Secret", names.SIGNING_KEYS)
    found: list[Manifest] = json.loads(base64.b64decode(secret["data"]["ring.json"]))["keys"]
    return found


def states(place: Place) -> list[str]:
    return [key["state"] for key in ring(place)]


def kids(place: Place) -> list[str]:
    return [key["kid"] for key in ring(place)]


def shown(place: Place, name: str = "novacron") -> list[str]:
    document = place.child("ConfigMap", f"{name}-jwks")["data"]["jwks.json"]
    return [key["kid"] for key in json.loads(document)["keys"]]


def ask(place: Place, text: str) -> None:
    place.annotate(**{labels.ROTATE_SIGNING_KEY: text})
    until(lambda: place.novacron()["status"]["auth"]["handledRotationRequest"] == text, "the request is handled", 30)


@pytest.fixture
def ready(place: Place) -> Place:
    place.submit(small(place.namespace))
    place.until_ready()
    place.until_quiet()
    return place


def test_keys_are_made_first_and_the_second_pass_writes_nothing(place: Place) -> None:
    mark = place.mark()
    place.submit(small(place.namespace))
    place.until_ready()
    place.until_quiet()
    (key,) = ring(place)
    assert (key["state"], shown(place)) == ("active", [key["kid"]])
    made = [str(call) for call in place.writes(mark) if call.code == 201 and call.subresource == ""]
    order = [next(index for index, call in enumerate(made) if text in call) for text in (*names.KEYS, "novacron-auth ")]
    assert order == sorted(order), made
    for name in names.KEYS:
        secret = place.child("Secret", name)
        assert "ownerReferences" not in secret["metadata"]
        assert secret["metadata"]["labels"][labels.MANAGED_BY] == labels.MANAGER
        assert secret["type"] == "Opaque"
    auth = place.novacron()["status"]["auth"]
    assert (auth["activeKeyID"], auth["handledRotationRequest"]) == (key["kid"], "")
    assert place.condition("SigningKeysCurrent")["reason"] == "KeysCurrent"
    assert place.condition("AuthReady")["status"] == "True"


def test_what_somebody_does_to_the_key_set_is_undone_at_once(ready: Place) -> None:
    known = shown(ready)
    for data in ({"jwks.json": '{"keys": []}\n'}, {"jwks.json": None}):
        ready.client.patch("ConfigMap", ready.namespace, "novacron-jwks", {"data": data})
        until(lambda: ready.child("ConfigMap", "novacron-jwks").get("data", {}).get("jwks.json"), "it is back", 30)
        until(lambda: shown(ready) == known, "the key is shown again", 30)
    ready.client.delete("ConfigMap", ready.namespace, "novacron-jwks")
    until(lambda: ready.client.get("ConfigMap", ready.namespace, "novacron-jwks"), "the ConfigMap is back", 30)
    assert (shown(ready), kids(ready)) == (known, known)


def test_a_request_is_acted_on_once(ready: Place) -> None:
    ask(ready, "2026-11-26")
    until(lambda: ring(ready)[-1]["published"], "the next key was seen to be shown", 30)
    assert (states(ready), shown(ready)) == (["active", "next"], kids(ready))
    ready.until_quiet()
    ask(ready, "once more")
    ready.until_quiet()
    assert states(ready) == ["active", "next"], "another request for what is on its way already"
    message = ready.condition("SigningKeysCurrent")["message"]
    assert f"key {kids(ready)[1]} follows" in message


def test_a_revocation_leaves_one_new_key_and_says_what_it_refuses(ready: Place) -> None:
    ask(ready, "2026-11-26")
    before = set(kids(ready))
    ask(ready, "revoke-2026-11-26")
    assert states(ready) == ["active"]
    assert before.isdisjoint(kids(ready))
    until(lambda: shown(ready) == kids(ready), "it alone is shown", 30)
    assert set(ready.child("Secret", names.SIGNING_KEYS)["data"]) == {"ring.json", f"{kids(ready)[0]}.pem"}
    assert "every access token from before is refused" in ready.condition("SigningKeysCurrent")["message"]
    (event,) = ready.events("SigningKeysRevoked")
    assert event["type"] == "Warning"
    ready.until_quiet()
    assert states(ready) == ["active"]


def test_the_next_novacron_takes_the_keys_up(ready: Place) -> None:
    known = {name: ready.child("Secret", name)["data"] for name in names.KEYS}
    ready.client.delete("NovaCron", ready.namespace, "novacron")
    until(lambda: not ready.children(), "the children are gone", 60)
    ready.submit(small(ready.namespace, "another"))
    ready.until_ready("another")
    ready.until_quiet("another")
    assert {name: ready.child("Secret", name)["data"] for name in names.KEYS} == known
    assert shown(ready, "another") == kids(ready)


def test_a_ring_that_is_not_understood_is_told_and_left_and_a_deleted_one_is_made_anew(ready: Place) -> None:
    known = shown(ready)
    damaged = {"data": {"ring.json": base64.b64encode(b"{}").decode()}}
    ready.client.patch("Secret", ready.namespace, names.SIGNING_KEYS, damaged)
    ready.complete_pass()
    condition = ready.until_condition("SigningKeysCurrent", "False", "KeysUnreadable")
    assert "ring.json: has no version" in condition["message"]
    assert ready.condition("Ready")["reason"] == "KeysUnreadable"
    assert ready.condition("Reconciling")["status"] == "True"
    assert shown(ready) == known
    ready.client.delete("Secret", ready.namespace, names.SIGNING_KEYS)
    ready.complete_pass()
    until(lambda: states(ready) == ["retired", "active"], "a new key signs, the old one verifies", 30)
    assert kids(ready)[0] == known[0]
    until(lambda: shown(ready) == kids(ready), "both are shown", 30)
    ready.until_ready()


def test_a_private_key_that_is_gone_is_replaced(ready: Place) -> None:
    (old,) = kids(ready)
    ready.client.patch("Secret", ready.namespace, names.SIGNING_KEYS, {"data": {f"{old}.pem": None}})
    ready.complete_pass()
    until(lambda: states(ready) == ["retired", "active"], "another key signs", 30)
    assert kids(ready)[0] == old
    assert old in ready.events("SigningKeyLost")[0]["note"]


def test_with_auth_switched_off_keys_stay_published(ready: Place) -> None:
    known = kids(ready)
    ready.edit({"auth": {"enabled": False}})
    ready.until_condition("SigningKeysCurrent", "True", "Disabled")
    assert (kids(ready), shown(ready)) == (known, known)


def test_while_paused_nothing_is_touched(ready: Place) -> None:
    ready.annotate(**{labels.PAUSED: "true"})
    ready.until_condition("Paused", "True")
    mark = ready.mark()
    ready.annotate(**{labels.ROTATE_SIGNING_KEY: "now"})
    ready.complete_pass()
    assert [str(call) for call in ready.writes(mark) if call.subresource != "status"] == []
    assert states(ready) == ["active"]
    assert ready.novacron()["status"]["auth"]["activeKeyID"] == kids(ready)[0]


def test_the_operator_reaches_no_other_secret(ready: Place, account: Path) -> None:
    """Asked of the API server itself, with the operator's own identity."""
    operator, namespace = Client(account), ready.namespace
    other = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "theirs", "namespace": namespace}}
    ready.client.create({**other, "stringData": {"password": "x"}})
    assert operator.get("Secret", namespace, names.SIGNING_KEYS) is not None
    named = {**other, "metadata": {"name": names.SIGNING_KEYS, "namespace": namespace}}
    refused: dict[str, Callable[[], object]] = {
        "another": lambda: operator.get("Secret", namespace, "theirs"),
        "all": lambda: operator.list("Secret", namespace),
        "all, everywhere": lambda: operator.list("Secret"),
        "watch": lambda: operator.request("GET", path("Secret", namespace) + "?watch=1&timeoutSeconds=1"),
        "apply another": lambda: operator.apply(other),
        "apply a new one": lambda: operator.apply({**other, "metadata": {"name": "new", "namespace": namespace}}),
        "create by POST": lambda: operator.create(named),
        "replace": lambda: operator.request("PUT", path("Secret", namespace, names.SIGNING_KEYS), named),
        "delete": lambda: operator.delete("Secret", namespace, names.SIGNING_KEYS),
    }
    for what, attempt in refused.items():
        with pytest.raises(Refused) as refusal:
            attempt()
        assert refusal.value.code == 403, what
