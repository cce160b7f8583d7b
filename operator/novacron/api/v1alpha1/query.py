"""Workload query: users, metrics of virtual machines, dashboard, percentiles."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field

from novacron.api.v1alpha1.autoscaling import Autoscaling, MaxReplicas, RequestsPerSecond, TargetMemory
from novacron.api.v1alpha1.base import Model
from novacron.api.v1alpha1.durations import Duration, lasting
from novacron.api.v1alpha1.rules import Rule, between
from novacron.api.v1alpha1.scalars import Int
from novacron.api.v1alpha1.workload import Limits, RequestedMemory, Requests, Resources, Workload


class QueryAutoscaling(Autoscaling):
    """The HorizontalPodAutoscaler; one for each workload; by CPU only, as Python gives little memory back."""

    max_replicas: MaxReplicas = 10
    target_memory_utilization: TargetMemory = 0
    requests_per_second: RequestsPerSecond = 0


class QueryRequests(Requests):
    """What the scheduler reserves for the container."""

    memory: RequestedMemory = "256Mi"


class QueryLimits(Limits):
    """What the container may use at most."""

    memory: RequestedMemory = "1Gi"


class QueryResources(Resources):
    """Requests and limits of the container."""

    requests: Annotated[QueryRequests, Field(description="Reserved for the container.")] = QueryRequests()
    limits: Annotated[QueryLimits, Field(description="Most that the container may use.")] = QueryLimits()


class PageSize(Model):
    """Rows of one answer."""

    rules: ClassVar[tuple[Rule[PageSize], ...]] = (
        Rule(
            cel="self.default <= self.max",
            message="must be at most max: lower default or raise max",
            holds=lambda size: size.default <= size.max,
            path=".default",
        ),
    )

    # without a maximum one request could read a whole table
    default: Annotated[Int, Field(description="Rows when a client asks for no number."), between(1, 10000)] = 100
    max: Annotated[
        Int,
        Field(description="Most rows that a client may ask for; more is refused, not cut."),
        between(1, 10000),
    ] = 1000


class QueryWorkload(Workload):
    """Users, metrics of virtual machines, dashboard, percentiles."""

    autoscaling: Annotated[QueryAutoscaling, Field(description="The HorizontalPodAutoscaler.")] = QueryAutoscaling()
    resources: Annotated[QueryResources, Field(description="Requests and limits of the container.")] = QueryResources()
    # no index can carry this bound: PostgreSQL refuses a predicate with the present time; partitions carry it
    retention: Annotated[
        Duration,
        Field(max_length=16, description="How long metrics are kept, a duration; whole partitions are dropped."),
        lasting("1h", "3650d"),
    ] = Duration("7d")
    statement_timeout: Annotated[
        Duration,
        Field(
            max_length=16,
            description="When PostgreSQL gives a statement up; a request has 30 s in all.",
        ),
        lasting("1s", "25s"),
    ] = Duration("5s")
    cache_ttl: Annotated[
        Duration,
        Field(
            alias="cacheTTL", max_length=16, description="How long a dashboard answer is reused, a duration. 0s: not."
        ),
        lasting("0s", "1h"),
    ] = Duration("30s")
    page_size: Annotated[PageSize, Field(description="Rows of one answer.")] = PageSize()
