"""Names of children: deterministic, so that one pass and the next speak of the same objects (interfaces.md)."""

from __future__ import annotations

WORKLOADS = ("api", "auth", "query", "ml")

REDIRECT_SUFFIX = "redirect"

SIGNING_KEYS = "novacron-signing-keys"
INTERNAL_KEY = "novacron-internal-key"
KEYS = (SIGNING_KEYS, INTERNAL_KEY)
"""The only Secrets that the operator may read and write; of a namespace, not of one resource, so that RBAC can name
them (decisions.md 6)."""


def component(name: str, part: str) -> str:
    """``<name>-<part>``: workload objects, and the resource-wide ones (limits, quota, vault, database, redis ...)."""
    return f"{name}-{part}"


def config(name: str, workload: str) -> str:
    """ConfigMap with a workload's settings."""
    return f"{name}-{workload}-config"


def jwks(name: str) -> str:
    """ConfigMap with the public signing keys."""
    return f"{name}-jwks"
