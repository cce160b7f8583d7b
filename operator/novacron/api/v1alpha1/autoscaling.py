"""The HorizontalPodAutoscaler of a workload. Numbers are HPA's own (autoscaling/v2)."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field

from novacron.api.v1alpha1.base import Model
from novacron.api.v1alpha1.rules import Rule, between
from novacron.api.v1alpha1.scalars import Bool, Int

Enabled = Annotated[
    Bool, Field(description="Whether a HorizontalPodAutoscaler owns the number of replicas. false: replicas does.")
]
MinReplicas = Annotated[
    Int,
    Field(description="Fewest replicas, in pods; at least 2 in production, never above maxReplicas."),
    between(1, 1000, "scaling to zero leaves nobody to answer; set enabled of the workload to false instead"),
]
MaxReplicas = Annotated[Int, Field(description="Most replicas, in pods."), between(1, 1000)]
TargetCPU = Annotated[
    Int,
    Field(
        alias="targetCPUUtilization",
        description="CPU of the container that the autoscaler aims at, in percent of its request.",
    ),
    between(1, 100, "percent of the request"),
]
TargetMemory = Annotated[
    Int,
    Field(
        description="Memory of the container that the autoscaler aims at, in percent of its request. 0: not looked at."
    ),
    between(0, 100, "percent of the request; 0 switches this metric off"),
]
RequestsPerSecond = Annotated[
    Int,
    Field(
        description="Requests a second and pod that the autoscaler aims at. 0: not looked at. Left out, with a"
        " condition, unless custom.metrics.k8s.io lists pods/http_requests_per_second."
    ),
    between(0, 1000000),
]
Percent = Annotated[
    Int,
    Field(description="Largest change in one period, in percent of the current replicas."),
    between(1, 100, "percent"),
]
Window = Annotated[
    Int,
    Field(description="How long a recommendation must hold before it is followed, in seconds."),
    between(0, 3600, "seconds"),
]
Period = Annotated[
    Int, Field(description="Period in which percent and pods are counted, in seconds."), between(1, 1800, "seconds")
]


class ScaleUp(Model):
    """How fast it grows: the larger of percent and pods in each period."""

    stabilization_window_seconds: Window = 60
    percent: Percent = 50
    pods: Annotated[Int, Field(description="Largest change in one period, in pods."), between(1, 1000)] = 2
    period_seconds: Period = 60


class ScaleDown(Model):
    """How fast it shrinks: by percent in each period."""

    stabilization_window_seconds: Window = 300
    percent: Percent = 25
    period_seconds: Period = 60


class Autoscaling(Model):
    """The HorizontalPodAutoscaler; exactly one for each workload."""

    rules: ClassVar[tuple[Rule[Autoscaling], ...]] = (
        Rule(
            cel="self.minReplicas <= self.maxReplicas",
            message="must be at most maxReplicas: lower minReplicas or raise maxReplicas",
            holds=lambda own: own.min_replicas <= own.max_replicas,
            path=".minReplicas",
        ),
    )

    enabled: Enabled = True
    min_replicas: MinReplicas = 3
    max_replicas: MaxReplicas = 20
    target_cpu_utilization: TargetCPU = 70
    target_memory_utilization: TargetMemory = 80
    requests_per_second: RequestsPerSecond = 100
    scale_up: Annotated[ScaleUp, Field(description="How fast it grows.")] = ScaleUp()
    scale_down: Annotated[ScaleDown, Field(description="How fast it shrinks.")] = ScaleDown()
