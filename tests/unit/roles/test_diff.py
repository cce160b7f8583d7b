"""``novacron diff``: what it says of the NovaCron itself. Of children it tells in tests/cluster."""

from __future__ import annotations

import json
from typing import Any

import pytest

from novacron.api.v1alpha1 import validate
from novacron.core import kinds, labels
from novacron.core.errors import NovaCronError
from novacron.core.manifest import Manifest
from novacron.roles import applied
from tests.support.resources import changed, minimal
from tests.unit.roles.command import ApiServer, novacron, stored

_LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
_ENVIRONMENT = {"spec.api.env": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}]}


def defaulted(body: Manifest) -> Manifest:
    """As the API server stores it: with all defaults."""
    return stored({**body, "spec": validate(body).manifest()["spec"]})


def by_kubectl(body: Manifest) -> Manifest:
    """After ``kubectl apply``."""
    live = defaulted(body)
    live["metadata"]["annotations"] = {_LAST_APPLIED: json.dumps(body)}
    return live


def by_the_server(body: Manifest) -> Manifest:
    """After ``kubectl apply --server-side``; the operator's entry for the status is there as well."""
    live = defaulted(body)
    live["metadata"]["managedFields"] = [
        {"manager": "kubectl", "operation": "Apply", "fieldsV1": {"f:spec": names(body["spec"])}},
        {"manager": labels.FIELD_MANAGER, "operation": "Apply", "subresource": "status", "fieldsV1": {"f:status": {}}},
    ]
    return live


def names(value: Any) -> dict[str, Any]:
    """``fieldsV1`` of a value; of the lists, those of objects with a name are maps, the others atoms."""
    if isinstance(value, dict):
        return {f"f:{key}": names(inner) for key, inner in value.items()}
    if isinstance(value, list) and value and all(isinstance(item, dict) and "name" in item for item in value):
        return {f"k:{json.dumps({'name': item['name']})}": {".": {}, **names(item)} for item in value}
    return {}


def fields(given: Manifest, live: Manifest) -> list[str]:
    given = {**given, "metadata": {**given["metadata"], "uid": ""}}
    return applied.fields(given, validate(given), live)


CASES: dict[str, tuple[dict[str, Any], dict[str, Any], list[str]]] = {
    "nothing": ({}, {}, []),
    "a field is set": ({}, {"spec.api.replicas": 7}, ["spec.api.replicas"]),
    "a field is left out": ({"spec.api.replicas": 7}, {}, ["-spec.api.replicas"]),
    "a switch is left out": (
        {"spec.monitoring.dashboards.enabled": False},
        {},
        ["-spec.monitoring.dashboards.enabled"],
    ),
    "a field of what stays is left out": (
        {"spec.api.replicas": 7, "spec.api.nodeSelector": {"a": "b", "c": "d"}},
        {"spec.api.replicas": 7, "spec.api.nodeSelector": {"a": "b"}},
        ["-spec.api.nodeSelector.c"],
    ),
    "a field with its default is left out": ({"spec.environment": "production"}, {}, []),
    "a field is emptied": ({"spec.api.replicas": 7}, {"spec.api.replicas": None}, ["-spec.api.replicas"]),
    "an item is left out": (
        _ENVIRONMENT,
        {"spec.api.env": [{"name": "A", "value": "1"}]},
        ["spec.api.env"],
    ),
    "a list is left out": (_ENVIRONMENT, {}, ["-spec.api.env"]),
    "an item is changed": (
        _ENVIRONMENT,
        {"spec.api.env": [{"name": "A", "value": "1"}, {"name": "B", "value": "3"}]},
        ["spec.api.env.[B].value"],
    ),
    "a plain item is left out": (
        {"spec.database.cidrs": ["10.1.0.0/16", "10.2.0.0/16"]},
        {"spec.database.cidrs": ["10.1.0.0/16"]},
        ["spec.database.cidrs"],
    ),
}


@pytest.mark.parametrize("way", [by_kubectl, by_the_server])
@pytest.mark.parametrize("name", CASES)
def test_the_resource_is_compared_both_ways(name: str, way: Any) -> None:
    before, after, expected = CASES[name]
    assert fields(changed(minimal(), after), way(changed(minimal(), before))) == expected


def test_what_was_never_applied_stays() -> None:
    """``kubectl edit`` and ``kubectl create`` leave no word of what a later apply takes back."""
    live = defaulted(changed(minimal(), {"spec.api.replicas": 7, **_ENVIRONMENT}))
    live["metadata"]["managedFields"] = [
        {"manager": "kubectl-edit", "operation": "Update", "fieldsV1": {"f:spec": names(live["spec"])}}
    ]
    assert fields(minimal(), live) == []


def test_an_item_that_somebody_else_added_stays() -> None:
    live = by_the_server(changed(minimal(), {"spec.api.env": [{"name": "A", "value": "1"}]}))
    live["spec"]["api"]["env"].append({"name": "B", "value": "2"})
    assert fields(changed(minimal(), {"spec.api.env": [{"name": "A", "value": "1"}]}), live) == []


def test_a_broken_annotation_is_named() -> None:
    live = by_kubectl(minimal())
    live["metadata"]["annotations"][_LAST_APPLIED] = "{"
    with pytest.raises(NovaCronError, match="not JSON; remove the annotation"):
        fields(minimal(), live)


@pytest.fixture
def occupied(server: ApiServer) -> ApiServer:
    """A namespace with two NovaCrons, of which ``first`` is served."""
    second = stored(minimal("second"), created="2026-01-02T00:00:00Z")
    server.holds(kinds.NOVACRON, "novacron", second, stored(minimal("first")))
    return server


@pytest.mark.parametrize(
    ("name", "actions"), [("second", ["refuse"]), ("third", ["create", "refuse"])], ids=["is there", "is new"]
)
def test_a_namespace_that_another_holds_is_told(name: str, actions: list[str], occupied: ApiServer) -> None:
    asked = ("diff", "-f", "-", "--kubeconfig", occupied.kubeconfig)
    code, output, _error = novacron(*asked, "-o", "json", given=minimal(name))
    found = json.loads(output)
    assert (code, [change["action"] for change in found]) == (1, actions)
    assert {change["object"] for change in found} == {f"NovaCron/{name}"}
    (reason,) = found[-1]["fields"]
    assert reason.startswith("NovaCron/first came first in namespace novacron")
    assert f"refuse   NovaCron/{name}: {reason}\n" in novacron(*asked, given=minimal(name))[1]
