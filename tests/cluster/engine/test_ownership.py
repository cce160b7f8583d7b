"""Objects of others under wanted names: refused and named, never touched, and work goes on when they are gone."""

from __future__ import annotations

from typing import Any

import pytest

from novacron.core import labels
from tests.support.api_client import Manifest
from tests.support.fault_proxy import Hold
from tests.support.place import Place, small
from tests.support.waiting import until

pytestmark = pytest.mark.simulated_node


def foreign(kind: str, name: str, namespace: str, **meta: Any) -> Manifest:
    bodies: dict[str, Manifest] = {
        "ConfigMap": {"apiVersion": "v1", "kind": kind, "data": {"theirs": "1"}},
        "ServiceAccount": {"apiVersion": "v1", "kind": kind},
        "PodDisruptionBudget": {
            "apiVersion": "policy/v1",
            "kind": kind,
            "spec": {"maxUnavailable": 1, "selector": {"matchLabels": {"theirs": "1"}}},
        },
    }
    return {**bodies[kind], "metadata": {"name": name, "namespace": namespace, **meta}}


def touched(body: Manifest) -> Manifest:
    """What a person would see that the operator changed; a controller of Kubernetes may write the status."""
    meta = {key: body["metadata"].get(key) for key in ("uid", "generation", "labels", "annotations", "ownerReferences")}
    managers = [entry["manager"] for entry in body["metadata"]["managedFields"] if not entry.get("subresource")]
    rest = {key: value for key, value in body.items() if key not in ("metadata", "status", "apiVersion", "kind")}
    return {"metadata": meta, "managers": managers, **rest}


@pytest.mark.parametrize(
    ("kind", "name"),
    [("ConfigMap", "novacron-jwks"), ("PodDisruptionBudget", "novacron-api")],
    ids=["config", "budget"],
)
def test_a_foreign_object_is_refused_and_left_alone(place: Place, kind: str, name: str) -> None:
    before = place.client.create(foreign(kind, name, place.namespace))
    # one pod needs no budget
    place.submit(small(place.namespace, api={"replicas": 2, "autoscaling": {"enabled": False}}))
    told = place.until_condition("Ready", "False", "NameConflict")
    assert f"{kind}/{name}" in told["message"]
    place.until_condition("Stalled", "True", "NameConflict")
    assert place.condition("Reconciling")["status"] == "False"
    until(lambda: len(place.children()) > 20, "the others are made", 30)
    place.until_quiet()
    assert touched(place.child(kind, name)) == touched(before)
    assert place.events("NotReady")

    place.client.delete(kind, place.namespace, name)
    place.until_ready()
    assert labels.MANAGED_BY in place.child(kind, name)["metadata"]["labels"]


def test_labels_alone_make_nothing_ours(place: Place) -> None:
    """Our labels, but no owner, as after ``kubectl delete novacron --cascade=orphan``."""
    found = labels.child("novacron", "api", "v10.0.0")
    before = place.client.create(foreign("ServiceAccount", "novacron-api", place.namespace, labels=found))
    place.submit(small(place.namespace))
    told = place.until_condition("Stalled", "True", "NameConflict")
    assert "ServiceAccount/novacron-api" in told["message"]
    after = place.child("ServiceAccount", "novacron-api")
    assert after["metadata"]["resourceVersion"] == before["metadata"]["resourceVersion"]
    place.client.delete("ServiceAccount", place.namespace, "novacron-api")
    place.until_ready()


def test_an_object_that_appears_during_the_pass_is_not_taken(place: Place) -> None:
    """A foreign object without any field of ours that could conflict: created between looking and writing."""
    hold = Hold(lambda call: (call.verb, call.namespace, call.name) == ("apply", place.namespace, "novacron-api"))
    with place.proxy.fault(hold):
        place.submit(small(place.namespace))
        until(lambda: hold.waiting, "the operator is about to write", 20)
        before = place.client.create(foreign("ServiceAccount", "novacron-api", place.namespace))
        hold.let_go()
    place.until_condition("Stalled", "True", "NameConflict")
    after = place.child("ServiceAccount", "novacron-api")
    assert after["metadata"]["resourceVersion"] == before["metadata"]["resourceVersion"]


def test_a_child_whose_owner_was_taken_away_is_named(place: Place) -> None:
    place.submit(small(place.namespace))
    place.until_ready()
    place.client.patch("Service", place.namespace, "novacron-api", {"metadata": {"ownerReferences": None}})
    told = place.until_condition("Ready", "False", "NameConflict")
    assert "Service/novacron-api" in told["message"]
    place.client.delete("Service", place.namespace, "novacron-api")
    place.until_ready()


def test_one_novacron_a_namespace(place: Place) -> None:
    """The second is told which came first, writes nothing but its status, and takes over when the first is gone."""
    place.submit(small(place.namespace, "first"))
    place.until_ready("first")
    place.until_quiet("first")
    before = place.children("first").keys()
    mark = place.mark()
    place.submit(small(place.namespace, "second"))
    told = place.until_condition("Stalled", "True", "NamespaceTaken", name="second")
    assert "NovaCron/first" in told["message"]
    assert place.condition("Ready", "second")["status"] == "False"
    place.complete_pass("second")
    writes = {(call.resource, call.name, call.subresource) for call in place.writes(mark)}
    assert writes <= {("novacrons.novacron.io", name, "status") for name in ("first", "second")}
    assert place.children("first").keys() == before
    assert place.children("second") == {}
    assert place.condition("Ready", "first")["status"] == "True"

    place.client.delete("NovaCron", place.namespace, "first")
    place.until_ready("second")
    until(lambda: not place.children("first"), "garbage collection took the first one's children", 60)
