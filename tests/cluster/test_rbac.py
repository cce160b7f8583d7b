"""The operator's rights, asked of the real authorizer, and compared with the calls that the operator makes."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from novacron.core import kinds, labels, names
from tests.support.api_calls import Call
from tests.support.api_client import Client, Manifest
from tests.support.controlplane import crds
from tests.support.controlplane.plane import ControlPlane
from tests.support.fault_proxy import FaultProxy
from tests.support.installation import ACCOUNT, HOME, ROOT, install
from tests.support.neighbours import Neighbours
from tests.support.operator_process import OperatorProcess
from tests.support.place import Place, small
from tests.support.waiting import until

pytestmark = pytest.mark.simulated_node
Right = tuple[str, str, str]
"""Resource with its group (``deployments.apps``, ``novacrons.novacron.io/status``), name where it matters, verb."""

VERBS = ("get", "list", "watch", "create", "update", "patch", "delete", "deletecollection")
SPECIAL = ("bind", "escalate", "impersonate", "approve", "sign", "use", "attest")
GUARDED = (
    "roles.rbac.authorization.k8s.io",
    "clusterroles.rbac.authorization.k8s.io",
    "serviceaccounts",
    "users",
    "groups",
    "signers.certificates.k8s.io",
)
"""Where the special verbs mean something."""
OF_CHILDREN = ("list", "watch", "create", "patch", "delete")
GRANTED: frozenset[Right] = frozenset(
    {(kind.resource, "", verb) for kind in kinds.CHILDREN for verb in OF_CHILDREN}
    | {
        ("novacrons.novacron.io", "", "list"),
        ("novacrons.novacron.io", "", "watch"),
        ("novacrons.novacron.io/status", "", "patch"),
        ("novacrons.novacron.io/finalizers", "", "update"),
        ("pods", "", "list"),
        ("pods.metrics.k8s.io", "", "list"),
        ("events", "", "list"),
        ("events.events.k8s.io", "", "create"),
        ("events.events.k8s.io", "", "patch"),
    }
    | {("secrets", name, verb) for name in names.KEYS for verb in ("get", "create", "patch")}
)
OF_LEASE: frozenset[Right] = frozenset(
    {
        ("leases.coordination.k8s.io", "", "create"),
        ("leases.coordination.k8s.io", labels.LEASE, "get"),
        ("leases.coordination.k8s.io", labels.LEASE, "update"),
    }
)
NOT_SEEN_AS_CALLS: dict[Right, str] = {
    ("novacrons.novacron.io/finalizers", "", "update"): "asked for by admission when a child names its blocking owner",
    (
        "pods.metrics.k8s.io",
        "",
        "list",
    ): "asked once ml is short of memory: engine/test_sizing.py",
    ("events.events.k8s.io", "", "patch"): "an event that repeats is counted up after 5 minutes",
}
"""Rights that no call of one life shows, and what they are for."""


@pytest.fixture(scope="module")
def plane() -> Iterator[ControlPlane]:
    """A control plane of its own: no operator, and no rights, of other tests."""
    with ControlPlane() as made:
        crds.install(made)
        yield made


# The matrix


@pytest.fixture(scope="module")
def client(plane: ControlPlane) -> Client:
    """The administrator."""
    plane.kubectl("apply", "--server-side", "-f", str(ROOT / "crds" / "novacron.yaml"))
    plane.wait_for_crd("novacrons.novacron.io")
    return Client(plane.kubeconfig)


@pytest.fixture(scope="module")
def served(client: Client) -> tuple[str, ...]:
    """Every resource and subresource of the server, in whatever version, and what it knows by name only."""
    versions = {"/api/v1": ""}
    for group in client.request("GET", "/apis")["groups"]:
        versions |= {f"/apis/{item['groupVersion']}": group["name"] for item in group["versions"]}
    found = {
        named(resource["name"], group)
        for url, group in versions.items()
        for resource in client.request("GET", url)["resources"]
    }
    return tuple(sorted(found | {"novacrons.novacron.io/finalizers", "pods.metrics.k8s.io"}))


def named(resource: str, group: str) -> str:
    """``deployments/status`` of a group as ``deployments.apps/status``."""
    plural, slash, subresource = resource.partition("/")
    return (f"{plural}.{group}" if group else plural) + slash + subresource


def allowed(client: Client, account: str, namespace: str, right: Right) -> bool:
    """What the authorizer says of a service account of the operator's namespace; an empty namespace means all."""
    resource, name, verb = right
    whole, _, subresource = resource.partition("/")
    plural, _, group = whole.partition(".")
    attributes = {
        "namespace": namespace,
        "group": group,
        "resource": plural,
        "subresource": subresource,
        "name": name,
        "verb": verb,
    }
    spec = {
        "user": f"system:serviceaccount:{HOME}:{account}",
        "groups": ["system:serviceaccounts", f"system:serviceaccounts:{HOME}", "system:authenticated"],
        "resourceAttributes": attributes,
    }
    body = {"apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview", "metadata": {}, "spec": spec}
    answer = client.request("POST", "/apis/authorization.k8s.io/v1/subjectaccessreviews", body)
    return bool(answer["status"]["allowed"])


def granted(client: Client, served: Iterable[str], namespace: str) -> frozenset[Right]:
    """Everything that the operator may do in a namespace and a stranger may not."""
    asked = [(resource, "", verb) for resource, verb in itertools.product(served, VERBS)]
    asked += [(resource, "", verb) for resource, verb in itertools.product(GUARDED, SPECIAL)]
    asked += [("leases.coordination.k8s.io", name, verb) for name in (labels.LEASE, "another") for verb in VERBS]
    asked += [("secrets", name, verb) for name in (*names.KEYS, "another") for verb in VERBS]
    with ThreadPoolExecutor(4) as threads:
        answers = list(threads.map(lambda right: allowed(client, ACCOUNT, namespace, right), asked))
    own = [right for right, answer in zip(asked, answers, strict=True) if answer]
    return frozenset(right for right in own if not allowed(client, "stranger", namespace, right))


ANY_LEASE: frozenset[Right] = frozenset(
    {("leases.coordination.k8s.io", labels.LEASE, "create"), ("leases.coordination.k8s.io", "another", "create")}
)
"""`create` cannot be limited by name."""


def test_the_namespaced_install_grants_its_namespace_and_nothing_elsewhere(
    plane: ControlPlane, client: Client, served: tuple[str, ...]
) -> None:
    folder = str(ROOT / "manifests" / "install-namespaced")
    plane.kubectl("apply", "--server-side", "-k", folder)
    client.delete("Deployment", HOME, ACCOUNT)
    assert granted(client, served, "novacron") == GRANTED
    assert granted(client, served, HOME) == OF_LEASE | ANY_LEASE
    assert granted(client, served, "elsewhere") == frozenset()
    assert granted(client, served, "") == frozenset()
    plane.kubectl("delete", "-f", f"{folder}/rbac.yaml")


def test_the_install_grants_exactly_the_table_in_every_namespace(
    plane: ControlPlane, client: Client, served: tuple[str, ...]
) -> None:
    install(plane)
    assert len(served) > 100
    assert granted(client, served, "anywhere") == GRANTED
    assert granted(client, served, HOME) == GRANTED | OF_LEASE | ANY_LEASE
    for resource in ("secrets", "*", "*.apps", "*.*"):
        for verb in (*VERBS, "*"):
            assert not allowed(client, ACCOUNT, HOME, (resource, "", verb)), (resource, verb)
    assert not any(allowed(client, ACCOUNT, "", (kind.resource, "", "*")) for kind in kinds.CHILDREN)


# One life


@pytest.fixture(params=["install", "install-namespaced"])
def life(
    request: pytest.FixtureRequest, plane: ControlPlane, client: Client, tmp_path: Path
) -> Iterator[tuple[Place, OperatorProcess]]:
    """An operator with the rights of one way to install, and a namespace that it serves."""
    install(plane)
    folder = request.param
    place_name = "novacron" if folder == "install-namespaced" else "anywhere"
    plane.kubectl("delete", "clusterrolebinding", ACCOUNT)
    client.delete("Lease", HOME, labels.LEASE)
    with FaultProxy(plane.service_account_kubeconfig(HOME, ACCOUNT), tmp_path) as proxy:
        place = Place(client, proxy, place_name)
        plane.kubectl("apply", "--server-side", "-k", str(ROOT / "manifests" / folder))
        client.delete("Deployment", HOME, ACCOUNT)
        served = place_name if folder == "install-namespaced" else ""
        with (
            Neighbours(plane.kubeconfig),
            OperatorProcess(proxy.kubeconfig, tmp_path, namespace=served) as operator,
        ):
            yield place, operator.until_leading().until_ready()


def test_every_right_is_used_and_every_call_is_granted(life: tuple[Place, OperatorProcess]) -> None:
    place, operator = life
    place.submit(everything(place.namespace))
    until(lambda: {child.kind for child in place.children()} == INGRESS_KINDS, "children of an Ingress", 60)
    place.until_quiet()
    place.edit({"exposure": GATEWAY, "version": "v10.0.1", "api": {"nodeSelector": {"example.com/no": "node"}}})
    until(lambda: {child.kind for child in place.children()} == GATEWAY_KINDS, "children of a Gateway", 60)
    place.until_condition("WorkloadsAvailable", "False")
    until(lambda: seen(place, "pods", "list"), "the operator looks at the pods", 60)
    place.edit(LITTLE)
    until(lambda: [*map(str, place.children())] == ["ConfigMap/novacron-jwks"], "all that was switched off is gone", 60)
    place.client.delete("NovaCron", place.namespace, "novacron")
    until(lambda: seen(place, "leases.coordination.k8s.io", "update"), "the lease is renewed", 30)
    calls = place.journal.since(0)
    assert [str(call) for call in calls if call.code in (401, 403)] == []
    made = frozenset(right for call in calls for right in rights(call)) - FOR_EVERYBODY
    needed = (GRANTED | OF_LEASE) - NOT_SEEN_AS_CALLS.keys()
    assert (sorted(made - needed), sorted(needed - made)) == ([], [])
    assert operator.alive()


INGRESS = {"type": "Ingress", "hosts": ["a.example.com"], "ingress": {"className": "public"}}
GATEWAY = {"type": "Gateway", "hosts": ["a.example.com"], "gateway": {"name": "g", "namespace": "gw"}}
INGRESS_KINDS = kinds.BY_KIND.keys() - {"HTTPRoute"}
GATEWAY_KINDS = kinds.BY_KIND.keys() - {"Ingress"}
FOR_EVERYBODY: frozenset[Right] = frozenset({("selfsubjectaccessreviews.authorization.k8s.io", "", "create")})
"""Kubernetes grants these to everybody who is authenticated."""
_OFF = {"enabled": False}
LITTLE: Manifest = {
    "exposure": {"type": "None"},
    "secrets": {"provider": "Existing"},
    "networkPolicy": _OFF,
    "governance": {"limitRange": _OFF, "resourceQuota": _OFF},
    "monitoring": dict.fromkeys(("serviceMonitor", "prometheusRule", "dashboards"), _OFF),
    **dict.fromkeys(("api", "auth", "query", "ml"), _OFF),
}
"""Everything switched off that can be."""


def everything(namespace: str) -> Manifest:
    """A resource with children of every kind but HTTPRoute."""
    return small(
        namespace,
        secrets={"vault": {"server": "https://vault.example.com"}},
        exposure=INGRESS,
        networkPolicy={"gatewayNamespaces": ["ingress"]},
        api={"autoscaling": {"minReplicas": 2, "maxReplicas": 3}},
    )


def seen(place: Place, resource: str, verb: str) -> bool:
    return bool(place.journal.since(0, lambda call: (call.resource, call.verb) == (resource, verb)))


def rights(call: Call) -> list[Right]:
    """What the authorizer was asked for: a server-side apply needs `patch`, and `create` where nothing was there."""
    if not call.resource:
        return []
    resource = f"{call.resource}/{call.subresource}" if call.subresource else call.resource
    name = call.name if call.resource in (kinds.LEASE.resource, kinds.SECRET.resource) else ""
    if call.verb == "apply":
        return [(resource, name, verb) for verb in (("patch", "create") if call.code == 201 else ("patch",))]
    return [(resource, name, call.verb)]
