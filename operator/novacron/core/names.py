"""Names of children: deterministic, so that one pass and the next speak of the same objects."""

from __future__ import annotations

WORKLOADS = ("api", "auth", "query", "ml")
MIGRATE = "migrate"
"""The component of migration and upkeep; no Service, budget or autoscaler selects it."""

REDIRECT_SUFFIX = "redirect"

SIGNING_KEYS = "novacron-signing-keys"
INTERNAL_KEY = "novacron-internal-key"
KEYS = (SIGNING_KEYS, INTERNAL_KEY)
"""The only Secrets that the operator may read and write; of a namespace, not of one resource, so that RBAC can name
them."""


def component(name: str, part: str) -> str:
    """``<name>-<part>``: workload objects, and the resource-wide ones (limits, quota, vault, database, redis ...)."""
    return f"{name}-{part}"


def config(name: str, workload: str) -> str:
    """ConfigMap with a workload's settings."""
    return f"{name}-{workload}-config"


def jwks(name: str) -> str:
    """ConfigMap with the public signing keys."""
    return f"{name}-jwks"


def migration(name: str, digest: str) -> str:
    """Job that brings the schemas to what one image needs."""
    return f"{name}-{MIGRATE}-{digest}"


def upkeep(name: str) -> str:
    """CronJob that keeps the schemas small."""
    return f"{name}-upkeep"
