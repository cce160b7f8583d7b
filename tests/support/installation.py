"""The operator's rights, policies and CRD on a control plane, as manifests/install has them; its pods excepted."""

from __future__ import annotations

from pathlib import Path

import yaml

from tests.support.api_client import Client
from tests.support.controlplane.plane import ControlPlane

ROOT = Path(__file__).parents[2]
HOME = "novacron-system"
ACCOUNT = "novacron-operator"


def install(plane: ControlPlane) -> Path:
    """Applies manifests/install without the Deployment: tests run the operator as a process.

    Returns:
        A kubeconfig with the identity of the operator's own service account.
    """
    rendered = plane.kubectl("kustomize", str(ROOT / "manifests" / "install"))
    documents = [body for body in yaml.load_all(rendered, yaml.CSafeLoader) if body["kind"] != "Deployment"]
    plane.kubectl(
        "apply",
        "--server-side",
        "--force-conflicts",
        "-f",
        "-",
        input=yaml.dump_all(documents, Dumper=yaml.CSafeDumper),
    )
    plane.kubectl("wait", "--for=condition=Established", "--timeout=60s", "crd/novacrons.novacron.io")
    return plane.service_account_kubeconfig(HOME, ACCOUNT)


def make_home(client: Client, namespace: str) -> None:
    """A namespace in which the operator's account may keep a lease: for operators that do not know of each other."""
    client.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}})
    meta = {"name": "novacron-operator-lease", "namespace": namespace}
    group = "rbac.authorization.k8s.io"
    leases = {"apiGroups": ["coordination.k8s.io"], "resources": ["leases"]}
    client.apply(
        {
            "apiVersion": f"{group}/v1",
            "kind": "Role",
            "metadata": meta,
            "rules": [
                leases | {"verbs": ["create"]},
                leases | {"resourceNames": ["novacron-operator"], "verbs": ["get", "update"]},
            ],
        }
    )
    client.apply(
        {
            "apiVersion": f"{group}/v1",
            "kind": "RoleBinding",
            "metadata": meta,
            "roleRef": {"apiGroup": group, "kind": "Role", "name": meta["name"]},
            "subjects": [{"kind": "ServiceAccount", "name": ACCOUNT, "namespace": HOME}],
        }
    )
