"""Hand edits of what the operator owns: each is undone by one write, named in an event, and nothing else moves."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from novacron.core.manifest import Ref
from tests.support.api_client import Client, Manifest
from tests.support.fault_proxy import FaultProxy
from tests.support.operator_process import OperatorProcess
from tests.support.place import Place
from tests.support.resources import minimal
from tests.support.waiting import until

pytestmark = pytest.mark.simulated_node

_GATEWAY = {"type": "Gateway", "hosts": ["api.example.com"], "gateway": {"name": "public", "namespace": "gateways"}}


@dataclass(frozen=True, slots=True)
class Edit:
    """What a person does to a child with ``kubectl edit`` or ``kubectl patch``.

    Args:
        writes: how many may undo it. More than one where an apply cannot do it alone: it merges a Service's ports by
            number, so a port that somebody renumbered must go before ours can stand beside it.
    """

    id: str
    kind: str
    name: str
    body: Any
    form: str = "merge"
    reason: str = "Repaired"
    writes: int = 1


def _pod(body: Manifest) -> Manifest:
    return {"spec": {"template": {"spec": body}}}


def _container(body: Manifest) -> Manifest:
    return _pod({"containers": [{"name": "api", **body}]})


def _deployment(id_: str, body: Any, form: str = "strategic", reason: str = "Repaired", writes: int = 1) -> Edit:
    return Edit(f"deployment-{id_}", "Deployment", "novacron-api", body, form, reason, writes)


_LABELS = "app.kubernetes.io"
_FIRST = "/spec/template/spec/containers/0"
_REMOVED = "AdditionRemoved"

EDITS = (
    Edit("configmap-data", "ConfigMap", "novacron-api-config", {"data": {"settings.json": "{}"}}),
    Edit("configmap-key-removed", "ConfigMap", "novacron-auth-config", {"data": {"settings.json": None}}),
    Edit("configmap-dashboards", "ConfigMap", "novacron-dashboards", {"data": None}),
    Edit(
        "service-port",
        "Service",
        "novacron-api",
        [{"op": "replace", "path": "/spec/ports/0/port", "value": 81}],
        "json",
        writes=2,
    ),
    Edit("service-selector", "Service", "novacron-api", {"spec": {"selector": {f"{_LABELS}/component": "ml"}}}),
    Edit("service-type", "Service", "novacron-api", {"spec": {"type": "NodePort"}}, writes=2),
    Edit("autoscaler-max", "HorizontalPodAutoscaler", "novacron-api", {"spec": {"maxReplicas": 99}}),
    Edit("autoscaler-metrics", "HorizontalPodAutoscaler", "novacron-api", {"spec": {"metrics": []}}),
    Edit("budget", "PodDisruptionBudget", "novacron-api", {"spec": {"maxUnavailable": 3}}),
    Edit(
        "budget-policy",
        "PodDisruptionBudget",
        "novacron-api",
        {"spec": {"unhealthyPodEvictionPolicy": "IfHealthyBudget"}},
    ),
    Edit(
        "policy-rule-added",
        "NetworkPolicy",
        "novacron-api",
        [{"op": "add", "path": "/spec/egress/-", "value": {}}],
        "json",
    ),
    Edit("policy-rules-gone", "NetworkPolicy", "novacron-auth", {"spec": {"egress": None}}),
    Edit("policy-type-gone", "NetworkPolicy", "novacron-api", {"spec": {"policyTypes": ["Ingress"]}}),
    Edit("deny-opened", "NetworkPolicy", "novacron-default-deny", {"spec": {"egress": [{}]}}, reason=_REMOVED),
    Edit(
        "deny-narrowed",
        "NetworkPolicy",
        "novacron-default-deny",
        {"spec": {"podSelector": {"matchLabels": {"tier": "none"}}}},
    ),
    Edit(
        "limit-range",
        "LimitRange",
        "novacron-limits",
        [{"op": "replace", "path": "/spec/limits/0/max/memory", "value": "1Gi"}],
        "json",
    ),
    Edit("quota", "ResourceQuota", "novacron-quota", {"spec": {"hard": {"limits.cpu": "1", "pods": "9000"}}}),
    Edit("account-token", "ServiceAccount", "novacron-api", {"automountServiceAccountToken": True}),
    Edit("monitor", "ServiceMonitor", "novacron-api", {"spec": {"endpoints": [{"port": "metrics", "interval": "1s"}]}}),
    Edit("rules", "PrometheusRule", "novacron", {"spec": {"groups": []}}),
    Edit("route", "HTTPRoute", "novacron", {"spec": {"hostnames": ["evil.example.com"]}}),
    Edit(
        "store",
        "SecretStore",
        "novacron-vault",
        {"spec": {"provider": {"vault": {"server": "https://evil.example.com"}}}},
    ),
    Edit("secret", "ExternalSecret", "novacron-database", {"spec": {"refreshInterval": "0s"}}),
    Edit("label-version", "ConfigMap", "novacron-jwks", {"metadata": {"labels": {f"{_LABELS}/version": "v0"}}}),
    Edit("label-gone", "Service", "novacron-ml", {"metadata": {"labels": {f"{_LABELS}/part-of": None}}}),
    Edit("label-instance", "Service", "novacron-auth", {"metadata": {"labels": {f"{_LABELS}/instance": "other"}}}),
    Edit("label-managed-by", "ConfigMap", "novacron-jwks", {"metadata": {"labels": {f"{_LABELS}/managed-by": None}}}),
    _deployment("image", _container({"image": "evil.example.com/miner:1"})),
    _deployment("args", _container({"args": ["api", "--debug"]})),
    _deployment("command", _container({"command": ["sleep"]}), reason=_REMOVED),
    _deployment("limits", _container({"resources": {"limits": {"memory": "64Gi"}}})),
    _deployment(
        "privileged", _container({"securityContext": {"runAsNonRoot": False, "readOnlyRootFilesystem": False}})
    ),
    _deployment("capability", _container({"securityContext": {"capabilities": {"add": ["NET_RAW"]}}}), reason=_REMOVED),
    _deployment("probe-gone", [{"op": "remove", "path": "/spec/template/spec/containers/0/livenessProbe"}], "json"),
    _deployment("port-gone", [{"op": "remove", "path": "/spec/template/spec/containers/0/ports/1"}], "json"),
    _deployment("account", _pod({"serviceAccountName": "default", "serviceAccount": "default"})),
    _deployment("host-network", _pod({"hostNetwork": True})),
    _deployment("strategy", {"spec": {"strategy": {"rollingUpdate": {"maxUnavailable": "100%"}}}}),
    _deployment(
        "checksum", {"spec": {"template": {"metadata": {"annotations": {"novacron.io/config-checksum": "x"}}}}}
    ),
    _deployment(
        "sidecar", _pod({"containers": [{"name": "miner", "image": "evil.example.com/miner:1"}]}), reason=_REMOVED
    ),
    _deployment(
        "init-container",
        _pod({"initContainers": [{"name": "miner", "image": "evil.example.com/m:1"}]}),
        reason=_REMOVED,
    ),
    _deployment("env", _container({"env": [{"name": "LD_PRELOAD", "value": "/tmp/x.so"}]}), reason=_REMOVED),
    _deployment(
        "env-from", _container({"envFrom": [{"secretRef": {"name": "all", "optional": True}}]}), reason=_REMOVED
    ),
    _deployment("volume", _pod({"volumes": [{"name": "extra", "emptyDir": {}}]}), reason=_REMOVED),
    _deployment(
        "mounted-volume",
        _pod(
            {
                "volumes": [{"name": "extra", "emptyDir": {}}],
                "containers": [{"name": "api", "volumeMounts": [{"name": "extra", "mountPath": "/extra"}]}],
            }
        ),
        reason=_REMOVED,
    ),
    _deployment("toleration", _pod({"tolerations": [{"operator": "Exists"}]}), reason=_REMOVED),
    _deployment("node-selector", _pod({"nodeSelector": {"zone": "far"}}), reason=_REMOVED),
    _deployment("pull-secret", _pod({"imagePullSecrets": [{"name": "theirs"}]}), reason=_REMOVED),
    _deployment(
        "template-annotation", {"spec": {"template": {"metadata": {"annotations": {"inject": "yes"}}}}}, reason=_REMOVED
    ),
    _deployment("template-label", {"spec": {"template": {"metadata": {"labels": {"tier": "x"}}}}}, reason=_REMOVED),
    # switches that are false: absent means something else
    _deployment("escalation", [{"op": "remove", "path": f"{_FIRST}/securityContext/allowPrivilegeEscalation"}], "json"),
    _deployment("token", [{"op": "remove", "path": "/spec/template/spec/automountServiceAccountToken"}], "json"),
    # not the account of the edit above: what is told again of the same is one event that counts
    Edit("account-token-gone", "ServiceAccount", "novacron-query", {"automountServiceAccountToken": None}),
    # what can only be put back as a whole: between two steps it would be no valid object
    _deployment(
        "probe-kind", _container({"livenessProbe": {"httpGet": None, "exec": {"command": ["true"]}}}), writes=2
    ),
    _deployment(
        "seccomp",
        _pod({"securityContext": {"seccompProfile": {"type": "Localhost", "localhostProfile": "x.json"}}}),
        writes=2,
    ),
    _deployment(
        "volume-kind",
        _pod({"volumes": [{"name": "config", "configMap": None, "hostPath": {"path": "/etc"}}]}),
        writes=3,
    ),
    Edit(
        "service-external",
        "Service",
        "novacron-ml",
        {"spec": {"type": "ExternalName", "externalName": "evil.example.com"}},
        writes=2,
    ),
    Edit(
        "store-provider",
        "SecretStore",
        "novacron-vault",
        {"spec": {"provider": {"vault": None, "aws": {"service": "SecretsManager", "region": "eu-west-1"}}}},
        writes=2,
    ),
)


class Stage:
    """One resource for all edits, with every kind of child but the Ingress; another one after an edit that stuck."""

    def __init__(self, client: Client, proxy: FaultProxy) -> None:
        self._client = client
        self._proxy = proxy
        self._place: Place | None = None

    def place(self) -> Place:
        if self._place is None or not self._is_quiet(self._place):
            self.clear()
            self._place = Place(self._client, self._proxy)
            self._place.submit(minimal(namespace=self._place.namespace, exposure=_GATEWAY))
            until(lambda: len(self._children()) >= 47, "all children exist", 60)
            self._place.until_quiet()
        return self._place

    def _children(self) -> dict[Ref, Manifest]:
        return self._place.children() if self._place else {}

    def _is_quiet(self, place: Place) -> bool:
        before = place.mark()
        place.complete_pass()
        return not place.writes(before)

    def clear(self) -> None:
        if self._place is not None:
            self._place.leave()


@pytest.fixture(scope="module")
def stage(client: Client, proxy: FaultProxy, operator: OperatorProcess) -> Iterator[Stage]:
    assert operator.alive()
    made = Stage(client, proxy)
    yield made
    made.clear()


@pytest.fixture
def shared(stage: Stage) -> Place:
    return stage.place()


def owned(child: Manifest) -> Manifest:
    """What the operator answers for: everything but what the API server and other controllers keep in it."""
    copied = copy.deepcopy(child)
    copied.pop("status", None)
    kept = {key: copied["metadata"].get(key) for key in ("labels", "ownerReferences")}
    copied["metadata"] = kept
    if copied["kind"] == "Service":
        for address in ("clusterIP", "clusterIPs"):  # a Service that was an ExternalName gets another one
            copied["spec"].pop(address, None)
        for port in copied["spec"]["ports"]:
            port.pop("nodePort", None)
    return copied


@pytest.mark.parametrize("edit", EDITS, ids=lambda edit: edit.id)
def test_a_hand_edit_is_undone_with_one_write(shared: Place, edit: Edit) -> None:
    wanted = owned(shared.child(edit.kind, edit.name))
    known = {event["metadata"]["name"] for event in shared.events(edit.reason)}
    before = shared.mark()
    edited = shared.client.patch(edit.kind, shared.namespace, edit.name, edit.body, edit.form)
    assert owned(edited | {"kind": edit.kind}) != wanted, "the edit changed nothing: this test proves nothing"

    def restored() -> bool:
        now = owned(shared.child(edit.kind, edit.name))
        assert now == wanted
        return True

    until(restored, f"{edit.kind}/{edit.name} is as it was", 30)
    shared.complete_pass()
    writes = [call for call in shared.writes(before) if call.subresource != "status"]
    accepted = [str(call) for call in writes if call.code < 300]
    assert 1 <= len(accepted) <= edit.writes, "\n".join(map(str, writes))
    assert {call.code for call in writes} <= {200, 409, 422}, "refused for another reason than that somebody was faster"
    assert shared.events("WriteFailed") == []
    told = [event for event in shared.events(edit.reason) if event["metadata"]["name"] not in known]
    assert [f"{edit.kind}/{edit.name}" in event["note"] for event in told] == [True], told


def test_a_change_and_an_addition_at_once_are_both_undone(shared: Place) -> None:
    """A plan with two steps for one object: the second must not fail on what the first changed."""
    wanted = owned(shared.child("Deployment", "novacron-query"))
    before = shared.mark()
    body = _pod(
        {
            "containers": [
                {"name": "query", "image": "evil.example.com/miner:1", "env": [{"name": "A", "value": "b"}]},
                {"name": "miner", "image": "evil.example.com/miner:1"},
            ],
            "volumes": [{"name": "one", "emptyDir": {}}, {"name": "two", "emptyDir": {}}],
        }
    )
    shared.client.patch("Deployment", shared.namespace, "novacron-query", body, "strategic")
    until(lambda: owned(shared.child("Deployment", "novacron-query")) == wanted, "the Deployment is as it was", 30)
    shared.complete_pass()
    writes = [call for call in shared.writes(before) if call.subresource != "status"]
    assert len([call for call in writes if call.code < 300]) <= 2, [str(call) for call in writes]
    assert shared.events("WriteFailed") == []


def test_a_sidecar_hidden_by_wiping_managed_fields_is_removed(shared: Place) -> None:
    wanted = owned(shared.child("Deployment", "novacron-auth"))
    sidecar = {"name": "miner", "image": "evil.example.com/miner:1"}
    operations = [
        {"op": "add", "path": "/spec/template/spec/containers/-", "value": sidecar},
        {"op": "replace", "path": "/metadata/managedFields", "value": [{}]},
    ]
    shared.client.patch("Deployment", shared.namespace, "novacron-auth", operations, "json")
    until(lambda: owned(shared.child("Deployment", "novacron-auth")) == wanted, "the sidecar is gone", 30)


def test_what_others_may_change_stays(shared: Place) -> None:
    """Scale, ``kubectl rollout restart``, annotations, additions where they do no harm: never touched, never told."""
    client, namespace = shared.client, shared.namespace
    before = shared.mark()
    restarted = {
        "spec": {"template": {"metadata": {"annotations": {"kubectl.kubernetes.io/restartedAt": "2026-11-24"}}}}
    }
    client.patch("Deployment", namespace, "novacron-query", restarted, "strategic", "kubectl-rollout")
    client.patch("Deployment", namespace, "novacron-query", {"metadata": {"annotations": {"team": "nova"}}})
    client.patch("Service", namespace, "novacron-query", {"metadata": {"labels": {"team": "nova"}}})
    client.patch("ConfigMap", namespace, "novacron-query-config", {"data": {"theirs": "1"}})
    shared.complete_pass()
    assert shared.writes(before) == [call for call in shared.writes(before) if call.subresource == "status"]
    kept = shared.child("Deployment", "novacron-query")
    assert kept["spec"]["template"]["metadata"]["annotations"]["kubectl.kubernetes.io/restartedAt"] == "2026-11-24"
    assert kept["metadata"]["annotations"]["team"] == "nova"
    assert shared.child("Service", "novacron-query")["metadata"]["labels"]["team"] == "nova"
    assert shared.child("ConfigMap", "novacron-query-config")["data"]["theirs"] == "1"
