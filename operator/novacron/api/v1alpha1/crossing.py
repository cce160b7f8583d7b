"""Rules that look at more than one part of the spec. Arithmetic about the cluster as it is belongs to the stack."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from novacron.api.v1alpha1.credentials import DATABASE_USERS, DatabaseSecret, DatabaseUser
from novacron.api.v1alpha1.ml import DEFAULT_MAX_MEMORY
from novacron.api.v1alpha1.quantities import amount, is_not_more, not_less, not_more, quantity_text
from novacron.api.v1alpha1.rules import Rule

if TYPE_CHECKING:
    from novacron.api.v1alpha1.spec import NovaCronSpec

RESOURCES = {"cpu": "cpu", "memory": "memory", "ephemeral-storage": "ephemeral_storage"}
WORKLOADS = ("api", "auth", "query", "ml")

DEFAULT_MIN = {"cpu": "50m", "memory": "128Mi", "ephemeral-storage": "500Mi"}
"""LimitRange min where none is given."""

SOLVER_MIN = {"cpu": "10m", "memory": "64Mi", "ephemeral-storage": "500Mi"}
"""LimitRange min where none is given and cert-manager's HTTP-01 solver must fit."""

RESERVED_CONNECTIONS = 4
"""Connections of the budget that migration and upkeep keep for themselves."""

_MAPPED_IDS = 65536
"""User ids in a pod's user namespace (KEP-127)."""

LEAST_SHARE = 2
"""Connections without which a pod of auth or query cannot work."""


def solver_needed(spec: NovaCronSpec) -> bool:
    """Whether cert-manager may start an HTTP-01 solver in the namespace."""
    return spec.exposure.type == "Ingress" and spec.exposure.tls.issuer != ""


def effective_min(spec: NovaCronSpec) -> dict[str, str]:
    """LimitRange min by resource name: what is given, else the default that fits."""
    fallback = SOLVER_MIN if solver_needed(spec) else DEFAULT_MIN
    given = spec.governance.limit_range.min
    return {name: getattr(given, attribute) or fallback[name] for name, attribute in RESOURCES.items()}


def connection_share(spec: NovaCronSpec) -> int:
    """Connections that each pod of auth and query may hold, also while twice the most replicas run in a rollout."""
    pods = sum(2 * workload.max_replicas for workload in (spec.auth, spec.query) if workload.enabled)
    free = spec.database.connection_budget - RESERVED_CONNECTIONS
    return free // pods if pods else free


# --- CEL fragments ------------------------------------------------------------------------------------------------
# What is nearly always true comes first, and fields of the spec are read as rarely as possible: for every field that an
# expression reads, the server copies the schema of the whole object, which for the spec and the workloads is large.

_RANGE = "self.governance.limitRange"


def _cel_field(name: str) -> str:
    return name.replace("-", "__dash__")


def _step(name: str) -> str:
    return f"['{name}']" if "-" in name else f".{name}"


def _cel_min(name: str) -> str:
    given = f"{_RANGE}.min.{_cel_field(name)}"
    fallback = f"'{DEFAULT_MIN[name]}'"
    if SOLVER_MIN[name] != DEFAULT_MIN[name]:
        fallback = (
            f"(self.exposure.type == 'Ingress' && self.exposure.tls.issuer != '' ? '{SOLVER_MIN[name]}' : {fallback})"
        )
    return f"(has({given}) ? {quantity_text(name, given)} : {fallback})"


def _cel_runs(workload: str) -> str:
    # The migration Job has query's size and runs for auth alone as well.
    return "(self.query.enabled || self.auth.enabled)" if workload == "query" else f"self.{workload}.enabled"


# --- Python side --------------------------------------------------------------------------------------------------


def _runs(spec: NovaCronSpec, workload: str) -> bool:
    return spec.workloads[workload].enabled or (workload == "query" and spec.auth.enabled)


def _amount(spec: NovaCronSpec, workload: str, side: str, name: str) -> Decimal | None:
    own = spec.workloads[workload].resources
    figure = amount(getattr(own.requests if side == "requests" else own.limits, RESOURCES[name]))
    scratch = amount(spec.ml.scratch.size) if (workload, name) == ("ml", "ephemeral-storage") else Decimal(0)
    return None if figure is None or scratch is None else figure + scratch


def _above_min(spec: NovaCronSpec, workload: str, name: str) -> bool:
    asked, least = _amount(spec, workload, "requests", name), amount(effective_min(spec)[name])
    judged = spec.governance.limit_range.enabled and _runs(spec, workload)
    return not judged or is_not_more(least, asked)


def _below_max(spec: NovaCronSpec, workload: str, name: str) -> bool:
    bound = getattr(spec.governance.limit_range.max, RESOURCES[name])
    if not spec.governance.limit_range.enabled or not _runs(spec, workload) or bound is None:
        return True
    limit, most = _amount(spec, workload, "limits", name), amount(bound)
    return is_not_more(limit, most)


def _default_above_min(spec: NovaCronSpec, name: str) -> bool:
    request = amount(getattr(spec.governance.limit_range.default_request, RESOURCES[name]))
    least = amount(effective_min(spec)[name])
    return not spec.governance.limit_range.enabled or is_not_more(least, request)


# --- the rules ----------------------------------------------------------------------------------------------------


def _min_rule(workload: str, name: str) -> Rule[NovaCronSpec]:
    request = quantity_text(name, f"self.{workload}.resources.requests.{_cel_field(name)}")
    scratch = "self.ml.scratch.size" if (workload, name) == ("ml", "ephemeral-storage") else ""
    return Rule(
        cel=f"{not_less(request, _cel_min(name), scratch)} || !{_RANGE}.enabled || !{_cel_runs(workload)}",
        message=(
            f"is below governance.limitRange.min (where none is given: {DEFAULT_MIN[name]}"
            + (f", with an Ingress and an issuer {SOLVER_MIN[name]}" if SOLVER_MIN[name] != DEFAULT_MIN[name] else "")
            + "), so every pod would be refused: raise the request or lower the bound"
        ),
        holds=lambda spec: _above_min(spec, workload, name),
        path=f".{workload}.resources.requests{_step(name)}",
    )


def _max_rule(workload: str, name: str) -> Rule[NovaCronSpec]:
    limit = quantity_text(name, f"self.{workload}.resources.limits.{_cel_field(name)}")
    bound = f"{_RANGE}.max.{_cel_field(name)}"
    scratch = "self.ml.scratch.size" if (workload, name) == ("ml", "ephemeral-storage") else ""
    return Rule(
        cel=(
            f"!has({bound}) || {not_more(limit, quantity_text(name, bound), scratch)}"
            f" || !{_RANGE}.enabled || !{_cel_runs(workload)}"
        ),
        message=(
            ("together with scratch.size " if scratch else "")
            + f"is above governance.limitRange.max{_step(name)}, so every pod would be refused: lower the limit or"
            " raise the bound"
        ),
        holds=lambda spec: _below_max(spec, workload, name),
        path=f".{workload}.resources.limits{_step(name)}",
    )


def _default_min_rule(name: str) -> Rule[NovaCronSpec]:
    request = quantity_text(name, f"{_RANGE}.defaultRequest.{_cel_field(name)}")
    return Rule(
        cel=f"{not_less(request, _cel_min(name))} || !{_RANGE}.enabled",
        message=f"must be at least limitRange.min{_step(name)} (where none is given: {DEFAULT_MIN[name]})",
        holds=lambda spec: _default_above_min(spec, name),
        path=f".governance.limitRange.defaultRequest{_step(name)}",
    )


def _floor_rules(workload: str) -> tuple[Rule[NovaCronSpec], ...]:
    elsewhere = f"self.environment != 'production' || !self.{workload}.enabled"
    remedy = "must be at least 2 in production, or every node drain is an outage: raise it or change environment"

    def judged(spec: NovaCronSpec, *, autoscaling: bool) -> bool:
        own = spec.workloads[workload]
        return spec.environment == "production" and own.enabled and own.autoscaling.enabled == autoscaling

    return (
        Rule(
            cel=f"self.{workload}.autoscaling.minReplicas >= 2 || !self.{workload}.autoscaling.enabled || {elsewhere}",
            message=remedy,
            holds=lambda spec: not judged(spec, autoscaling=True) or spec.workloads[workload].min_replicas >= 2,
            path=f".{workload}.autoscaling.minReplicas",
        ),
        Rule(
            cel=f"self.{workload}.replicas >= 2 || self.{workload}.autoscaling.enabled || {elsewhere}",
            message=remedy,
            holds=lambda spec: not judged(spec, autoscaling=False) or spec.workloads[workload].min_replicas >= 2,
            path=f".{workload}.replicas",
        ),
    )


def _authority_rules() -> tuple[Rule[NovaCronSpec], ...]:
    """Each database login in use brings its authority with verify-ca: libpq refuses the system's authorities there."""
    message = (
        "must name the key with the server's authority: verify-ca with the system's authorities would believe any of"
        " their certificates; name it, or set database.sslMode to verify-full"
    )
    users = "self.secrets.databaseUsers"
    every = " && ".join(f"has({users}.{user})" for user in DATABASE_USERS)

    def own(user: str) -> Rule[NovaCronSpec]:
        login = f"{users}.{user}"
        return Rule(
            cel=f"self.database.sslMode != 'verify-ca' || !has({login}) || {login}.keys.ca__dot__crt != ''",
            message=message,
            holds=lambda spec: _brings_authority(spec, getattr(spec.secrets.database_users, user)),
            path=f".secrets.databaseUsers.{user}.keys['ca.crt']",
        )

    shared: Rule[NovaCronSpec] = Rule(
        cel=f"self.database.sslMode != 'verify-ca' || ({every}) || self.secrets.database.keys.ca__dot__crt != ''",
        message=message,
        holds=lambda spec: (
            all(getattr(spec.secrets.database_users, user) for user in DATABASE_USERS)
            or _brings_authority(spec, spec.secrets.database)
        ),
        path=".secrets.database.keys['ca.crt']",
    )
    return (shared, *map(own, DATABASE_USERS))


def _brings_authority(spec: NovaCronSpec, login: DatabaseSecret | DatabaseUser | None) -> bool:
    return spec.database.ssl_mode != "verify-ca" or login is None or login.keys.ca_crt != ""


def _most(own: str) -> str:
    return f"({own}.enabled ? ({own}.autoscaling.enabled ? {own}.autoscaling.maxReplicas : {own}.replicas) : 0)"


def _growth_within_max(spec: NovaCronSpec) -> bool:
    growth, bound = spec.ml.memory.right_sizing, spec.governance.limit_range.max.memory
    if not spec.governance.limit_range.enabled or not spec.ml.enabled or not growth.judged or bound is None:
        return True
    reach, most = amount(growth.max_memory), amount(bound)
    return is_not_more(reach, most)


_GROWTH = "self.ml.memory.rightSizing"

SPEC_RULES: tuple[Rule[NovaCronSpec], ...] = (
    Rule(
        cel="self.secrets.provider != 'ExternalSecrets' || has(self.secrets.vault)",
        message=(
            "is required with provider ExternalSecrets: give the address of Vault, or set secrets.provider to"
            " Existing and make the Secrets yourself"
        ),
        holds=lambda spec: spec.secrets.provider != "ExternalSecrets" or spec.secrets.vault is not None,
        path=".secrets.vault.server",
    ),
    Rule(
        cel="self.environment != 'production' || self.database.sslMode in ['verify-full', 'verify-ca']",
        message="must be verify-full or verify-ca in production: require and disable do not verify the server",
        holds=lambda spec: spec.environment != "production" or spec.database.ssl_mode in {"verify-full", "verify-ca"},
        path=".database.sslMode",
    ),
    Rule(
        cel="self.environment != 'production' || self.redis.tls",
        message="must be true in production: sessions and tokens would cross the network in plain text",
        holds=lambda spec: spec.environment != "production" or spec.redis.tls,
        path=".redis.tls",
    ),
    *_authority_rules(),
    *(rule for workload in WORKLOADS for rule in _floor_rules(workload)),
    Rule(
        cel="!self.security.userNamespaces || "
        + f"[{', '.join(f'self.{workload}.uid' for workload in WORKLOADS)}].all(uid, uid <= {_MAPPED_IDS - 1})",
        message=f"needs uids below {_MAPPED_IDS}, which is all that a user namespace maps: lower uid of the workloads",
        holds=lambda spec: (
            not spec.security.user_namespaces or all(own.uid < _MAPPED_IDS for own in spec.workloads.values())
        ),
        path=".security.userNamespaces",
    ),
    Rule(
        cel=(
            f"self.database.connectionBudget - {RESERVED_CONNECTIONS}"
            f" >= {2 * LEAST_SHARE} * ({_most('self.auth')} + {_most('self.query')})"
        ),
        message=(
            f"leaves a pod fewer than {LEAST_SHARE} connections: give at least {RESERVED_CONNECTIONS} +"
            f" {2 * LEAST_SHARE} x (most replicas of auth + most replicas of query), or lower their maxReplicas"
        ),
        holds=lambda spec: connection_share(spec) >= LEAST_SHARE or not (spec.auth.enabled or spec.query.enabled),
        path=".database.connectionBudget",
    ),
    Rule(
        cel=(
            "self.exposure.type != 'Ingress' || !self.networkPolicy.enabled"
            " || size(self.networkPolicy.gatewayNamespaces) > 0"
        ),
        message=(
            "must name the namespace of the ingress controller when exposure.type is Ingress: no policy can let it in"
            " otherwise"
        ),
        holds=lambda spec: (
            spec.exposure.type != "Ingress"
            or not spec.network_policy.enabled
            or len(spec.network_policy.gateway_namespaces) > 0
        ),
        path=".networkPolicy.gatewayNamespaces",
    ),
    *(_default_min_rule(name) for name in RESOURCES),
    *(_min_rule(workload, name) for workload in WORKLOADS for name in RESOURCES),
    *(_max_rule(workload, name) for workload in WORKLOADS for name in RESOURCES),
    Rule(
        cel=(
            f"!has({_RANGE}.max.memory) || !{_RANGE}.enabled || !self.ml.enabled"
            f" || (!{_GROWTH}.enabled && {_GROWTH}.maxMemory == '{DEFAULT_MAX_MEMORY}')"
            f" || {not_more(f'{_GROWTH}.maxMemory', f'{_RANGE}.max.memory')}"
        ),
        message="is above governance.limitRange.max.memory: lower maxMemory or raise the bound",
        holds=_growth_within_max,
        path=".ml.memory.rightSizing.maxMemory",
    ),
)
