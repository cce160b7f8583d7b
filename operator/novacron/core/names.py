"""Names of children: deterministic, so that one pass and the next speak of the same objects (interfaces.md)."""

from __future__ import annotations

WORKLOADS = ("api", "auth", "query", "ml")

REDIRECT_SUFFIX = "redirect"


def component(name: str, part: str) -> str:
    """``<name>-<part>``: workload objects, and the resource-wide ones (limits, quota, vault, database, redis ...)."""
    return f"{name}-{part}"


def config(name: str, workload: str) -> str:
    """ConfigMap with a workload's settings."""
    return f"{name}-{workload}-config"


def jwks(name: str) -> str:
    """ConfigMap with the public signing keys."""
    return f"{name}-jwks"
