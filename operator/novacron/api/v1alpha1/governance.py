"""Bounds of the namespace: LimitRange and ResourceQuota. Sums are the stack's work; here are the numbers."""

from __future__ import annotations

import re
from typing import Annotated, Any, ClassVar

from pydantic import Field

from novacron.api.v1alpha1.base import Model
from novacron.api.v1alpha1.labelling import NAME
from novacron.api.v1alpha1.quantities import AnyQuantity, Cpu, Memory, amount, is_not_more, not_more, quantity_text
from novacron.api.v1alpha1.rules import Rule, literal
from novacron.api.v1alpha1.scalars import OBJECT_PREFIX, Bool


class Default(Model):
    """Limits of a container that gives none."""

    cpu: Annotated[Cpu, Field(description="CPU, in cores.")] = "500m"
    memory: Annotated[Memory, Field(description="Memory, in bytes.")] = "1Gi"
    ephemeral_storage: Annotated[
        Memory, Field(alias="ephemeral-storage", description="Ephemeral storage, in bytes.")
    ] = "2Gi"


class DefaultRequest(Model):
    """Requests of a container that gives none."""

    cpu: Annotated[Cpu, Field(description="CPU, in cores.")] = "100m"
    memory: Annotated[Memory, Field(description="Memory, in bytes.")] = "256Mi"
    ephemeral_storage: Annotated[
        Memory, Field(alias="ephemeral-storage", description="Ephemeral storage, in bytes.")
    ] = "1Gi"


class Bound(Model):
    """A bound for each resource; an absent one is chosen by the operator."""

    cpu: Annotated[Cpu | None, Field(description="CPU, in cores.")] = None
    memory: Annotated[Memory | None, Field(description="Memory, in bytes.")] = None
    ephemeral_storage: Annotated[
        Memory | None, Field(alias="ephemeral-storage", description="Ephemeral storage, in bytes.")
    ] = None


def _ordered(name: str, attribute: str) -> tuple[Rule[Any], ...]:
    field, step = name.replace("-", "__dash__"), f"['{name}']" if "-" in name else f".{name}"
    request, default, most = (
        quantity_text(name, f"self.{bound}.{field}") for bound in ("defaultRequest", "default", "max")
    )

    def default_within_max(bounds: LimitRange) -> bool:
        given = getattr(bounds.max, attribute)
        return (
            not bounds.enabled
            or given is None
            or is_not_more(amount(getattr(bounds.default, attribute)), amount(given))
        )

    def request_within_default(bounds: LimitRange) -> bool:
        asked, granted = getattr(bounds.default_request, attribute), getattr(bounds.default, attribute)
        return not bounds.enabled or is_not_more(amount(asked), amount(granted))

    return (
        Rule[Any](
            cel=f"!self.enabled || {not_more(request, default)}",
            message=f"must be at most default{step}: min <= defaultRequest <= default <= max",
            holds=request_within_default,
            path=f".defaultRequest{step}",
        ),
        Rule[Any](
            cel=f"!self.enabled || !has(self.max.{field}) || {not_more(default, most)}",
            message=f"must be at most max{step}: min <= defaultRequest <= default <= max",
            holds=default_within_max,
            path=f".default{step}",
        ),
    )


class LimitRange(Model):
    """LimitRange of type Container: min <= defaultRequest <= default <= max."""

    # The bound from below depends on the exposure, so that rule belongs to the spec (crossing.py).
    rules: ClassVar[tuple[Rule[LimitRange], ...]] = (
        *_ordered("cpu", "cpu"),
        *_ordered("memory", "memory"),
        *_ordered("ephemeral-storage", "ephemeral_storage"),
    )

    enabled: Annotated[Bool, Field(description="Whether the operator writes the LimitRange <name>-limits.")] = True
    default: Annotated[Default, Field(description="Limits of a container that gives none.")] = Default()
    default_request: Annotated[DefaultRequest, Field(description="Requests of a container that gives none.")] = (
        DefaultRequest()
    )
    # a max of 2 cpu and 8Gi would refuse our own pods of ml (4 cpu, 16Gi), hence raised where needed
    max: Annotated[
        Bound,
        Field(
            description="Largest limit of a container. An absent figure: cpu 2, memory 8Gi, ephemeral-storage 10Gi,"
            " each raised to the largest limit that this resource asks for. A given one is kept, and a limit"
            " above it refused."
        ),
    ] = Bound()
    min: Annotated[
        Bound,
        Field(
            description="Smallest request of a container. An absent figure: cpu 50m, memory 128Mi, ephemeral-storage"
            " 500Mi; with an Ingress and an issuer cpu 10m and memory 64Mi, so that cert-manager's solver fits. A given"
            " one is kept, and a request below it refused."
        ),
    ] = Bound()


_COUNTED = (
    "pods|services|secrets|configmaps|replicationcontrollers|resourcequotas|persistentvolumeclaims"
    r"|services\.(?:loadbalancers|nodeports)"
)
_NAMES = (
    f"{_COUNTED}|cpu|memory|ephemeral-storage|requests\\.storage"
    r"|(?:requests|limits)\.(?:cpu|memory|ephemeral-storage)|(?:requests\.)?hugepages-[1-9][0-9]*[KMG]i"
    f"|{OBJECT_PREFIX}{NAME}"
)
_WHOLE = "[0-9]+(?:[kMGTP]|[KMGTP]i)?"


def _is_name(text: str) -> bool:
    return re.fullmatch(_NAMES, text, re.ASCII) is not None


def _is_counted(name: str) -> bool:
    """Objects and what is named by a qualified name (count/jobs.batch, nvidia.com/gpu) have no fractions."""
    return "/" in name or re.fullmatch(_COUNTED, name) is not None


class ResourceQuota(Model):
    """ResourceQuota of the namespace."""

    enabled: Annotated[Bool, Field(description="Whether the operator writes the ResourceQuota <name>-quota.")] = True
    hard: Annotated[
        dict[str, AnyQuantity],
        Rule[dict[str, str]](
            cel=f"self.all(key, key.matches({literal(f'^(?:{_NAMES})$')}))",
            message="keys must be names of a ResourceQuota such as limits.memory, pods or count/jobs.batch",
            holds=lambda figures: all(map(_is_name, figures)),
        ),
        Rule[dict[str, str]](
            cel=(
                f"self.all(key, !key.matches({literal(f'^(?:{_COUNTED})$|/')})"
                f" || string(self[key]).matches({literal(f'^{_WHOLE}$')}))"
            ),
            message="objects are counted: pods, count/jobs.batch and their like need whole numbers such as 50",
            holds=lambda figures: all(
                re.fullmatch(_WHOLE, figure) for name, figure in figures.items() if _is_counted(name)
            ),
        ),
        Field(
            max_length=32,
            description="Figures by resource name, e.g. limits.memory. An absent one: requests of 20 cpu, 40Gi memory,"
            " 100Gi ephemeral-storage, limits of 50 cpu, 100Gi, 200Gi, 50 pods, 10 services, 20 persistentvolumeclaims,"
            " each raised to what this resource can need at most. A given one is kept and checked"
            " (CapacityConsistent).",
            default_factory=dict,
        ),
    ]


class Governance(Model):
    """Bounds of the namespace, which belongs to one NovaCron."""

    limit_range: Annotated[LimitRange, Field(description="Bounds of every container of the namespace.")] = LimitRange()
    resource_quota: Annotated[ResourceQuota, Field(description="Sums over the whole namespace.")] = ResourceQuota()
