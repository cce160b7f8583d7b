"""The install manifests: namespaces that enforce, an operator placed as its workloads are, closed to all but few."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from novacron.api.v1alpha1 import validate
from novacron.core import labels
from novacron.core.capabilities import Capabilities
from novacron.stack.desired import wanted
from tests.support import resources

MANIFESTS = Path(__file__).parents[3] / "manifests"
MODES = ("enforce", "audit", "warn")
OLDEST_SERVER = "v1.31"
POD_SECURITY = {
    f"pod-security.kubernetes.io/{mode}{suffix}": value
    for mode in MODES
    for suffix, value in (("", "restricted"), ("-version", OLDEST_SERVER))
}


def documents() -> list[tuple[str, dict[str, Any]]]:
    """Every object in manifests/, with its file; patches and JSON are none."""
    return [
        (str(path.relative_to(MANIFESTS)), item)
        for path in sorted(MANIFESTS.rglob("*.yaml"))
        for item in yaml.safe_load_all(path.read_text())
        if isinstance(item, dict)
    ]


def of_the_operator(kind: str) -> dict[str, Any]:
    (found,) = (item for file, item in documents() if file == "base/operator.yaml" and item["kind"] == kind)
    return found


def pod_of_a_workload() -> dict[str, Any]:
    body = resources.minimal()
    body["metadata"]["uid"] = "u"
    children = wanted(validate(body), Capabilities()).manifests
    pod: dict[str, Any]
    (pod,) = (
        child["spec"]["template"]["spec"]
        for child in children
        if child["kind"] == "Deployment" and child["metadata"]["name"] == "novacron-api"
    )
    return pod


NAMESPACES = {file: item for file, item in documents() if item.get("kind") == "Namespace"}


def test_these_files_bring_a_namespace() -> None:
    samples = {f"samples/{name}.yaml" for name in ("development", "features-job", "full", "minimal")}
    assert NAMESPACES.keys() == {"base/namespace.yaml", "install-namespaced/rbac.yaml", *samples}


@pytest.mark.parametrize("file", NAMESPACES)
def test_a_namespace_enforces_restricted_of_the_oldest_server(file: str) -> None:
    found = NAMESPACES[file]["metadata"]["labels"]
    assert {key: value for key, value in found.items() if "pod-security" in key} == POD_SECURITY


def test_the_oldest_server_is_the_one_that_the_readme_names() -> None:
    assert f"Kubernetes {OLDEST_SERVER.removeprefix('v')} or newer" in (MANIFESTS.parent / "README.md").read_text()


@pytest.mark.parametrize("field", ["dnsPolicy", "dnsConfig"])
def test_the_operator_asks_for_names_as_its_workloads_do(field: str) -> None:
    assert of_the_operator("Deployment")["spec"]["template"]["spec"][field] == pod_of_a_workload()[field]


def test_the_operator_is_spread_as_its_workloads_are() -> None:
    mine = {"matchLabels": {labels.NAME: labels.MANAGER}}
    template = of_the_operator("Deployment")["spec"]["template"]
    expected = [{**term, "labelSelector": mine} for term in pod_of_a_workload()["topologySpreadConstraints"]]
    assert template["spec"]["topologySpreadConstraints"] == expected
    assert mine["matchLabels"].items() <= template["metadata"]["labels"].items()


def test_only_monitoring_reaches_the_operator_and_there_only_its_metrics() -> None:
    spec = of_the_operator("NetworkPolicy")["spec"]
    monitoring = {
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}},
        "podSelector": {},
    }
    assert spec["policyTypes"] == ["Ingress"]
    assert spec["ingress"] == [{"ports": [{"port": 9090, "protocol": "TCP"}], "from": [monitoring]}]
    ports = of_the_operator("Deployment")["spec"]["template"]["spec"]["containers"][0]["ports"]
    assert {"name": "metrics", "containerPort": 9090, "protocol": "TCP"} in ports


def test_the_policy_on_labels_guards_every_label_that_a_child_has() -> None:
    (policy,) = (
        item
        for file, item in documents()
        if file == "base/policies.yaml"
        and (item["kind"], item["metadata"]["name"]) == ("ValidatingAdmissionPolicy", "novacron-labels")
    )
    (validation,) = policy["spec"]["validations"]
    names = [label.removeprefix("app.kubernetes.io/") for label in labels.child("novacron", "api", "v1")]
    guarded, _, _rest = validation["expression"].partition(".all(")
    assert sorted(yaml.safe_load(guarded)) == sorted(names)
