"""Signing keys by the clock alone: nothing else happens, and yet each key is made, used and dropped in time.

The operator is told that files reach pods at once, and the resource asks for seconds, so that minutes show days.
"""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from novacron.core import kinds, labels, names
from tests.support.api_client import Client, Manifest
from tests.support.arena import Arena
from tests.support.place import small
from tests.support.waiting import until

_JWT = {"keyRotationInterval": "6s", "tokenTTL": "3s", "clockSkew": "0s", "jwksMaxAge": "1s"}
_LEAD, _KEPT = 2, 4
"""Seconds: twice jwksMaxAge; tokenTTL and jwksMaxAge."""


@dataclass(frozen=True, slots=True)
class Sight:
    """The Secret and the ConfigMap, read one right after the other."""

    at: float
    keys: dict[str, Manifest]
    shown: frozenset[str]

    def of(self, state: str) -> set[str]:
        return {kid for kid, key in self.keys.items() if key["state"] == state}


@pytest.fixture
def arena(client: Client, account: Path, tmp_path: Path) -> Iterator[Arena]:
    with Arena(client, account, tmp_path, ("--propagation=0",)) as made:
        yield made.start()


def sight(arena: Arena) -> Sight:
    """The ConfigMap is read first: it may show less than the Secret holds by then, never more."""
    shown = json.loads(arena.place.child("ConfigMap", "novacron-jwks")["data"]["jwks.json"])["keys"]
    ring = json.loads(base64.b64decode(arena.place.child("Secret", names.SIGNING_KEYS)["data"]["ring.json"]))
    kids = frozenset(key["kid"] for key in shown)
    return Sight(time.time(), {key["kid"]: key for key in ring["keys"]}, kids)


def test_keys_turn_by_the_clock(arena: Arena) -> None:
    arena.settle(small(arena.namespace, auth={"replicas": 1, "autoscaling": {"enabled": False}, "jwt": _JWT}))
    mark = arena.place.mark()
    seen: list[Sight] = []

    def watched() -> bool:
        seen.append(sight(arena))
        return len({kid for one in seen for kid in one.of("retired")}) >= 3

    until(watched, "three keys have retired", 60)
    for one in seen:
        assert len(one.of("active")) == 1
        assert one.of("active") <= one.shown, "a key signs that is not shown"
    activated: dict[str, Manifest] = {kid: one.keys[kid] for one in seen for kid in one.of("retired")}
    later = sorted(activated.values(), key=lambda key: int(key["activated"]))[1:]
    for key in later:
        assert key["activated"] - key["published"] >= _LEAD
        assert 6 <= key["retired"] - key["activated"] <= 9, "on time, by the clock alone"
        assert key["until"] - key["retired"] == _KEPT
        last = max(one.at for one in seen if key["kid"] in one.keys)
        assert last < key["until"] + 3, "dropped in time"
    passes = arena.place.passes(mark)
    assert passes <= 8 * (len(activated) + 1), f"{passes} passes: a busy loop"
    told = {event["reason"] for event in arena.place.events()}
    assert told >= {"SigningKeyCreated", "SigningKeyActivated", "SigningKeyDropped"}


def test_a_key_that_pods_may_not_see_never_signs(arena: Arena) -> None:
    """Somebody's policy takes new keys out of the ConfigMap again; the old key signs on, and the condition says why."""
    arena.settle(
        small(
            arena.namespace,
            auth={"replicas": 1, "autoscaling": {"enabled": False}, "jwt": _JWT | {"keyRotationInterval": "1h"}},
        )
    )
    before = sight(arena)
    policy = "hide-new-keys"
    selector = {"matchLabels": {"kubernetes.io/metadata.name": arena.namespace}}
    document = json.dumps(arena.place.child("ConfigMap", "novacron-jwks")["data"]["jwks.json"])
    rule = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["UPDATE"], "resources": ["configmaps"]}
    arena.client.apply(
        {
            "apiVersion": "admissionregistration.k8s.io/v1",
            "kind": "MutatingAdmissionPolicy",
            "metadata": {"name": policy},
            "spec": {
                "matchConstraints": {"namespaceSelector": selector, "resourceRules": [rule]},
                "matchConditions": [{"name": "keys", "expression": "object.metadata.name == 'novacron-jwks'"}],
                "failurePolicy": "Fail",
                "reinvocationPolicy": "Never",
                "mutations": [
                    {
                        "patchType": "JSONPatch",
                        "jsonPatch": {
                            "expression": f"[JSONPatch{{op: 'replace', path: '/data/jwks.json', value: {document}}}]"
                        },
                    }
                ],
            },
        }
    )
    arena.client.apply(
        {
            "apiVersion": "admissionregistration.k8s.io/v1",
            "kind": "MutatingAdmissionPolicyBinding",
            "metadata": {"name": policy},
            "spec": {"policyName": policy},
        }
    )
    try:
        time_of_effect(arena)
        arena.place.annotate(**{labels.ROTATE_SIGNING_KEY: "now"})
        until(lambda: sight(arena).of("next"), "a next key is made", 30)
        arena.place.until_condition("Drifted", "True", "MutatedOnAdmission")
        mark, begun = arena.place.mark(), time.monotonic()
        until(lambda: time.monotonic() - begun > 3 * _LEAD, "longer than the lead", 30)
        now = sight(arena)
        assert now.of("active") == before.of("active")
        assert arena.place.passes(mark) <= 3, "there is nothing to hurry for"
    finally:
        arena.client.delete("MutatingAdmissionPolicyBinding", "", policy)
        arena.client.delete("MutatingAdmissionPolicy", "", policy)


def time_of_effect(arena: Arena) -> None:
    """An admission policy takes a moment: until a change of the ConfigMap is undone by it."""

    def undone() -> bool:
        changed = arena.client.patch(
            kinds.CONFIG_MAP.kind, arena.namespace, "novacron-jwks", {"data": {"jwks.json": '{"keys": []}'}}
        )
        return bool(json.loads(changed["data"]["jwks.json"])["keys"])

    until(undone, "the policy is in force", 60)
