from __future__ import annotations

from typing import Any

import pytest

from novacron.api.v1alpha1 import NovaCron
from novacron.auth.domain.key_ring import KeyRing, RingKey, RingRules
from novacron.auth.status import Keys, Trouble
from novacron.core.capabilities import Capabilities
from novacron.core.conditions import TYPES, Condition
from novacron.core.manifest import Ref, ref
from novacron.core.plan import Refuse
from novacron.core.readiness import Dependency
from novacron.stack import migration, status
from novacron.stack.dependencies import Question
from novacron.stack.observed import Finding, Observed
from novacron.stack.problem import Problem

_TRUE = {"type": "Ready", "status": "True", "reason": "Valid", "message": ""}


_RULES = RingRules(86_400, 3_600, 30, 300, 180, 2_048)
_KEYS = Keys("", KeyRing((RingKey("a", "AQAB", "AQAB", "active", 0, activated=0),)), _RULES, 60)


def _resource(**spec: Any) -> NovaCron:
    body = {
        "apiVersion": "novacron.io/v1alpha1",
        "kind": "NovaCron",
        "metadata": {"name": "nc", "namespace": "n", "uid": "u", "generation": 1},
        "spec": {
            "version": "v1",
            "database": {"host": "db", "cidrs": ["10.0.0.0/24"]},
            "redis": {"host": "redis", "cidrs": ["10.0.1.0/24"]},
            "secrets": {"vault": {"server": "https://vault.example.com"}},
            **spec,
        },
    }
    return NovaCron.model_validate(body)


def _deployment(name: str, **status: Any) -> dict[str, Any]:
    return {
        "kind": "Deployment",
        "metadata": {"name": f"nc-{name}", "namespace": "n", "generation": 2},
        "spec": {"replicas": 3},
        "status": {"observedGeneration": 2, "replicas": 3, "updatedReplicas": 3, "availableReplicas": 3} | status,
    }


def _child(kind: str, name: str, **status: Any) -> dict[str, Any]:
    return {"kind": kind, "metadata": {"name": name, "namespace": "n", "generation": 1}, "status": status}


def _observed(*children: dict[str, Any], resource: NovaCron | None = None, **facts: Any) -> Observed:
    """A healthy resource, in which the given children replace the healthy ones of the same name."""
    healthy = [_deployment(name) for name in ("api", "auth", "query", "ml")]
    healthy += [_child("SecretStore", "nc-vault", conditions=[_TRUE])]
    healthy += [_child("ExternalSecret", "nc-database", conditions=[_TRUE], syncedResourceVersion="1-abc")]
    healthy += [_child("HorizontalPodAutoscaler", "nc-api", conditions=[{"type": "ScalingActive", "status": "True"}])]
    resource = resource or _resource()
    healthy += [_child("Job", migration.job(resource).name, conditions=[{"type": "Complete", "status": "True"}])]
    everything = {ref(child): child for child in (*healthy, *children)}
    facts.setdefault("capabilities", Capabilities(custom_metrics=True))
    facts.setdefault("keys", _KEYS)
    return Observed(resource, wanted=frozenset(everything), children=everything, **facts)


def _judged(observed: Observed) -> dict[str, Condition]:
    return {condition.type: condition for condition in status.judge(observed)}


def _summary(observed: Observed) -> tuple[str, str, str, str]:
    found = _judged(observed)
    return found["Ready"].status, found["Reconciling"].status, found["Stalled"].status, found["Ready"].reason


def test_a_healthy_resource_is_ready_and_every_condition_is_told() -> None:
    found = _judged(_observed())
    assert list(found) == list(TYPES)
    assert _summary(_observed()) == ("True", "False", "False", "AllWorkloadsAvailable")
    assert found["Ready"].message == "4 of 4 workloads are available"


_GATES = [
    pytest.param(_deployment("api", observedGeneration=1), "RolloutInProgress", id="rollout-not-begun"),
    pytest.param(_deployment("api", replicas=4), "RolloutInProgress", id="old-pods-left"),
    pytest.param(_deployment("api", availableReplicas=1), "WorkloadUnavailable", id="too-few"),
    pytest.param(_child("SecretStore", "nc-vault"), "StoreNotReady", id="store-not-looked-at"),
    pytest.param(
        _child("ExternalSecret", "nc-database", conditions=[_TRUE], syncedResourceVersion="0-a"),
        "ExternalSecretNotSynced",
        id="older-generation-synced",
    ),
]


@pytest.mark.parametrize(("child", "reason"), _GATES)
def test_what_gates_readiness_reconciles(child: dict[str, Any], reason: str) -> None:
    assert _summary(_observed(child)) == ("False", "True", "False", reason)


def test_a_passed_deadline_stalls() -> None:
    failed = {"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded"}
    observed = _observed(_deployment("api", conditions=[failed], availableReplicas=0))
    assert _summary(observed) == ("False", "False", "True", "ProgressDeadlineExceeded")


def test_a_scale_up_alone_changes_nothing() -> None:
    growing = _deployment("api", replicas=9, updatedReplicas=9, availableReplicas=3)
    growing["spec"]["replicas"] = 9
    assert status.judge(_observed(growing)) == status.judge(_observed())


@pytest.mark.parametrize(
    ("facts", "summary"),
    [
        pytest.param(
            {"refused": (Refuse(Ref("Service", "n", "nc-api"), leaving=False),)},
            ("False", "False", "True", "NameConflict"),
            id="foreign-object",
        ),
        pytest.param(
            {"refused": (Refuse(Ref("Service", "n", "nc-api"), leaving=True),)},
            ("False", "True", "False", "Progressing"),
            id="predecessor",
        ),
        pytest.param(
            {"failures": {Ref("Deployment", "n", "nc-api"): "denied"}},
            ("False", "True", "False", "WriteFailed"),
            id="write-failed",
        ),
        pytest.param(
            {"failures": {Ref("ServiceMonitor", "n", "nc-api"): "denied"}},
            ("True", "False", "False", "AllWorkloadsAvailable"),
            id="monitoring-does-not-gate",
        ),
        pytest.param(
            {"capacity": (Finding("QuotaExceeded", "sums"),)},
            ("True", "False", "False", "AllWorkloadsAvailable"),
            id="capacity-does-not-gate",
        ),
        pytest.param(
            {"persistent": {Ref("Service", "n", "nc-api"): ("spec.x",)}},
            ("True", "False", "False", "AllWorkloadsAvailable"),
            id="drift-does-not-gate",
        ),
        pytest.param(
            {"capabilities": Capabilities(kinds=frozenset())},
            ("False", "True", "False", "CRDMissing"),
            id="external-secrets-missing",
        ),
    ],
)
def test_facts_and_the_summary(facts: dict[str, Any], summary: tuple[str, str, str, str]) -> None:
    assert _summary(_observed(**facts)) == summary


def test_an_ingress_without_an_address_is_unknown_and_named_but_does_not_gate() -> None:
    exposure = {"type": "Ingress", "hosts": ["a.example.com"], "ingress": {"className": "x"}}
    resource = _resource(exposure=exposure, networkPolicy={"gatewayNamespaces": ["ingress"]})
    observed = _observed(_child("Ingress", "nc"), resource=resource)
    assert _summary(observed)[0] == "True"
    assert "ExposureReady" in _judged(observed)["Ready"].message


def test_a_refused_route_gates_with_the_gateways_words() -> None:
    exposure = {"type": "Gateway", "hosts": ["a.example.com"], "gateway": {"name": "g", "namespace": "gw"}}
    refused = {"type": "Accepted", "status": "False", "reason": "NotAllowedByListeners", "message": "no"}
    observed = _observed(
        _child("HTTPRoute", "nc", parents=[{"conditions": [refused]}]), resource=_resource(exposure=exposure)
    )
    assert _summary(observed) == ("False", "True", "False", "RouteNotAccepted")
    assert "NotAllowedByListeners: no" in _judged(observed)["ExposureReady"].message


def test_closed_peers_are_named_with_the_field_to_set() -> None:
    found = _judged(_observed(resource=_resource(database={"host": "db"})))
    assert found["NetworkPolicyApplied"].reason == "PeersUnknown"
    assert "spec.database.cidrs" in found["NetworkPolicyApplied"].message


def test_without_custom_metrics_the_condition_says_what_is_left_out() -> None:
    found = _judged(_observed(capabilities=Capabilities(custom_metrics=False)))
    assert (found["AutoscalingActive"].status, found["AutoscalingActive"].reason) == (
        "True",
        "CustomMetricsUnavailable",
    )


_IMAGE = Problem("ImageUnavailable", "the image r/x:1 cannot be pulled", "check spec.image.registry")
_MEMORY = Problem("OutOfMemory", "its container was killed", "raise spec.ml.resources.limits.memory")


def test_a_cause_is_the_reason_and_the_message_names_workload_cause_and_remedy() -> None:
    observed = _observed(_deployment("api", availableReplicas=0), problems={"api": _IMAGE})
    assert _summary(observed) == ("False", "True", "False", "ImageUnavailable")
    assert _judged(observed)["WorkloadsAvailable"].message == (
        "api: too few pods are available: the image r/x:1 cannot be pulled; check spec.image.registry"
    )


def test_a_new_version_that_cannot_start_is_named_while_older_pods_serve() -> None:
    observed = _observed(_deployment("api", replicas=4, updatedReplicas=1), problems={"api": _IMAGE})
    assert _summary(observed) == ("False", "True", "False", "ImageUnavailable")
    assert _judged(observed)["Ready"].message.startswith(
        "api: pods of an older template are still there: the image r/x"
    )


def test_trouble_of_pods_that_a_change_has_yet_to_replace_is_not_told_of_the_change() -> None:
    observed = _observed(_deployment("api", observedGeneration=1), problems={"api": _IMAGE})
    assert _judged(observed)["WorkloadsAvailable"].message == "api: the rollout has not begun"


def test_a_passed_deadline_stalls_and_has_its_cause_in_the_message() -> None:
    failed = {"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded"}
    observed = _observed(
        _deployment("api", conditions=[failed], availableReplicas=0), problems={"api": _IMAGE, "ml": _MEMORY}
    )
    assert _summary(observed) == ("False", "False", "True", "ProgressDeadlineExceeded")
    assert "the image r/x:1 cannot be pulled; check" in _judged(observed)["Stalled"].message


def test_the_gravest_cause_is_the_reason_and_all_are_named() -> None:
    short = {"availableReplicas": 0}
    observed = _observed(
        _deployment("api", **short), _deployment("ml", **short), problems={"api": _IMAGE, "ml": _MEMORY}
    )
    found = _judged(observed)["WorkloadsAvailable"]
    assert (found.reason, found.message.count("too few pods")) == ("OutOfMemory", 2)


def test_trouble_of_an_available_workload_is_named_and_gates_nothing() -> None:
    observed = _observed(problems={"ml": _MEMORY})
    found = _judged(observed)
    assert (found["WorkloadsAvailable"].status, found["WorkloadsAvailable"].reason) == ("True", "OutOfMemory")
    assert _summary(observed) == ("True", "False", "False", "AllWorkloadsAvailable")
    assert found["Ready"].message == (
        "4 of 4 workloads are available; not all pods of ml: its container was killed; "
        "raise spec.ml.resources.limits.memory"
    )


def test_pods_that_admission_refuses_are_told_by_the_deployment_itself() -> None:
    message = (
        'pods "nc-api-5f7-x2x" is forbidden: exceeded quota: q, requested: limits.cpu=1, '
        "used: limits.cpu=3, limited: limits.cpu=3"
    )
    refused = {"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": message}
    observed = _observed(_deployment("api", conditions=[refused], replicas=0, updatedReplicas=0, availableReplicas=0))
    assert _summary(observed) == ("False", "True", "False", "QuotaExceeded")
    assert "ResourceQuota/q lets no more pods in: limits.cpu" in _judged(observed)["Ready"].message


def test_refused_credentials_do_not_gate() -> None:
    refused = (Dependency("database", "degraded", True, "nc-database", "AuthenticationFailed", "it says no"),)
    question = Question(("api", "auth", "query"), synced=True, within_reach=True)
    observed = _observed(
        question=question, heard={"CredentialsCurrent": {"api": (), "auth": refused, "query": refused}}
    )
    found = _judged(observed)
    assert _summary(observed)[0] == "True"
    assert (found["CredentialsCurrent"].status, found["CredentialsCurrent"].reason) == ("False", "CredentialsRefused")
    assert found["Ready"].message == (
        "4 of 4 workloads are available; not known: QueriesHealthy (query: not asked yet)"
    )


def test_queries_that_do_not_do_well_do_not_gate() -> None:
    impaired = (Dependency("queries", "degraded", False, "", "PartitionMissing", "tomorrow's"),)
    heard = {"CredentialsCurrent": {"query": ()}, "QueriesHealthy": {"query": impaired}}
    observed = _observed(question=Question(("query",), within_reach=True), heard=heard)
    found = _judged(observed)["QueriesHealthy"]
    assert (found.status, found.reason, found.message) == ("False", "QueriesImpaired", "PartitionMissing: tomorrow's")
    assert _summary(observed)[0] == "True"


def test_credentials_that_cannot_be_known_do_not_gate_and_are_named() -> None:
    observed = _observed(question=Question(("api",)))
    assert _summary(observed)[0] == "True"
    assert _judged(observed)["Ready"].message == (
        "4 of 4 workloads are available; not known: "
        "CredentialsCurrent (the operator runs outside of the cluster's network)"
    )


def test_a_shared_database_login_is_named() -> None:
    assert "migrate, auth, query use the login" in _judged(_observed())["SecretsSynced"].message
    own = {user: {"remoteKey": f"database/{user}"} for user in ("migrate", "auth", "query")}
    secrets = {"vault": {"server": "https://vault.example.com"}, "databaseUsers": own}
    assert "login" not in _judged(_observed(resource=_resource(secrets=secrets)))["SecretsSynced"].message


def test_a_retired_ingress_class_is_told() -> None:
    exposure = {"type": "Ingress", "hosts": ["a.example.com"], "ingress": {"className": "nginx"}}
    resource = _resource(exposure=exposure, networkPolicy={"gatewayNamespaces": ["ingress"]})
    assert "retired" in _judged(_observed(_child("Ingress", "nc"), resource=resource))["ExposureReady"].message


def test_nothing_is_exposed_while_api_is_off() -> None:
    exposure = {"type": "Gateway", "hosts": ["a.example.com"], "gateway": {"name": "g", "namespace": "gw"}}
    found = _judged(_observed(resource=_resource(exposure=exposure, api={"enabled": False})))
    assert found["ExposureReady"].reason == "Disabled"


def test_auth_without_a_key_that_signs_gates() -> None:
    trouble = Trouble("False", "KeysUnreadable", "restore it")
    observed = _observed(keys=Keys("", None, _RULES, trouble=trouble))
    assert _summary(observed) == ("False", "True", "False", "KeysUnreadable")
    assert _judged(observed)["Ready"].message == "restore it"


def test_an_overdue_rotation_does_not_gate() -> None:
    observed = _observed(keys=Keys("", _KEYS.ring, _RULES, 10 * 86_400))
    found = _judged(observed)
    assert (found["SigningKeysCurrent"].reason, _summary(observed)[0]) == ("RotationOverdue", "True")


def test_keys_that_cannot_be_looked_at_are_unknown_and_named() -> None:
    trouble = Trouble("Unknown", "RightMissing", "install the RBAC")
    observed = _observed(keys=Keys("", None, _RULES, trouble=trouble))
    assert _summary(observed)[0] == "True"
    assert "SigningKeysCurrent (install the RBAC)" in _judged(observed)["Ready"].message


def test_auth_is_ready_when_its_pods_are() -> None:
    found = _judged(_observed(_deployment("auth", availableReplicas=0)))
    assert (found["AuthReady"].status, found["AuthReady"].reason) == ("False", "WorkloadUnavailable")
    off = _judged(_observed(resource=_resource(auth={"enabled": False}), keys=Keys("")))
    assert (off["AuthReady"].status, off["AuthReady"].reason) == ("True", "Disabled")
