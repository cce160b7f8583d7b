"""Conditions: their documented types and reasons, and how a new set replaces an old one.

Source: Kubernetes API conventions, kstatus (cli-utils ``pkg/kstatus``). Types and reasons are contracts: alerts
match them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

Status = Literal["True", "False", "Unknown"]

READY = "Ready"
RECONCILING = "Reconciling"
STALLED = "Stalled"
PAUSED = "Paused"
WORKLOADS_AVAILABLE = "WorkloadsAvailable"
SECRETS_SYNCED = "SecretsSynced"
AUTOSCALING_ACTIVE = "AutoscalingActive"
NETWORK_POLICY_APPLIED = "NetworkPolicyApplied"
EXPOSURE_READY = "ExposureReady"
MONITORING_APPLIED = "MonitoringApplied"
CAPACITY_CONSISTENT = "CapacityConsistent"
DRIFTED = "Drifted"
CREDENTIALS_CURRENT = "CredentialsCurrent"
SCHEMA_CURRENT = "SchemaCurrent"
SIGNING_KEYS_CURRENT = "SigningKeysCurrent"
AUTH_READY = "AuthReady"
QUERIES_HEALTHY = "QueriesHealthy"
MEMORY_ADEQUATE = "MemoryAdequate"

TYPES: dict[str, str] = {
    READY: "Every part that gates readiness is as the resource asks; the message says what is missing and what to do.",
    RECONCILING: "The operator works towards the resource, or waits for something that can still come by itself.",
    STALLED: "Nothing will change until a person acts; reason and message say what to do.",
    PAUSED: "The annotation novacron.io/paused keeps the operator from touching the children.",
    WORKLOADS_AVAILABLE: "Every enabled workload has its current template rolled out and enough pods available.",
    SECRETS_SYNCED: "The SecretStore is valid and every ExternalSecret is synced; or the Secrets are somebody else's.",
    AUTOSCALING_ACTIVE: "Every HorizontalPodAutoscaler can read its metrics.",
    NETWORK_POLICY_APPLIED: "The policies stand, and every peer they need is known.",
    EXPOSURE_READY: "The route is accepted by its gateway, or the Ingress has an address.",
    MONITORING_APPLIED: "ServiceMonitors, rules and dashboards stand.",
    CAPACITY_CONSISTENT: "LimitRanges, quotas, disruption budgets and autoscalers leave room for what is asked.",
    DRIFTED: "A field that the operator owns does not stay as it was written.",
    CREDENTIALS_CURRENT: "The logins that are mounted are accepted, as the pods say; False: pods live on earlier ones.",
    SCHEMA_CURRENT: "The database's schemas are what auth and query of this version need.",
    SIGNING_KEYS_CURRENT: "The key that signs access tokens is no older and no smaller than the resource asks.",
    AUTH_READY: "Access tokens can be signed, and auth is available.",
    QUERIES_HEALTHY: "Nothing slows queries down or will have samples refused, as pods of query say; gates nothing.",
    MEMORY_ADEQUATE: "Pods of ml have enough memory; the message has the arithmetic of what follows; gates nothing.",
}

REASONS: dict[str, str] = {
    "AllWorkloadsAvailable": "Ready: every workload is available and nothing that gates readiness is missing.",
    "Applied": "Every object of this part stands as wanted.",
    "AsWanted": "No owned field differs from what the operator set.",
    "AuthReady": "Auth is available and has a key that signs.",
    "AutoscalersActive": "Every autoscaler reads its metrics.",
    "Consistent": "The arithmetic leaves room; the message carries the sums.",
    "Contested": "Fields come back again and again after each repair: another controller or a person sets them.",
    "ConfigMissing": "A pod waits for a ConfigMap or key that does not exist; the message names it.",
    "ContainerConfigError": "A container cannot be made or started as it is described; the runtime's words follow.",
    "CrashLoop": "A container ends again and again; the message has its exit code and how to read its last words.",
    "CRDMissing": "A neighbour's API is not served; the objects appear once it is.",
    "CredentialsCurrent": "Every workload works with the logins that are mounted.",
    "CredentialsRefused": "A server refuses a mounted login; the message names workloads, server and Secret.",
    "CustomMetricsUnavailable": "No custom-metrics API lists pods/http_requests_per_second; that metric is left out.",
    "Deleting": "The resource is being deleted; the message names the children that are still there.",
    "DependencyUnreachable": "Pods run but miss what they depend on; their own words follow, with the Secret.",
    "Disabled": "Switched off in the resource.",
    "DisruptionBudgetDeadlock": "A PodDisruptionBudget allows no eviction, so a node drain would hang.",
    "DuplicateAutoscaler": "Two HorizontalPodAutoscalers select one Deployment, so both stop.",
    "Evicted": "A node evicted pods: they used more of its disk or memory than they may.",
    "ExternalSecretNotSynced": "External Secrets has not written the Secret; its own message follows.",
    "FailedMount": "A volume of a pod cannot be mounted; the kubelet's words follow.",
    "ImageUnavailable": "An image cannot be pulled or does not exist; the message names it.",
    "InvalidSpec": "The resource breaks a rule; field, reason and remedy are in the message.",
    "KeysCurrent": "One key signs; the message says when the next one will.",
    "KeysRevoked": "All older signing keys were just dropped, as somebody asked; what they signed is refused.",
    "KeysUnreadable": "The Secret of the signing keys cannot be understood. It is left as it is: restore or delete it.",
    "LimitAtMost": "The memory limit of ml is too small, and right-sizing may not raise it further.",
    "LimitOnTrial": "The memory limit of ml is too small; it is raised once it was everywhere for two minutes.",
    "LimitRaised": "The memory limit of ml was too small and is raised; its rollout goes on.",
    "LimitRangeConflict": "A LimitRange of the namespace refuses a pod of this resource.",
    "LimitTooSmall": "The memory limit of ml is too small, and right-sizing is off; the message says what would help.",
    "ManagedElsewhere": "The Secrets are provided by somebody else (secrets.provider Existing).",
    "MemoryAdequate": "No pod of ml was short of memory under its present limit.",
    "MetricsUnavailable": "An autoscaler cannot read its metrics; its own message follows.",
    "MigrationFailed": "A migration was refused; the message says by what, what to do, and how it is run again.",
    "MigrationRunning": "A Job brings the schemas forward; auth and query of this version wait for it.",
    "MutatedOnAdmission": "A field comes back right after each write: a mutating webhook sets it. It is left alone.",
    "NameConflict": "An object of a wanted name exists and is not ours; rename or delete it.",
    "NamespaceTaken": "Another NovaCron of this namespace came first; one namespace holds one.",
    "NotExposed": "exposure.type is None: nothing to wait for.",
    "NotPaused": "The operator reconciles this resource.",
    "NotReachable": "The workloads cannot be asked from where the operator runs, or do not answer.",
    "OutOfMemory": "The kernel killed a container for want of memory, now or in the last minutes.",
    "PausedByAnnotation": "novacron.io/paused is true; remove it to go on.",
    "PeersUnknown": "No cidrs or peers given for a dependency, so the policy keeps it closed.",
    "PodRefused": "Admission refuses the pods; its words follow.",
    "ProgressDeadlineExceeded": "A rollout did not finish in its deadline; the message names the workload and why.",
    "Progressing": "Objects are being brought to what the resource asks.",
    "QueriesHealthy": "Pods of query find nothing wrong with their queries.",
    "QueriesImpaired": "Pods of query tell what slows queries down or will have samples refused; their words follow.",
    "QuotaExceeded": "A ResourceQuota refuses pods, or cannot hold what this resource can need at most.",
    "RightMissing": "The API server forbids what the operator must do; the message names it.",
    "RolloutInProgress": "Pods of the current template are starting or older ones are leaving.",
    "RotationOverdue": "The signing key should have been replaced by now; the message says what it waits for.",
    "RouteAccepted": "The gateway accepted the route and its references resolve.",
    "RouteNotAccepted": "The gateway has not accepted the route; its own message follows.",
    "SchemaCurrent": "The schemas are what this version needs.",
    "SchemaDiffers": "Pods find other tables than migrations made; the message names the differences.",
    "SchemaOutdated": "Pods miss tables of this version; nobody migrates, as database.migrate is false.",
    "SecretMissing": "A pod waits for a Secret or key that does not exist; the message names it.",
    "SecretsSynced": "The store is valid and every ExternalSecret is synced.",
    "Settled": "Nothing is left to do.",
    "StoreNotReady": "The SecretStore is not valid; its own message follows.",
    "Unschedulable": "No node takes the pods; the message says what nodes lack and which field asks for it.",
    "Unobserved": "Not seen yet.",
    "UpkeepFailed": "The schemas are current, but the last upkeep did not succeed; there are partitions for a week.",
    "WriteFailed": "The API server refused a write; its answer follows. The operator tries again.",
    "WorkloadUnavailable": "A workload has too few available pods; the message names it and why.",
}


@dataclass(frozen=True, slots=True)
class Condition:
    """One observation. ``message`` says what is and what to do, without counters that would cause endless writes."""

    type: str
    status: Status
    reason: str
    message: str

    def __post_init__(self) -> None:
        if self.type not in TYPES or self.reason not in REASONS:
            raise ValueError(f"undocumented condition {self.type}/{self.reason}: add it to core/conditions.py")


def replaced(
    old: Iterable[dict[str, Any]], new: Sequence[Condition], generation: int, now: str
) -> list[dict[str, Any]]:
    """The status list for ``new``: order of ``new``, ``lastTransitionTime`` moves only when a status flips.

    Args:
        old: the list as it stands in the resource.
        generation: the ``metadata.generation`` that was judged.
        now: RFC 3339 time with seconds.
    """
    before = {condition.get("type"): condition for condition in old}
    merged = []
    for condition in new:
        previous = before.get(condition.type, {})
        flipped = previous.get("status") != condition.status
        merged.append(
            {
                "type": condition.type,
                "status": condition.status,
                "observedGeneration": generation,
                "lastTransitionTime": now if flipped else previous.get("lastTransitionTime", now),
                "reason": condition.reason,
                "message": condition.message[:32768],
            }
        )
    return merged
