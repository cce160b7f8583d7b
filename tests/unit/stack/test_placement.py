"""Scheduler's, kubelet's and admission's words: what they become, without what counts on."""

from __future__ import annotations

import pytest

from novacron.stack import placement, refusal

_PREEMPTION = (
    "no new claims to deallocate, preemption: 0/3 nodes are available: 1 No preemption victims found for incoming pod, "
    "2 Preemption is not helpful for scheduling."
)
_UNSCHEDULABLE = {
    "cpu": (
        "0/3 nodes are available: 3 Insufficient cpu.",
        "no node takes its pods: Insufficient cpu",
        "lower spec.api.resources.requests.cpu or add a node with room",
    ),
    "memory-and-selector": (
        "0/3 nodes are available: 1 Insufficient memory, 2 node(s) didn't match Pod's node affinity/selector.",
        "no node takes its pods: Insufficient memory, didn't match Pod's node affinity/selector",
        "lower spec.api.resources.requests.memory or add a node with room or change spec.api.nodeSelector or "
        "spec.api.affinity or label a node to match",
    ),
    "storage": (
        "0/1 nodes are available: 1 Insufficient ephemeral-storage.",
        "no node takes its pods: Insufficient ephemeral-storage",
        "lower spec.api.resources.requests['ephemeral-storage'] or add a node with room",
    ),
    "gpu": (
        "0/1 nodes are available: 1 Insufficient nvidia.com/gpu.",
        "no node takes its pods: Insufficient nvidia.com/gpu",
        "lower spec.api.gpus or add a node with room",
    ),
    "taint": (
        "0/4 nodes are available: 1 node(s) had untolerated taint {node.kubernetes.io/not-ready: }, 3 node(s) had "
        "untolerated taint {dedicated: db}.",
        "no node takes its pods: had untolerated taint {dedicated: db}, had untolerated taint "
        "{node.kubernetes.io/not-ready: }",
        "add what tolerates the taint to spec.api.tolerations or remove the taint",
    ),
    "pods": (
        "0/2 nodes are available: 2 Too many pods.",
        "no node takes its pods: Too many pods",
        "add a node: no more pods fit the present ones",
    ),
    "cordoned": (
        "0/2 nodes are available: 2 node(s) were unschedulable.",
        "no node takes its pods: were unschedulable",
        "uncordon a node (kubectl uncordon)",
    ),
    "spread": (
        "0/2 nodes are available: 2 node(s) didn't match pod topology spread constraints.",
        "no node takes its pods: didn't match pod topology spread constraints",
        "change spec.api.affinity or add a node",
    ),
    "anti-affinity": (
        "0/2 nodes are available: 2 node(s) didn't match pod anti-affinity rules.",
        "no node takes its pods: didn't match pod anti-affinity rules",
        "change spec.api.affinity or add a node",
    ),
    "no-nodes": (
        "no nodes available to schedule pods.",
        "no node takes its pods: no nodes available to schedule pods",
        "change spec.api.nodeSelector, .affinity or .tolerations, or add a node",
    ),
    "silent": ("", "no node takes its pods", "change spec.api.nodeSelector"),
}


@pytest.mark.parametrize(("message", "cause", "remedy"), _UNSCHEDULABLE.values(), ids=_UNSCHEDULABLE)
def test_why_no_node_takes_a_pod(message: str, cause: str, remedy: str) -> None:
    found = placement.unschedulable("api", "Unschedulable", f"{message} {_PREEMPTION}" if message else "")
    assert (found.reason, found.cause) == ("Unschedulable", cause)
    assert found.remedy.startswith(remedy)


def test_how_many_nodes_there_are_and_in_which_order_they_are_named_changes_nothing() -> None:
    words = [
        "0/3 nodes are available: 1 Insufficient memory, 2 node(s) had untolerated taint {a: b}.",
        "0/40 nodes are available: 39 node(s) had untolerated taint {a: b}, 1 Insufficient memory. no new claims to "
        "deallocate, "
        "preemption: 0/40 nodes are available: 40 Preemption is not helpful for scheduling.",
    ]
    assert len({str(placement.unschedulable("api", "Unschedulable", text)) for text in words}) == 1


def test_a_gate_is_told() -> None:
    assert "gate" in placement.unschedulable("api", "SchedulingGated", "Scheduling is blocked").cause


_SENT_AWAY = {
    "tmpfs": (
        "Evicted",
        'Usage of EmptyDir volume "tmp" exceeds the limit "64Mi". ',
        "Evicted",
        "it filled its volume tmp (limit 64Mi) and was evicted",
        "raise spec.ml.resources.limits.memory",
    ),
    "scratch": (
        "Evicted",
        'Usage of EmptyDir volume "scratch" exceeds the limit "10Gi". ',
        "Evicted",
        "it filled its volume scratch (limit 10Gi) and was evicted",
        "raise spec.ml.scratch.size",
    ),
    "container-disk": (
        "Evicted",
        'Container ml exceeded its local ephemeral storage limit "2Gi". ',
        "Evicted",
        "it used more ephemeral-storage than its limit and was evicted",
        "raise spec.ml.resources.limits['ephemeral-storage']",
    ),
    "pod-disk": (
        "Evicted",
        "Pod ephemeral local storage usage exceeds the total limit of containers 2Gi. ",
        "Evicted",
        "it used more ephemeral-storage than its limit and was evicted",
        "raise spec.ml.resources.limits['ephemeral-storage']",
    ),
    "node-memory": (
        "Evicted",
        "The node was low on resource: memory. Threshold quantity: 100Mi, available: 53416Ki. Container ml was using "
        "812Mi, request is 512Mi, has larger consumption of memory. ",
        "Evicted",
        "its node ran low on memory and evicted it",
        "raise spec.ml.resources.requests",
    ),
    "refused": (
        "OutOfcpu",
        "Pod was rejected: Node didn't have enough resource: cpu, requested: 200, used: 7900, capacity: 8000",
        "Unschedulable",
        "a node refused its pod: cpu had run out there",
        "lower spec.ml.resources.requests.cpu or add a node with room",
    ),
}


@pytest.mark.parametrize(("reason", "message", "named", "cause", "remedy"), _SENT_AWAY.values(), ids=_SENT_AWAY)
def test_why_a_node_sent_a_pod_away(reason: str, message: str, named: str, cause: str, remedy: str) -> None:
    found = placement.sent_away("ml", reason, message)
    assert found is not None
    assert (found.reason, found.cause) == (named, cause)
    assert found.remedy.startswith(remedy)


_REFUSED = {
    "quota": (
        "exceeded quota: nc-quota, requested: limits.cpu=1,limits.memory=2Gi, used: limits.cpu=10,limits.memory=9Gi, "
        "limited: limits.cpu=10,limits.memory=10Gi",
        "QuotaExceeded",
        "ResourceQuota/nc-quota lets no more pods in: limits.cpu, limits.memory is used up",
        "spec.governance.resourceQuota.hard",
    ),
    "limit-range": (
        "maximum memory usage per Container is 1Gi, but limit is 2Gi",
        "LimitRangeConflict",
        "a LimitRange refuses its pods: maximum memory usage per Container is 1Gi, but limit is 2Gi",
        "change spec.api.resources",
    ),
    "limit-range-minimum": (
        "minimum cpu usage per Container is 500m, but request is 200m",
        "LimitRangeConflict",
        "a LimitRange refuses its pods: minimum cpu usage per Container is 500m, but request is 200m",
        "change spec.api.resources",
    ),
    "pod-security": (
        'violates PodSecurity "restricted:latest": privileged (container "x" must not set securityContext.privileged)',
        "PodRefused",
        'Pod Security refuses its pods: violates PodSecurity "restricted:latest": privileged',
        "a webhook?",
    ),
    "priority": (
        "no PriorityClass with name gold was found",
        "PodRefused",
        "there is no PriorityClass gold",
        "create it, or change spec.api.priorityClassName",
    ),
}


@pytest.mark.parametrize(("message", "reason", "cause", "remedy"), _REFUSED.values(), ids=_REFUSED)
def test_why_admission_lets_no_pod_in(message: str, reason: str, cause: str, remedy: str) -> None:
    first, second = (
        refusal.refused("api", f'pods "nc-api-5f7-{suffix}" is forbidden: {message}') for suffix in ("a1b2c", "x9z8y")
    )
    assert first == second
    assert (first.reason, cause in first.cause, remedy in first.remedy) == (reason, True, True)


def test_a_webhooks_words_are_passed_on() -> None:
    found = refusal.refused("api", 'admission webhook "policy.example.com" denied the request: no')
    assert found.cause == 'its pods are refused: admission webhook "policy.example.com" denied the request: no'
