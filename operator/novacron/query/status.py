"""What pods of query say of their queries, as the condition QueriesHealthy. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from novacron.core import conditions as c
from novacron.core.conditions import Condition, Status
from novacron.core.dependencies import QUERIES
from novacron.core.readiness import Dependency

ROLE = "query"


def complaints(said: Iterable[Dependency]) -> tuple[Dependency, ...] | None:
    """What an answer holds against its queries; None where it cannot tell, as while its database is away."""
    found = tuple(item for item in said if item.name == QUERIES)
    if not found or found[0].state == "down":
        return None
    return tuple(item for item in found if item.state != "ok")


def queries_healthy(heard: tuple[Dependency, ...] | None) -> Condition:
    """Of what the pods behind the Service said by now: only False is bad, and nothing is gated by it."""
    if heard is None:
        message = "query: no pod can tell how its queries do; see CredentialsCurrent, and /ready of its pods"
        return condition("Unknown", "NotReachable", message)
    if heard:
        return condition("False", "QueriesImpaired", "; ".join(f"{item.reason}: {item.message}" for item in heard))
    return condition("True", "QueriesHealthy", "Pods of query find partitions, indexes, statistics and timing well")


def condition(status: Status, reason: str, message: str) -> Condition:
    return Condition(c.QUERIES_HEALTHY, status, reason, message)
