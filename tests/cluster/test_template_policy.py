"""The admission policies of manifests/: whom they refuse what, in whose words, and whom they leave alone."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from novacron.api.v1alpha1 import validate
from novacron.core import kinds, labels
from novacron.core.capabilities import Capabilities
from novacron.core.manifest import Ref, ref
from novacron.stack.desired import wanted
from tests.support.api_client import Client, Manifest, Refused, path
from tests.support.controlplane.plane import ControlPlane
from tests.support.installation import install
from tests.support.place import small
from tests.support.waiting import until

pytestmark = pytest.mark.simulated_node
NAMESPACE = "policy"
TEMPLATE = "the pod template belongs to the NovaCron operator: change the NovaCron instead (kubectl edit novacron)"
TEMPLATE_LABELS = "the pod template's labels belong to the NovaCron operator: use podLabels of the NovaCron"
TEMPLATE_NOTES = "the pod template's annotations belong to the NovaCron operator: use podAnnotations of the NovaCron"
LABELS = "the app.kubernetes.io labels of this object belong to the NovaCron operator, which finds it by them"
DEPLOYMENT = "novacron-api"
CONTAINER = "api"
OTHER = "novacron-query"
"""Without an autoscaler."""
EXPOSURES: tuple[Manifest, ...] = (
    {"type": "Ingress", "hosts": ["a.example.com"], "ingress": {"className": "public"}},
    {"type": "Gateway", "hosts": ["a.example.com"], "gateway": {"name": "g", "namespace": "gw"}},
)


@dataclass(frozen=True, slots=True)
class House:
    """One namespace with children as the operator makes them, written by its own account, and its people.

    Args:
        editor: may do what the role `edit` allows in this namespace, and no more.
    """

    plane: ControlPlane
    admin: Client
    operator: Client
    editor: Client
    children: dict[Ref, Manifest]

    def kubectl_as_editor(self, *arguments: str) -> str:
        command = [str(self.plane.binary("kubectl")), f"--kubeconfig={self.editor.kubeconfig}", "-n", NAMESPACE]
        done = subprocess.run([*command, *arguments], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def deployment(self, name: str = DEPLOYMENT) -> Manifest:
        found = self.admin.get("Deployment", NAMESPACE, name)
        assert found is not None
        return found


@pytest.fixture(scope="module")
def house(control_plane: ControlPlane) -> Iterator[House]:
    """The resource is paused: an operator that another test left running makes nothing of it."""
    account = install(control_plane)
    admin, operator = Client(control_plane.kubeconfig), Client(account)
    admin.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}})
    _make_editor(control_plane)
    editor = Client(control_plane.kubeconfig_for("ed"))
    children = _children(admin.apply(_resource()))
    for child in children.values():
        operator.apply(child, labels.FIELD_MANAGER)
    _until_in_force(editor)
    yield House(control_plane, admin, operator, editor, children)
    admin.delete("NovaCron", NAMESPACE, "novacron")


def _resource() -> Manifest:
    secrets = {"vault": {"server": "https://vault.example.com"}}
    scaled = {"autoscaling": {"minReplicas": 2, "maxReplicas": 3}}
    network = {"gatewayNamespaces": ["ingress"]}
    made = small(NAMESPACE, secrets=secrets, networkPolicy=network, api=scaled)
    made["metadata"]["annotations"] = {labels.PAUSED: "true"}
    return made


def _children(live: Manifest) -> dict[Ref, Manifest]:
    """Those of both exposures, so that every kind of child occurs."""
    found: dict[Ref, Manifest] = {}
    for exposure in EXPOSURES:
        body = {**live, "spec": {**live["spec"], "exposure": exposure}}
        found |= {ref(child): child for child in wanted(validate(body), Capabilities()).manifests}
    assert {child.kind for child in found} == set(kinds.BY_KIND)
    return found


def _make_editor(plane: ControlPlane) -> None:
    """The role `edit`, and what it lacks: the neighbours' kinds, as their charts add them, and bounds."""
    missing = ",".join(kind.resource for kind in (*kinds.OPTIONAL_CHILDREN, kinds.LIMIT_RANGE, kinds.RESOURCE_QUOTA))
    for arguments in (
        ("rolebinding", "editors", "--clusterrole=edit", "--user=ed"),
        ("role", "more", "--verb=get,list,patch,update", f"--resource={missing}"),
        ("rolebinding", "more", "--role=more", "--user=ed"),
    ):
        plane.kubectl("-n", NAMESPACE, "create", *arguments)


def _until_in_force(editor: Client) -> None:
    """A policy is in force some moments after it was created."""

    def refused() -> bool:
        for kind, name, change in (
            ("Deployment", DEPLOYMENT, {"spec": {"template": {"metadata": {"labels": {"early": "bird"}}}}}),
            ("Service", DEPLOYMENT, {"metadata": {"labels": {labels.PART_OF: "else"}}}),
        ):
            try:
                editor.request("PATCH", f"{_path(kind, name)}?dryRun=All", change, "application/merge-patch+json")
            except Refused:
                continue
            return False
        return True

    until(refused, "the policies are in force", 60)


def _path(kind: str, name: str) -> str:
    return path(kind, NAMESPACE, name)


def _container(**change: Any) -> Manifest:
    return {"spec": {"template": {"spec": {"containers": [{"name": CONTAINER, **change}]}}}}


FORBIDDEN_EDITS: dict[str, tuple[Manifest, str]] = {
    "image": (_container(image="example.com/other:1"), TEMPLATE),
    "environment variable": (_container(env=[{"name": "HTTP_PROXY", "value": "http://example.com"}]), TEMPLATE),
    "command": (_container(command=["sleep", "1"]), TEMPLATE),
    "hardening": (_container(securityContext={"readOnlyRootFilesystem": False}), TEMPLATE),
    "sidecar": (
        {"spec": {"template": {"spec": {"containers": [{"name": "sidecar", "image": "example.com/sidecar:1"}]}}}},
        TEMPLATE,
    ),
    "init container": (
        {"spec": {"template": {"spec": {"initContainers": [{"name": "first", "image": "example.com/first:1"}]}}}},
        TEMPLATE,
    ),
    "volume": ({"spec": {"template": {"spec": {"volumes": [{"name": "more", "emptyDir": {}}]}}}}, TEMPLATE),
    "service account": ({"spec": {"template": {"spec": {"serviceAccountName": "default"}}}}, TEMPLATE),
    "label": ({"spec": {"template": {"metadata": {"labels": {"team": "mine"}}}}}, TEMPLATE_LABELS),
    "annotation": (
        {"spec": {"template": {"metadata": {"annotations": {"sidecar.istio.io/inject": "true"}}}}},
        TEMPLATE_NOTES,
    ),
    "checksum": (
        {"spec": {"template": {"metadata": {"annotations": {labels.CONFIG_CHECKSUM: "0"}}}}},
        TEMPLATE_NOTES,
    ),
    "checksum removed": (
        {"spec": {"template": {"metadata": {"annotations": {labels.CONFIG_CHECKSUM: None}}}}},
        TEMPLATE_NOTES,
    ),
}


@pytest.mark.parametrize("name", FORBIDDEN_EDITS)
def test_an_editor_may_not_edit_the_template(house: House, name: str) -> None:
    change, words = FORBIDDEN_EDITS[name]
    before = house.deployment()["metadata"]["generation"]
    with pytest.raises(Refused) as refused:
        house.editor.patch("Deployment", NAMESPACE, DEPLOYMENT, change, "strategic")
    assert refused.value.code == 403
    assert words in str(refused.value)
    assert house.deployment()["metadata"]["generation"] == before


def test_an_editor_may_not_undo_a_rollout_with_a_whole_update(house: House) -> None:
    body = house.deployment(OTHER)
    body["spec"]["template"]["spec"]["containers"][0]["image"] = "example.com/older:1"
    with pytest.raises(Refused, match="the pod template belongs"):
        house.editor.request("PUT", _path("Deployment", OTHER), body)


@pytest.mark.parametrize("kind", sorted(kinds.BY_KIND))
def test_an_editor_may_not_take_our_labels_from_any_kind_of_child(house: House, kind: str) -> None:
    name = next(child.name for child in house.children if child.kind == kind)
    for label in (labels.NAME, labels.INSTANCE, labels.COMPONENT, labels.MANAGED_BY, labels.PART_OF):
        for value in ("else", None):
            with pytest.raises(Refused) as refused:
                house.editor.patch(kind, NAMESPACE, name, {"metadata": {"labels": {label: value}}})
            assert refused.value.code == 403
            assert LABELS in str(refused.value), (label, value)


@pytest.mark.parametrize("kind", sorted(kinds.BY_KIND))
def test_an_editor_may_add_own_labels_and_annotations_to_every_kind(house: House, kind: str) -> None:
    name = next(child.name for child in house.children if child.kind == kind)
    own = {"labels": {"example.com/team": "mine"}, "annotations": {"example.com/note": "mine"}}
    answer = house.editor.patch(kind, NAMESPACE, name, {"metadata": own})
    assert answer["metadata"]["labels"]["example.com/team"] == "mine"


def test_an_editor_may_scale_in_both_ways(house: House) -> None:
    house.kubectl_as_editor("scale", f"deployment/{OTHER}", "--replicas=2")
    assert house.deployment(OTHER)["spec"]["replicas"] == 2
    house.editor.patch("Deployment", NAMESPACE, OTHER, {"spec": {"replicas": 3}})

    def scaled() -> bool:
        assert house.deployment(OTHER).get("status", {}).get("replicas") == 3
        return True

    until(scaled, "the deployment controller has made 3 pods", 30)


def test_an_editor_may_restart_and_the_deployment_controller_rolls(house: House) -> None:
    house.kubectl_as_editor("rollout", "restart", f"deployment/{OTHER}")
    notes = house.deployment(OTHER)["spec"]["template"]["metadata"]["annotations"]
    assert labels.RESTARTED_AT in notes
    house.kubectl_as_editor("rollout", "status", f"deployment/{OTHER}", "--timeout=60s")
    assert house.deployment(OTHER)["metadata"]["annotations"]["deployment.kubernetes.io/revision"] == "2"


def test_the_autoscaler_goes_on_scaling(house: House) -> None:
    def scaled() -> bool:
        assert house.deployment(DEPLOYMENT)["spec"]["replicas"] == 2
        return True

    until(scaled, "the autoscaler has raised replicas to minReplicas", 60)


def test_an_editor_may_edit_deployments_that_are_not_ours(house: House) -> None:
    house.kubectl_as_editor("create", "deployment", "theirs", "--image=example.com/theirs:1", "--replicas=0")
    house.kubectl_as_editor("set", "image", "deployment/theirs", "theirs=example.com/theirs:2")
    house.kubectl_as_editor("label", "deployment/theirs", "app.kubernetes.io/name=else")
    spec = house.deployment("theirs")["spec"]["template"]["spec"]
    assert spec["containers"][0]["image"] == "example.com/theirs:2"


@pytest.mark.parametrize("who", ["operator", "admin"])
def test_the_operator_and_an_administrator_pass(house: House, who: str) -> None:
    client: Client = getattr(house, who)
    for change in (
        _container(image=f"example.com/{who}:1"),
        {"spec": {"template": {"metadata": {"labels": {"who": who}, "annotations": {"who": who}}}}},
        {"metadata": {"labels": {labels.PART_OF: who}}},
    ):
        client.patch("Deployment", NAMESPACE, DEPLOYMENT, change, "strategic")
    house.operator.apply(house.children[Ref("Deployment", NAMESPACE, DEPLOYMENT)], labels.FIELD_MANAGER)
