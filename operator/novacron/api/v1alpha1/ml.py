"""Workload ml: features of large inputs in bounded memory."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, ClassVar

from pydantic import Field

from novacron.api.v1alpha1.autoscaling import Autoscaling, Enabled, RequestsPerSecond, TargetMemory
from novacron.api.v1alpha1.base import Model
from novacron.api.v1alpha1.quantities import Memory, amount, is_not_more, not_more, quantity_syntax
from novacron.api.v1alpha1.rules import Rule, between
from novacron.api.v1alpha1.scalars import Bool, Int, Ratio
from novacron.api.v1alpha1.workload import Limits, RequestedCpu, RequestedMemory, Requests, Resources, Workload


class MlAutoscaling(Autoscaling):
    """The HorizontalPodAutoscaler; exactly one for each workload. Off by default."""

    enabled: Enabled = False
    target_memory_utilization: TargetMemory = 0
    requests_per_second: RequestsPerSecond = 0


class MlRequests(Requests):
    """What the scheduler reserves for the container; scratch.size is added to ephemeral-storage."""

    cpu: RequestedCpu = "1"
    memory: RequestedMemory = "4Gi"


class MlLimits(Limits):
    """What the container may use at most; scratch.size is added to ephemeral-storage."""

    cpu: RequestedCpu = "4"
    memory: RequestedMemory = "16Gi"


class MlResources(Resources):
    """Requests and limits of the container."""

    requests: Annotated[MlRequests, Field(description="Reserved for the container.")] = MlRequests()
    limits: Annotated[MlLimits, Field(description="Most that the container may use.")] = MlLimits()


class Scratch(Model):
    """Local disk for what does not fit into memory."""

    size: Annotated[
        Memory, Field(description="Size, in bytes; added to the request and the limit of ephemeral-storage.")
    ] = "8Gi"


DEFAULT_MAX_MEMORY = "32Gi"


class RightSizing(Model):
    """Growing the memory limit after the kernel killed a container for lack of memory; it never shrinks."""

    enabled: Annotated[
        Bool, Field(description="Whether the operator raises the limit by itself. Off, pods have limits.memory again.")
    ] = False
    max_memory: Annotated[
        Memory,
        Field(
            description="Largest memory limit that it may reach, in bytes; at least limits.memory, at most a given"
            " governance.limitRange.max.memory."
        ),
    ] = DEFAULT_MAX_MEMORY

    @property
    def judged(self) -> bool:
        """Whether bounds hold over maxMemory: an untouched default of a switched-off feature is nobody's statement."""
        return self.enabled or self.max_memory != DEFAULT_MAX_MEMORY


class MemoryBudget(Model):
    """How the pipeline spends its memory."""

    rules: ClassVar[tuple[Rule[MemoryBudget], ...]] = (
        Rule(
            cel="self.warning < self.critical",
            message="must be below critical: lower warning or raise critical",
            holds=lambda memory: memory.warning < memory.critical,
            path=".warning",
        ),
    )

    # 0, since a fixed number would have nothing to do with the container's limit
    max_mb: Annotated[
        Int,
        Field(
            alias="maxMB",
            description="Memory that the pipeline may use, in MB (1,000,000 bytes), never above the container's limit."
            " 0: that limit.",
        ),
        between(0, 100000000, "0 stands for the container's limit"),
    ] = 0
    chunk_size: Annotated[Int, Field(description="Rows of one chunk, in rows."), between(1, 10000000)] = 1000
    gc_frequency: Annotated[
        Int, Field(description="Chunks between two garbage collections, in chunks."), between(1, 1000000)
    ] = 10
    warning: Annotated[
        Ratio,
        Field(description="Share of the budget above which less is read at once, and a warning is logged, 0 to 1."),
    ] = 0.8
    critical: Annotated[
        Ratio, Field(description="Share of the budget above which a job ends with an error, 0 to 1; above warning.")
    ] = 0.9
    right_sizing: Annotated[RightSizing, Field(description="Growing the memory limit after an out-of-memory kill.")] = (
        RightSizing()
    )


def _budget_fits(own: MlWorkload) -> bool:
    limit = amount(own.resources.limits.memory)
    return is_not_more(Decimal(own.memory.max_mb) * 1_000_000, limit)


def _growth_begins_at_limit(own: MlWorkload) -> bool:
    limit, most = amount(own.resources.limits.memory), amount(own.memory.right_sizing.max_memory)
    return not own.memory.right_sizing.judged or is_not_more(limit, most)


_LIMIT, _MOST = "self.resources.limits.memory", "self.memory.rightSizing.maxMemory"


class MlWorkload(Workload):
    """Features of large inputs in bounded memory."""

    rules: ClassVar[tuple[Rule[MlWorkload], ...]] = (
        Rule(
            cel=(
                f"self.memory.maxMB <= 0 || !{quantity_syntax(_LIMIT)}"
                f" || quantity('0').add(self.memory.maxMB * 1000000).compareTo(quantity({_LIMIT})) <= 0"
            ),
            message="must be at most resources.limits.memory (1 MB = 1,000,000 bytes): lower maxMB or raise the limit",
            holds=_budget_fits,
            path=".memory.maxMB",
        ),
        Rule(
            cel=(
                f"(!self.memory.rightSizing.enabled && {_MOST} == '{DEFAULT_MAX_MEMORY}') || {not_more(_LIMIT, _MOST)}"
            ),
            message="must be at least resources.limits.memory: right-sizing only grows the limit",
            holds=_growth_begins_at_limit,
            path=".memory.rightSizing.maxMemory",
        ),
        Rule(
            cel=(
                "self.gpus <= 0 || !('workload-type' in self.nodeSelector)"
                " || self.nodeSelector['workload-type'] == 'ml'"
            ),
            message="must not give workload-type another value than ml: pods with GPUs go to those nodes",
            holds=lambda own: own.gpus <= 0 or own.node_selector.get("workload-type", "ml") == "ml",
            path=".nodeSelector",
        ),
    )

    replicas: Annotated[
        Int,
        Field(description="Number of replicas, in pods; used only while autoscaling is off."),
        between(1, 1000, "set enabled to false to run none"),
    ] = 2
    autoscaling: Annotated[MlAutoscaling, Field(description="The HorizontalPodAutoscaler.")] = MlAutoscaling()
    resources: Annotated[MlResources, Field(description="Requests and limits of the container.")] = MlResources()
    scratch: Annotated[Scratch, Field(description="Local disk for what does not fit into memory.")] = Scratch()
    gpus: Annotated[
        Int,
        Field(
            description="GPUs of each pod (nvidia.com/gpu). Above 0: requested with its toleration and the node"
            " selector workload-type=ml, and a rollout takes one pod down before the next comes up."
        ),
        between(0, 64),
    ] = 0
    memory: Annotated[MemoryBudget, Field(description="How the pipeline spends its memory.")] = MemoryBudget()
