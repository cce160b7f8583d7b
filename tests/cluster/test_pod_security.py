"""PSA `restricted` on a real API server admits a pod of every template, whatever the options."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest

from novacron.api.v1alpha1 import validate
from novacron.core.capabilities import Capabilities
from novacron.core.manifest import at
from novacron.stack.desired import wanted
from tests.support import resources
from tests.support.api_client import Client, Manifest, Refused
from tests.support.controlplane.plane import ControlPlane

pytestmark = pytest.mark.simulated_node
NAMESPACE = "restricted"
HARDENED = {"appArmor": "RuntimeDefault", "userNamespaces": True, "strictSupplementalGroups": True}
GATEWAY = {"type": "Gateway", "hosts": ["a.example.com"], "gateway": {"name": "g", "namespace": "gw"}}
OPTIONS: dict[str, dict[str, Any]] = {
    "defaults": {},
    "hardened by the runtime": {"spec.security": HARDENED},
    "own secrets": {"spec.secrets": {"provider": "Existing"}},
    "every secret file": {
        "spec.secrets.database": {
            "keys": {"username": "u", "password": "p", "ca.crt": "ca", "tls.crt": "crt", "tls.key": "key"}
        },
        "spec.secrets.redis": {"keys": {"username": "u", "password": "p", "ca.crt": "ca"}},
    },
    "accelerated": {"spec.ml.gpus": 2, "spec.ml.scratch": {"size": "20Gi"}},
    "another user": {f"spec.{role}.uid": 10001 for role in ("api", "auth", "query", "ml")},
    "own environment": {"spec.api.env": [{"name": "LEVEL", "value": "1"}], "spec.image": {"registry": "r.example.com"}},
    "exposed": {"spec.exposure": GATEWAY, "spec.networkPolicy": {"enabled": False}},
    "short farewell": {f"spec.{role}.terminationGracePeriodSeconds": 1 for role in ("api", "auth", "query", "ml")},
}
CASES = {name: resources.changed(resources.minimal(namespace=NAMESPACE), changes) for name, changes in OPTIONS.items()}
CASES["every field"] = resources.full(namespace=NAMESPACE)


@pytest.fixture(scope="module")
def client(control_plane: ControlPlane) -> Client:
    """The administrator of a namespace that enforces `restricted`; its pods' accounts and priorities exist."""
    client = Client(control_plane.kubeconfig)
    restricted = {f"pod-security.kubernetes.io/{mode}": "restricted" for mode in ("enforce", "warn", "audit")}
    meta: Manifest = {"name": NAMESPACE, "labels": restricted}
    client.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": meta})
    for role in ("api", "auth", "query", "ml", "migrate"):
        account = {"name": f"novacron-{role}", "namespace": NAMESPACE}
        client.apply({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": account})
    priority = {"apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass", "metadata": {"name": "high"}, "value": 1}
    control_plane.kubectl("apply", "--server-side", "-f", "-", input=json.dumps(priority))
    return client


def pods(body: Manifest, server: tuple[int, int]) -> list[Manifest]:
    """One for each pod template of the children, as its controller would create it."""
    body = {**body, "metadata": {**body["metadata"], "uid": "00000000-0000-0000-0000-000000000000"}}
    found = []
    for child in wanted(validate(body), Capabilities(server)).manifests:
        spec = child.get("spec", {})
        template = at(spec, "jobTemplate", "spec", "template", default=spec.get("template"))
        if isinstance(template, dict):
            pod = copy.deepcopy(template)
            pod["metadata"] |= {"name": child["metadata"]["name"], "namespace": NAMESPACE}
            found.append({"apiVersion": "v1", "kind": "Pod", **pod})
    return found


def create(client: Client, pod: Manifest) -> Manifest:
    url = f"/api/v1/namespaces/{NAMESPACE}/pods?dryRun=All&fieldValidation=Strict"
    answer: Manifest = client.request("POST", url, pod)
    return answer


@pytest.mark.parametrize("name", CASES)
def test_a_pod_of_every_template_is_admitted(control_plane: ControlPlane, client: Client, name: str) -> None:
    made = pods(CASES[name], control_plane.server_version)
    assert len(made) == 6, "four Deployments, a Job, a CronJob"
    for pod in made:
        assert create(client, pod)["spec"]["securityContext"]["runAsNonRoot"] is True


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("runAsNonRoot", False),
        ("allowPrivilegeEscalation", True),
        ("capabilities", {"add": ["NET_ADMIN"]}),
        ("seccompProfile", {"type": "Unconfined"}),
    ],
)
def test_the_namespace_refuses_a_pod_that_lacks_one_of_it(
    control_plane: ControlPlane, client: Client, field: str, value: Any
) -> None:
    """So that the test above says something."""
    pod = pods(CASES["defaults"], control_plane.server_version)[0]
    pod["spec"]["containers"][0]["securityContext"][field] = value
    with pytest.raises(Refused, match='violates PodSecurity "restricted'):
        create(client, pod)
