"""manifests/ on a real API server: applied twice, admitted pods, accepted samples with all that they bring."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from novacron.api.v1alpha1 import validate
from novacron.core import drift, labels
from novacron.core.capabilities import Capabilities
from novacron.stack.desired import wanted
from tests.support.api_client import PATCHES, Client, Manifest, Refused, path
from tests.support.controlplane.plane import ControlPlane
from tests.support.installation import HOME, ROOT, install
from tests.support.waiting import until

MANIFESTS = ROOT / "manifests"
SAMPLES = ("minimal", "full", "development")
pytestmark = pytest.mark.simulated_node


@pytest.fixture(scope="module")
def client(control_plane: ControlPlane) -> Client:
    install(control_plane)
    return Client(control_plane.kubeconfig)


def applied(plane: ControlPlane, folder: str) -> dict[str, str]:
    """Everything of a folder as the server has it after an apply: object -> generation and resource version."""
    printed = plane.kubectl("apply", "--server-side", "-k", str(MANIFESTS / folder), "-o", "json")
    return {f"{item['kind']}/{item['metadata']['name']}": _version(item) for item in json.loads(printed)["items"]}


def _version(item: Manifest) -> str:
    """Without the status: the Deployment's controller writes that one all the time."""
    kept = {key: value for key, value in item.items() if key != "status"}
    meta = {key: item["metadata"].get(key) for key in ("uid", "generation", "labels")}
    return json.dumps({**kept, "metadata": meta}, sort_keys=True)


@pytest.mark.parametrize("folder", ["install", "install-namespaced"])
def test_applying_twice_changes_nothing(control_plane: ControlPlane, client: Client, folder: str) -> None:
    first = applied(control_plane, folder)
    assert "CustomResourceDefinition/novacrons.novacron.io" in first
    try:
        assert applied(control_plane, folder) == first
    finally:
        client.request("DELETE", f"/apis/apps/v1/namespaces/{HOME}/deployments/novacron-operator")


def test_two_pods_of_the_operator_are_admitted_by_restricted(control_plane: ControlPlane, client: Client) -> None:
    namespace = client.get("Namespace", "", HOME)
    assert namespace is not None
    assert namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
    (deployment,) = _of(control_plane, "install", "Deployment")
    printed = control_plane.kubectl("apply", "--server-side", "-f", "-", "-o", "json", input=json.dumps(deployment))
    try:
        assert "Warning" not in printed

        def running() -> bool:
            found = client.get("Deployment", HOME, "novacron-operator")
            assert found is not None
            assert found.get("status", {}).get("availableReplicas") == 2, found.get("status")
            return True

        until(running, "two pods of the operator run", 60)
    finally:
        client.delete("Deployment", HOME, "novacron-operator")


def test_a_pod_that_is_not_hardened_is_refused_there(control_plane: ControlPlane, client: Client) -> None:
    """So that the test above says something."""
    (deployment,) = _of(control_plane, "install", "Deployment")
    spec: dict[str, Any] = copy.deepcopy(deployment["spec"]["template"]["spec"])
    del spec["containers"][0]["securityContext"]
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "soft", "namespace": HOME}, "spec": spec}
    with pytest.raises(Refused, match="violates PodSecurity"):
        client.request("POST", f"/api/v1/namespaces/{HOME}/pods?dryRun=All", pod)


def _of(plane: ControlPlane, folder: str, kind: str) -> list[Manifest]:
    rendered = plane.kubectl("kustomize", str(MANIFESTS / folder))
    return [item for item in yaml.load_all(rendered, yaml.CSafeLoader) if item["kind"] == kind]


@pytest.mark.parametrize("name", SAMPLES)
def test_a_sample_is_accepted_by_kubectl_and_so_is_every_child_of_it(
    control_plane: ControlPlane, client: Client, name: str, tmp_path: Path
) -> None:
    """In a namespace of its own: the samples all speak of one."""
    namespace = f"sample-{name}"
    file = tmp_path / "sample.yaml"
    text = (MANIFESTS / "samples" / f"{name}.yaml").read_text()
    file.write_text(
        text.replace("name: novacron\n  labels", f"name: {namespace}\n  labels").replace(
            "namespace: novacron\n", f"namespace: {namespace}\n"
        )
    )
    control_plane.kubectl("apply", "--server-side", "--validate=strict", "-f", str(file))
    live = client.get("NovaCron", namespace, "novacron")
    assert live is not None
    (sample,) = (item for item in yaml.safe_load_all(file.read_text()) if item["kind"] == labels.KIND)
    assert drift.changed({"spec": sample["spec"]}, live) == []
    children = wanted(validate(live), Capabilities(control_plane.server_version)).manifests
    assert len(children) > 30
    for child in children:
        answer = client.request("PATCH", *_dry_run(child))
        assert drift.changed(child, answer) == [], child["metadata"]["name"]
    client.delete("NovaCron", namespace, "novacron")


def _dry_run(child: Manifest) -> tuple[str, Manifest, str]:
    meta = child["metadata"]
    url = path(child["kind"], meta["namespace"], meta["name"])
    return f"{url}?fieldManager=tests&fieldValidation=Strict&dryRun=All&force=true", child, PATCHES["apply"]
