"""Somebody else's mutating admission: left alone, named in a condition, never fought."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.support.api_client import Client, Manifest
from tests.support.place import Place, small
from tests.support.waiting import until

pytestmark = pytest.mark.simulated_node

_API = "admissionregistration.k8s.io/v1"


@pytest.fixture
def mutate(client: Client, place: Place) -> Iterator[Callable[[str], None]]:
    """Installs a mutation of every Deployment of the place, a CEL expression; returns once it acts."""

    def install(expression: str) -> None:
        client.apply(_policy(place.namespace, expression))
        client.apply(_binding(place.namespace))
        until(lambda: _acts(client, place), "the mutation acts", 30)

    yield install
    _remove(client, place)


def _remove(client: Client, place: Place) -> None:
    client.delete("MutatingAdmissionPolicyBinding", "", place.namespace)
    client.delete("MutatingAdmissionPolicy", "", place.namespace)


def _policy(namespace: str, expression: str) -> Manifest:
    rule: dict[str, Any] = {
        "apiGroups": ["apps"],
        "apiVersions": ["v1"],
        "operations": ["CREATE", "UPDATE"],
        "resources": ["deployments"],
    }
    return {
        "apiVersion": _API,
        "kind": "MutatingAdmissionPolicy",
        "metadata": {"name": namespace},
        "spec": {
            "matchConstraints": {
                "resourceRules": [rule],
                "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}},
            },
            "failurePolicy": "Fail",
            "reinvocationPolicy": "Never",
            "mutations": [{"patchType": "ApplyConfiguration", "applyConfiguration": {"expression": expression}}],
        },
    }


def _binding(namespace: str) -> Manifest:
    return {
        "apiVersion": _API,
        "kind": "MutatingAdmissionPolicyBinding",
        "metadata": {"name": namespace},
        "spec": {"policyName": namespace},
    }


def _acts(client: Client, place: Place) -> bool:
    """Whether a Deployment that is only tried (dry run) comes back changed."""
    template = {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "a", "image": "a"}]}}
    probe = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "probe", "namespace": place.namespace},
        "spec": {"selector": {"matchLabels": {"a": "b"}}, "template": template},
    }
    tried = client.request("POST", f"/apis/apps/v1/namespaces/{place.namespace}/deployments?dryRun=All", probe)
    spec = tried["spec"]["template"]["spec"]
    return spec["terminationGracePeriodSeconds"] == 77 or len(spec["containers"]) == 2


_GRACE = (
    "Object{spec: Object.spec{template: Object.spec.template{spec: Object.spec.template.spec{"
    "terminationGracePeriodSeconds: 77}}}}"
)
_SIDECAR = (
    "Object{spec: Object.spec{template: Object.spec.template{spec: Object.spec.template.spec{containers: ["
    'Object.spec.template.spec.containers{name: "mesh", image: "mesh.example.com/proxy:1"}]}}}}'
)
_BOTH = _SIDECAR.replace("template.spec{containers", "template.spec{terminationGracePeriodSeconds: 77, containers")


def test_a_field_that_always_returns_is_named_and_not_fought(
    place: Place, mutate: Callable[[str], None], client: Client
) -> None:
    place.submit(small(place.namespace))
    place.until_ready()
    place.until_quiet()
    mutate(_GRACE)
    place.edit({"version": "v11.0.0"})
    told = place.until_condition("Drifted", "True", "MutatedOnAdmission")
    for name in ("api", "auth", "query", "ml"):
        assert f"Deployment/novacron-{name}: spec.template.spec.terminationGracePeriodSeconds" in told["message"]
    place.until_ready()
    place.until_quiet()
    mark = place.mark()
    for _ in range(3):
        place.complete_pass()
    assert place.writes(mark, events=True) == []
    assert place.condition("Drifted")["status"] == "True"

    _remove(client, place)
    until(lambda: not _acts(client, place), "the mutation is gone", 30)
    place.edit({"version": "v12.0.0"})
    place.until_condition("Drifted", "False")
    pod = place.child("Deployment", "novacron-api")["spec"]["template"]["spec"]
    assert pod["terminationGracePeriodSeconds"] != 77


def test_a_mutation_at_birth(place: Place, mutate: Callable[[str], None]) -> None:
    mutate(_GRACE)
    place.submit(small(place.namespace))
    place.until_condition("Drifted", "True", "MutatedOnAdmission")
    place.until_ready()
    place.until_quiet()
    mark = place.mark()
    for _ in range(3):
        place.complete_pass()
    assert place.writes(mark, events=True) == []


@pytest.mark.parametrize("expression", [_SIDECAR, _BOTH], ids=["sidecar", "sidecar-and-field"])
def test_an_injected_sidecar_starts_no_fight(place: Place, mutate: Callable[[str], None], expression: str) -> None:
    mutate(expression)
    place.submit(small(place.namespace))
    place.until_ready()
    place.until_quiet()
    mark = place.mark()
    for _ in range(3):
        place.complete_pass()
    assert place.writes(mark, events=True) == []
