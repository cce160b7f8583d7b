"""What the operator reports. Unknown fields are ignored: an older operator may meet what a newer one wrote."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from novacron.api.v1alpha1.base import Model
from novacron.api.v1alpha1.rules import Extensions, ListMap
from novacron.api.v1alpha1.scalars import Int

_TIME = Extensions((("format", "date-time"),))


class StatusModel(Model):
    """A part of the status."""

    model_config = ConfigDict(extra="ignore")


class Condition(StatusModel):
    """One observation; types and reasons are documented in docs/reference.md."""

    type: Annotated[str, Field(min_length=1, max_length=316, description="What is observed.")]
    status: Annotated[Literal["True", "False", "Unknown"], Field(description="Whether it is so.")]
    observed_generation: Annotated[Int, Field(description="metadata.generation that was judged.")] = 0
    last_transition_time: Annotated[str, Field(max_length=64, description="When status last changed."), _TIME]
    reason: Annotated[str, Field(min_length=1, max_length=1024, description="One word for machines.")]
    message: Annotated[str, Field(max_length=32768, description="What is and what to do, for people.")]


class ComponentStatus(StatusModel):
    """One workload in numbers."""

    name: Annotated[str, Field(max_length=63, description="Workload: api, auth, query or ml.")]
    ready: Annotated[Int, Field(description="Pods that are ready.")] = 0
    desired: Annotated[Int, Field(description="Pods that are wanted.")] = 0
    image: Annotated[str, Field(max_length=1024, description="Image that is wanted.")] = ""


class AuthStatus(StatusModel):
    """State of the signing keys."""

    active_key_id: Annotated[str, Field(alias="activeKeyID", max_length=256, description="Key that signs now.")] = ""
    last_key_rotation: Annotated[
        str | None, Field(max_length=64, description="When the signing key last changed."), _TIME
    ] = None
    handled_rotation_request: Annotated[
        str,
        Field(max_length=1024, description="Text of novacron.io/rotate-signing-key that was last acted on."),
    ] = ""


class MlStatus(StatusModel):
    """What right-sizing has learned."""

    memory_limit: Annotated[str, Field(max_length=32, description="Learned memory limit, in bytes. Empty: none.")] = ""
    learned_for: Annotated[
        str,
        Field(
            max_length=32, description="limits.memory of the resource when it was learned; another value discards it."
        ),
    ] = ""


class NovaCronStatus(StatusModel):
    """What the operator observed; written by it alone."""

    # kstatus reads a resource without any status as Current; -1 makes one that no operator has seen read InProgress.
    observed_generation: Annotated[
        Int, Field(description="metadata.generation that was last acted on. -1: not seen by an operator yet.")
    ] = -1
    version: Annotated[str, Field(max_length=63, description="spec.version that was last acted on.")] = ""
    conditions: Annotated[
        tuple[Condition, ...],
        Field(max_length=64, description="Observations; Ready, Reconciling and Stalled first."),
        ListMap(("type",)),
    ] = ()
    components: Annotated[
        tuple[ComponentStatus, ...], Field(max_length=16, description="Workloads in numbers."), ListMap()
    ] = ()
    auth: Annotated[AuthStatus | None, Field(description="State of the signing keys.")] = None
    ml: Annotated[MlStatus | None, Field(description="What right-sizing has learned.")] = None
