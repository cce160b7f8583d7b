"""The NovaCron resource as a whole, and the way in for one that came from outside."""

from __future__ import annotations

import re
from typing import Annotated, ClassVar, Literal

from pydantic import ConfigDict, Field

from novacron.api.v1alpha1.base import Model
from novacron.api.v1alpha1.rules import Rule
from novacron.api.v1alpha1.scalars import Int
from novacron.api.v1alpha1.spec import NovaCronSpec
from novacron.api.v1alpha1.status import NovaCronStatus


class Metadata(Model):
    """The part of Kubernetes' ObjectMeta that the operator reads; the rest is ignored."""

    model_config = ConfigDict(extra="ignore")

    name: str
    namespace: str = ""
    uid: str = ""
    generation: Int = 0
    annotations: dict[str, str] = Field(default_factory=dict)
    labels: dict[str, str] = Field(default_factory=dict)
    creation_timestamp: str | None = None
    deletion_timestamp: str | None = None
    resource_version: str | None = None


class NovaCron(Model):
    """A whole NovaCron: the workloads api, auth, query and ml, and everything around them. One in a namespace."""

    rules: ClassVar[tuple[Rule[NovaCron], ...]] = (
        Rule(
            cel="self.metadata.name.size() <= 40",
            message="must have at most 40 characters: names of children add up to 23",
            holds=lambda resource: len(resource.metadata.name) <= 40,
            path=".metadata.name",
        ),
        Rule(
            cel="self.metadata.name.matches('^[a-z]([-a-z0-9]*[a-z0-9])?$')",
            message=(
                "must begin with a lower-case letter and hold only lower-case letters, digits and -: Services carry it"
            ),
            holds=lambda resource: re.fullmatch("[a-z]([-a-z0-9]*[a-z0-9])?", resource.metadata.name) is not None,
            path=".metadata.name",
        ),
    )

    api_version: Literal["novacron.io/v1alpha1"]
    kind: Literal["NovaCron"]
    metadata: Metadata
    spec: Annotated[NovaCronSpec, Field(description="What this NovaCron shall be.")]
    status: Annotated[NovaCronStatus | None, Field(description="What the operator observed.")] = None
