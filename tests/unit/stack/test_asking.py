"""Whom the pulse asks, and what a pass hands it."""

from __future__ import annotations

from typing import Any

import pytest

from novacron.api.v1alpha1 import NovaCron, validate
from novacron.core.manifest import Manifest, Ref, ref
from novacron.stack import asking
from novacron.stack.asking import Target
from tests.support import resources


def resource(**changes: Any) -> NovaCron:
    body = resources.minimal("nc", "shop")
    body["metadata"]["uid"] = "u"
    return validate(resources.changed(body, {f"spec.{path}": value for path, value in changes.items()}))


def children(**changed: Manifest) -> dict[Ref, Manifest]:
    """Deployments that serve, and their Services; the status or address of some are other ones."""
    found: list[Manifest] = []
    for number, role in enumerate(("api", "auth", "query", "ml")):
        meta = {"name": f"nc-{role}", "namespace": "shop", "generation": 1}
        status = dict.fromkeys(("replicas", "updatedReplicas", "availableReplicas", "readyReplicas"), 3)
        status = {"observedGeneration": 1, **status, **changed.get(role, {}).get("status", {})}
        spec = {"clusterIP": f"10.96.0.{number}", **changed.get(role, {}).get("spec", {})}
        found.append({"kind": "Deployment", "metadata": meta, "spec": {"replicas": 3}, "status": status})
        found.append({"kind": "Service", "metadata": meta, "spec": spec})
    return {ref(item): item for item in found}


def asked(of: NovaCron, live: dict[Ref, Manifest]) -> list[str]:
    return [target.role for target in asking.targets(of, live)]


def test_services_of_workloads_with_something_to_tell_are_asked_at_port_and_path_of_the_resource() -> None:
    of = resource(**{"query.service.port": 8000, "query.probes.readiness.path": "/up"})
    assert asking.targets(of, children()) == [
        Target("api", "10.96.0.0", 80, "/ready", 3),
        Target("auth", "10.96.0.1", 80, "/ready", 3),
        Target("query", "10.96.0.2", 8000, "/up", 3),
        Target("ml", "10.96.0.3", 80, "/ready", 3),
    ]


@pytest.mark.parametrize(
    "query",
    [
        pytest.param({"status": {"availableReplicas": 0, "readyReplicas": 0}}, id="unavailable"),
        pytest.param({"status": {"readyReplicas": 0}}, id="none-is-ready"),
        pytest.param({"spec": {"clusterIP": "None"}}, id="headless"),
        pytest.param({"spec": {"clusterIP": ""}}, id="no-address-yet"),
    ],
)
def test_what_cannot_be_asked_is_not(query: Manifest) -> None:
    assert asked(resource(), children(query=query)) == ["api", "auth", "ml"]


def test_what_is_off_or_not_there_yet_is_not_asked() -> None:
    assert asked(resource(**{"auth.enabled": False, "ml.enabled": False}), children()) == ["api", "query"]
    assert asked(resource(), {}) == []


def question(body: Manifest, *, within_reach: bool = True) -> Any:
    live = children(query={"status": {"availableReplicas": 0}})
    return asking.question(body, resource(), live, {}, within_reach=within_reach)


def test_a_pass_hands_on_what_stands_and_who_cannot_be_asked() -> None:
    stood = [
        {"type": "CredentialsCurrent", "status": "True", "reason": "CredentialsCurrent", "message": "m"},
        {"type": "QueriesHealthy", "status": "False", "reason": "QueriesImpaired", "message": "n"},
        {"type": "MemoryAdequate", "status": "False", "reason": "LimitTooSmall", "message": "l"},
        {"type": "Ready", "status": "True", "reason": "AllWorkloadsAvailable", "message": "o"},
    ]
    found = question({"status": {"conditions": stood}})
    assert (found.roles, found.synced, found.within_reach) == (("api", "auth", "query"), True, True)
    assert found.absent == {"query"}
    shown = {type_: (item.status, item.message) for type_, item in found.standing.items()}
    assert shown == {
        "CredentialsCurrent": ("True", "m"),
        "QueriesHealthy": ("False", "n"),
        "MemoryAdequate": ("False", "l"),
    }


@pytest.mark.parametrize(
    "body",
    [
        pytest.param({}, id="no-status"),
        pytest.param(
            {"status": {"conditions": [{"type": "CredentialsCurrent", "status": "True", "reason": "Odd"}]}},
            id="a-reason-of-another-version",
        ),
    ],
)
def test_what_does_not_stand_is_not_handed_on(body: Manifest) -> None:
    assert question(body).standing == {}
