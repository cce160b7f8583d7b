"""The shape that the four workloads share. Each workload's module changes defaults and adds what is its own."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from novacron.api.v1alpha1.autoscaling import Autoscaling
from novacron.api.v1alpha1.base import Model
from novacron.api.v1alpha1.environment import EnvironmentVariables
from novacron.api.v1alpha1.labelling import Annotations, Labels, NodeLabels
from novacron.api.v1alpha1.native import Affinity, NetworkPolicyEgressRule, Toleration
from novacron.api.v1alpha1.quantities import Cpu, Memory, amount, is_not_more, not_more, quantity_text
from novacron.api.v1alpha1.rules import Rule, between, matching
from novacron.api.v1alpha1.scalars import (
    IMAGE_HOST,
    IMAGE_PATH,
    Bool,
    ContainerPort,
    Int,
    OptionalDnsName,
    Port,
    UrlPath,
)

Storage = Annotated[Memory, Field(alias="ephemeral-storage", description="Local disk, in bytes.")]
RequestedCpu = Annotated[Cpu, Field(description="CPU, in cores.")]
RequestedMemory = Annotated[Memory, Field(description="Memory, in bytes.")]


class Image(Model):
    """The image of a workload."""

    repository: Annotated[
        str,
        Field(
            max_length=255,
            description="Repository, with or without a registry; image.registry is put before one without.",
        ),
        matching(
            rf"(?:{IMAGE_HOST}/)?{IMAGE_PATH}(?:/{IMAGE_PATH})*",
            "must be a repository such as novacron/novacron or registry.example.com/team/novacron, without tag or"
            " digest",
        ),
    ] = "novacron/novacron"
    tag: Annotated[
        str,
        Field(max_length=128, description="Tag. Empty: spec.version, unless a digest is given."),
        matching(
            r"[A-Za-z0-9_][-A-Za-z0-9._]*", "must be empty or a tag of letters, digits, -, _ and .", or_empty=True
        ),
    ] = ""
    digest: Annotated[
        str,
        Field(max_length=71, description="Digest, sha256: and 64 hexadecimal digits. Empty: none."),
        matching(
            "sha256:[a-f0-9]{64}",
            "must be empty or sha256: followed by 64 lower-case hexadecimal digits",
            or_empty=True,
        ),
    ] = ""


class Requests(Model):
    """What the scheduler reserves for the container."""

    cpu: RequestedCpu = "200m"
    memory: RequestedMemory = "512Mi"
    ephemeral_storage: Storage = "1Gi"


class Limits(Model):
    """What the container may use at most."""

    cpu: RequestedCpu = "1"
    memory: RequestedMemory = "2Gi"
    ephemeral_storage: Storage = "2Gi"


def _within_limit(alias: str, attribute: str) -> Rule[Resources]:
    name = alias.replace("-", "__dash__")
    request, limit = quantity_text(alias, f"self.requests.{name}"), quantity_text(alias, f"self.limits.{name}")

    def holds(resources: Resources) -> bool:
        asked, most = getattr(resources.requests, attribute), getattr(resources.limits, attribute)
        return is_not_more(amount(asked), amount(most))

    return Rule[Any](
        cel=not_more(request, limit),
        message=f"requests.{alias} must be at most limits.{alias}: lower the request or raise the limit",
        holds=holds,
        path=f".requests['{alias}']" if "-" in alias else f".requests.{alias}",
    )


class Resources(Model):
    """Requests and limits of the container; both are always set, as a LimitRange default could lie below a request."""

    rules: ClassVar[tuple[Rule[Resources], ...]] = (
        _within_limit("cpu", "cpu"),
        _within_limit("memory", "memory"),
        _within_limit("ephemeral-storage", "ephemeral_storage"),
    )

    requests: Annotated[Requests, Field(description="Reserved for the container.")] = Requests()
    limits: Annotated[Limits, Field(description="Most that the container may use.")] = Limits()


class PodDisruptionBudget(Model):
    """How many pods a drain may take away at once."""

    enabled: Annotated[Bool, Field(description="Whether a PodDisruptionBudget is written.")] = True
    # minAvailable 2 on a workload with 2 replicas would block every drain; maxUnavailable cannot
    max_unavailable: Annotated[
        Int,
        Field(description="Most pods missing at once, in pods; instead of minAvailable, which can block drains."),
        between(1, 1000, "0 would block every node drain"),
    ] = 1


ProbePath = Annotated[UrlPath, Field(description="Path of the HTTP GET on port http.")]
ProbePeriod = Annotated[Int, Field(description="Time between two probes, in seconds."), between(1, 3600, "seconds")]
ProbeTimeout = Annotated[
    Int, Field(description="When a probe counts as failed, in seconds."), between(1, 3600, "seconds")
]
Failures = Annotated[Int, Field(description="Failures in a row that count, in probes."), between(1, 1000)]


class StartupProbe(Model):
    """Until it succeeds, the other probes wait."""

    path: ProbePath = "/health"
    period_seconds: ProbePeriod = 2
    timeout_seconds: ProbeTimeout = 3
    failure_threshold: Failures = 30


class LivenessProbe(Model):
    """A container that fails it is restarted; it must not depend on others."""

    path: ProbePath = "/health"
    period_seconds: ProbePeriod = 10
    timeout_seconds: ProbeTimeout = 5
    failure_threshold: Failures = 3


class ReadinessProbe(Model):
    """A pod that fails it gets no requests."""

    path: ProbePath = "/ready"
    period_seconds: ProbePeriod = 5
    timeout_seconds: ProbeTimeout = 3
    failure_threshold: Failures = 2


class Probes(Model):
    """HTTP probes on port http. startup lets a slow start last longer than liveness would."""

    startup: Annotated[StartupProbe, Field(description="Until it succeeds, the other probes wait.")] = StartupProbe()
    liveness: Annotated[LivenessProbe, Field(description="A container that fails it is restarted.")] = LivenessProbe()
    readiness: Annotated[ReadinessProbe, Field(description="A pod that fails it gets no requests.")] = ReadinessProbe()


class Service(Model):
    """The Service of the workload."""

    type: Annotated[Literal["ClusterIP", "LoadBalancer"], Field(description="Type of the Service.")] = "ClusterIP"
    port: Annotated[Port, Field(description="Port of the Service; it leads to port http of the pods.")] = 80
    annotations: Annotated[Annotations, Field(description="Annotations of the Service.", default_factory=dict)]


class Ports(Model):
    """Ports of the container; no two alike."""

    rules: ClassVar[tuple[Rule[Any], ...]] = (
        Rule[Any](
            cel="self.http != self.metrics",
            message="must differ from http: two listeners cannot share a port",
            holds=lambda ports: ports.http != ports.metrics,
            path=".metrics",
        ),
    )

    http: Annotated[ContainerPort, Field(description="Port of the HTTP interface and the probes.")] = 8080
    metrics: Annotated[ContainerPort, Field(description="Port of /metrics.")] = 9090


class Workload(Model):
    """One Deployment and what belongs to it."""

    rules: ClassVar[tuple[Rule[Any], ...]] = (
        Rule[Any](
            cel="self.service.port != self.ports.metrics || self.service.type != 'ClusterIP'",
            message="must differ from ports.metrics: the Service carries both",
            holds=lambda own: own.service.port != own.ports.metrics or own.service.type != "ClusterIP",
            path=".service.port",
        ),
    )

    enabled: Annotated[Bool, Field(description="Whether the workload runs.")] = True
    image: Annotated[Image, Field(description="Image of the workload.")] = Image()
    replicas: Annotated[
        Int,
        Field(description="Number of replicas, in pods; used only while autoscaling is off."),
        between(1, 1000, "set enabled to false to run none"),
    ] = 3
    autoscaling: Annotated[Autoscaling, Field(description="The HorizontalPodAutoscaler.")] = Autoscaling()
    resources: Annotated[Resources, Field(description="Requests and limits of the container.")] = Resources()
    pod_disruption_budget: Annotated[
        PodDisruptionBudget, Field(description="How many pods a drain may take away at once.")
    ] = PodDisruptionBudget()
    probes: Annotated[Probes, Field(description="HTTP probes on port http.")] = Probes()
    service: Annotated[Service, Field(description="The Service of the workload.")] = Service()
    ports: Annotated[Ports, Field(description="Ports of the container, from 1024 to 65535, no two alike.")] = Ports()
    env: EnvironmentVariables = ()
    pod_labels: Annotated[
        Labels,
        Field(description="Further labels of the pods; the operator's own cannot be replaced.", default_factory=dict),
    ]
    pod_annotations: Annotated[
        Annotations,
        Field(
            description="Further annotations of the pods; the operator's own cannot be replaced.", default_factory=dict
        ),
    ]
    node_selector: Annotated[
        NodeLabels, Field(description="Labels that a node must carry to run the pods.", default_factory=dict)
    ]
    tolerations: Annotated[
        tuple[Toleration, ...],
        Field(max_length=32, description="Taints that the pods tolerate (Kubernetes' own type)."),
    ] = ()
    affinity: Annotated[
        Affinity,
        Field(
            description="Affinity of the pods (Kubernetes' own type). A given one replaces the default spread over"
            " zones and nodes."
        ),
    ] = Affinity()
    priority_class_name: Annotated[OptionalDnsName, Field(description="PriorityClass of the pods. Empty: none.")] = ""
    extra_egress: Annotated[
        tuple[NetworkPolicyEgressRule, ...],
        Field(max_length=16, description="Further NetworkPolicyEgressRules of the workload (Kubernetes' own type)."),
    ] = ()
    termination_grace_period_seconds: Annotated[
        Int,
        Field(description="How long a pod may take to finish its requests before it is killed, in seconds."),
        between(1, 3600, "seconds"),
    ] = 30
    # above every system account
    uid: Annotated[
        Int,
        Field(description="User, group and fsGroup of the processes."),
        between(1000, 2147483647, "root and system accounts are refused"),
    ] = 65532

    @property
    def max_replicas(self) -> int:
        """Most pods, outside a rollout: maxReplicas with autoscaling, else replicas."""
        return self.autoscaling.max_replicas if self.autoscaling.enabled else self.replicas

    @property
    def min_replicas(self) -> int:
        """Fewest pods: minReplicas with autoscaling, else replicas."""
        return self.autoscaling.min_replicas if self.autoscaling.enabled else self.replicas
