"""From what pods say of their dependencies to problems, and to the conditions that depend on it. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from novacron.api.v1alpha1 import NovaCron
from novacron.core import conditions as c
from novacron.core.conditions import Condition
from novacron.core.readiness import Dependency
from novacron.ml import status as ml
from novacron.query import status as query
from novacron.stack.problem import Problem
from novacron.vault.desired import groups

Heard = tuple[Dependency, ...] | None
"""What a workload says against something, its credentials say; nothing: that is fine; None: it does not answer."""
Hearing = Mapping[str, Mapping[str, Heard]]
"""Condition -> workload -> what it says against what the condition is about."""

_NOT_LOOKED_AT_YET = "Unchecked"
_SCHEMA = {
    "SchemaOutdated": (
        "run `novacron migrate` of this version on it (a Job of ours that is deleted comes back and runs again)"
    ),
    "SchemaDiffers": "restore the database from a backup, or correct what is named",
}
"""Reasons of the schema, and what to do."""
_STORES = ("database", "redis")
_TRUST = frozenset({"CertificateRefused", "EncryptionRefused"})
_OUTSIDE = "the operator runs outside of the cluster's network"
_MOST = 3
_BY_REASON = {
    "NameNotResolved": "correct spec.{0}.host",
    "DatabaseMissing": "correct spec.{0}.name, or create it",
    "ConnectionsExhausted": "raise the server's connections, or lower spec.{0}.connectionBudget",
}


def problem(said: Iterable[Sequence[Dependency]]) -> Problem | None:
    """Why pods are not ready, by their own words: what most keeps one from serving, at most three things."""
    missed = {
        item.name: item for answer in said for item in answer if item.missed and item.reason != _NOT_LOOKED_AT_YET
    }
    if not missed:
        return None
    chosen = [missed[name] for name in sorted(missed)][:_MOST]
    remedies = " and ".join(dict.fromkeys(_remedy(item) for item in chosen))
    return Problem("DependencyUnreachable", ", ".join(map(str, chosen)), remedies)


def _remedy(item: Dependency) -> str:
    if item.reason in _SCHEMA:
        return _SCHEMA[item.reason]
    if item.reason in ("FileMissing", "FileInvalid"):
        where = f"Secret {item.secret}" if item.secret else "its source"
        return f"put what is missing into {where}, or correct spec.secrets (keys)"
    if item.refused:
        return f"put a login that {item.name} accepts into Secret {item.secret}" if item.secret else "see its message"
    if item.name not in _STORES:
        return f"see what the workload behind {item.name} says"
    if item.reason in _TRUST:
        switch = "spec.database.sslMode" if item.name == "database" else "spec.redis.tls"
        return f"check {switch} and the ca.crt of Secret {item.secret or item.name}"
    other = "check spec.{0}.host and .port, that the server runs, and that spec.{0}.cidrs or .peers let the pods out"
    return _BY_REASON.get(item.reason, other).format(item.name)


def complaints(said: Iterable[Dependency]) -> tuple[Dependency, ...]:
    """What a workload says against its credentials."""
    return tuple(item for item in said if item.refused)


def topics(role: str) -> Mapping[str, Callable[[Sequence[Dependency]], Heard]]:
    """Condition -> what an answer of this workload says against what it is about."""
    about: dict[str, Callable[[Sequence[Dependency]], Heard]] = {c.CREDENTIALS_CURRENT: complaints}
    own: dict[str, dict[str, Callable[[Sequence[Dependency]], Heard]]] = {
        query.ROLE: {c.QUERIES_HEALTHY: query.complaints},
        ml.ROLE: {c.MEMORY_ADEQUATE: ml.complaints},
    }
    return about | own.get(role, {})


def outdated(said: Iterable[Sequence[Dependency]]) -> tuple[Dependency, ...]:
    """What pods say against their schema."""
    return tuple(item for answer in said for item in answer if item.reason in _SCHEMA)


def users(resource: NovaCron) -> tuple[str, ...]:
    """Enabled workloads that mount a login."""
    enabled = [role for role, workload in resource.spec.workloads.items() if workload.enabled]
    return tuple(role for role in enabled if groups(resource, role))


@dataclass(frozen=True, slots=True)
class Question:
    """What the conditions depend on besides the answers through Services. Small: one is kept for each resource.

    Args:
        roles: workloads that mount a login.
        synced: whether External Secrets writes the Secrets.
        within_reach: whether the operator may ask at all.
        said: workload -> what pods themselves said in this pass against their credentials.
        absent: workloads that cannot be asked: too few of their pods serve.
        standing: the conditions as they stand, kept until the first answers are there, as after a start of the
            operator.
        memory: what is known of the memory of ml; None: it is switched off.
    """

    roles: tuple[str, ...] = ()
    synced: bool = False
    within_reach: bool = False
    said: Mapping[str, Heard] = field(default_factory=dict)
    absent: frozenset[str] = frozenset()
    standing: Mapping[str, Condition] = field(default_factory=dict)
    memory: ml.Facts | None = None


def conditions(question: Question, heard: Hearing) -> tuple[Condition, Condition, Condition]:
    """CredentialsCurrent, QueriesHealthy and MemoryAdequate."""
    return (
        credentials(question, heard.get(c.CREDENTIALS_CURRENT, {})),
        queries(question, heard.get(c.QUERIES_HEALTHY, {})),
        memory(question, heard.get(c.MEMORY_ADEQUATE, {})),
    )


def memory(question: Question, heard: Mapping[str, Heard]) -> Condition:
    """MemoryAdequate. Kills are seen in the states of pods, so it is known also where nobody can be asked."""
    if question.memory is None:
        return ml.condition("True", "Disabled", "ml.enabled is false")
    found = ml.memory_adequate(question.memory, heard.get(ml.ROLE))
    standing = question.standing.get(c.MEMORY_ADEQUATE)
    unasked = question.within_reach and ml.ROLE not in heard and ml.ROLE not in question.absent
    if unasked and found.status == "True" and standing is not None and standing.reason in ml.COMPLAINTS:
        return standing
    return found


def queries(question: Question, heard: Mapping[str, Heard]) -> Condition:
    """QueriesHealthy. Pods that are not ready are not asked: what keeps them from it is graver."""
    if query.ROLE not in question.roles:
        return query.condition("True", "Disabled", "query.enabled is false")
    if not question.within_reach:
        return query.condition("Unknown", "NotReachable", _OUTSIDE)
    if query.ROLE in heard:
        return query.queries_healthy(heard[query.ROLE])
    standing = question.standing.get(c.QUERIES_HEALTHY)
    if standing is not None and query.ROLE not in question.absent and standing.reason != "Unobserved":
        return standing
    return query.condition("Unknown", "Unobserved", "query: not asked yet")


def credentials(question: Question, heard: Mapping[str, Heard]) -> Condition:
    """CredentialsCurrent. Only False is bad; what cannot be known is Unknown and says why."""
    if not question.roles:
        return Condition(c.CREDENTIALS_CURRENT, "True", "Disabled", "No workload uses a login")
    if not question.within_reach:
        return Condition(c.CREDENTIALS_CURRENT, "Unknown", "NotReachable", _OUTSIDE)
    answers = {role: answer for role, answer in {**heard, **question.said}.items() if role in question.roles}
    refused = _refused(answers)
    if refused:
        where = "the store that spec.secrets.vault names" if question.synced else "that Secret"
        message = f"{'; '.join(refused)}; put the present login into {where}: pods read it again by themselves"
        return Condition(c.CREDENTIALS_CURRENT, "False", "CredentialsRefused", message)
    unasked = [role for role in question.roles if role not in answers]
    standing = question.standing.get(c.CREDENTIALS_CURRENT)
    if standing is not None and set(unasked) - question.absent and standing.reason != "Unobserved":
        return standing
    return _unknown([role for role in question.roles if answers.get(role, ()) is None], unasked) or Condition(
        c.CREDENTIALS_CURRENT, "True", "CredentialsCurrent", "Every workload works with the mounted logins"
    )


def _unknown(silent: Sequence[str], unasked: Sequence[str]) -> Condition | None:
    if silent:
        message = f"{', '.join(silent)}: no answer to the operator; does the pods' network keep it away?"
        return Condition(c.CREDENTIALS_CURRENT, "Unknown", "NotReachable", message)
    if unasked:
        return Condition(c.CREDENTIALS_CURRENT, "Unknown", "Unobserved", f"{', '.join(unasked)}: not asked yet")
    return None


def _refused(answers: Mapping[str, Heard]) -> list[str]:
    """Each refused login once, with the workloads that say so."""
    by_login: dict[tuple[str, str, str], list[tuple[str, Dependency]]] = {}
    for role, answer in sorted(answers.items()):
        for item in answer or ():
            if item.refused:
                by_login.setdefault((item.name, item.secret, item.reason), []).append((role, item))
    lines = []
    for told in by_login.values():
        roles = ", ".join(dict.fromkeys(role for role, _item in told))
        earlier = "; pods go on with the earlier one" if any(item.state == "degraded" for _role, item in told) else ""
        lines.append(f"{roles}: {told[0][1]}{earlier}")
    return lines
