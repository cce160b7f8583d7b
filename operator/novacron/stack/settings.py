"""The settings documents that workloads read from /etc/novacron/config. No secret is in them; they name files."""

from __future__ import annotations

from typing import Any

import orjson

from novacron.api.v1alpha1 import NovaCron
from novacron.core import names, quantity
from novacron.stack.capacity import connection_share
from novacron.stack.edges import CALLS
from novacron.vault.desired import GROUPS, groups, login
from novacron.workload.paths import (
    INTERNAL_KEY_FILE,
    INTERNAL_KEY_GROUP,
    JWKS_DIRECTORY,
    JWKS_FILE,
    SCRATCH_DIRECTORY,
    SECRETS_DIRECTORY,
    SIGNING_KEYS_GROUP,
)
from novacron.workload.pod import drain_seconds

_READABLE = orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE


def settings(resource: NovaCron, role: str, key_bits: int | None = None) -> str:
    """JSON; a change of it restarts the pods.

    Args:
        key_bits: of the smallest signing key that is accepted; None: as the resource asks.
    """
    spec = resource.spec
    workload = spec.workloads[role]
    document: dict[str, Any] = {
        "role": role,
        "instance": resource.metadata.name,
        "namespace": resource.metadata.namespace,
        "environment": spec.environment,
        "ports": workload.ports.manifest(),
        "shutdown_grace_seconds": workload.termination_grace_period_seconds - drain_seconds(workload),
        "jwks_file": f"{JWKS_DIRECTORY}/{JWKS_FILE}",
        "internal_key_file": f"{SECRETS_DIRECTORY}/{INTERNAL_KEY_GROUP}/{INTERNAL_KEY_FILE}",
        "token": _token(resource, key_bits),
        "peers": {
            other: {port: _address(resource, other, port) for port in ports}
            for other, ports in CALLS[role]
            if spec.workloads[other].enabled
        },
    }
    if "database" in GROUPS[role]:
        document["database"] = _database(resource, role)
    if "redis" in GROUPS[role]:
        redis = spec.redis
        document["redis"] = {"host": redis.host, "port": redis.port, "tls": redis.tls}
        if "redis" in groups(resource, role):
            document["redis"] |= _credentials(resource, role, "redis")
    return _text(document | _own(resource, role))


def migration(resource: NovaCron) -> str:
    """JSON of the Jobs: which schemas, who logs in as they do and so must be a member of more roles, what is kept."""
    own = login(resource, "database", names.MIGRATE)
    document = {
        "role": names.MIGRATE,
        "database": _database(resource, names.MIGRATE),
        "schemas": list(resource.spec.schemas),
        "shared_logins": [user for user in resource.spec.schemas if login(resource, "database", user) == own],
        "retention_seconds": resource.spec.query.retention.seconds,
    }
    return _text(document)


def _database(resource: NovaCron, user: str) -> dict[str, Any]:
    database = resource.spec.database
    return {
        "host": database.host,
        "port": database.port,
        "name": database.name,
        "ssl_mode": database.ssl_mode,
        **_credentials(resource, user, "database"),
    }


def _credentials(resource: NovaCron, role: str, group: str) -> dict[str, str]:
    """Where a login is mounted, and from which Secret: the process names it to whoever must correct it."""
    return {
        "credentials": f"{SECRETS_DIRECTORY}/{group}",
        "secret": login(resource, group, role).secret,
    }


def reloaded(resource: NovaCron, role: str) -> str:
    """JSON that a process reads again when it changes, so that no restart is needed."""
    uses = "database" in GROUPS[role]
    return _text({"database_pool_size": connection_share(resource)} if uses else {})


def _text(document: dict[str, Any]) -> str:
    return orjson.dumps(document, option=_READABLE).decode()


def _token(resource: NovaCron, key_bits: int | None) -> dict[str, Any]:
    """What every workload needs to judge an access token."""
    jwt = resource.spec.auth.jwt
    return {
        "issuer": jwt.issuer,
        "audience": jwt.audience,
        "clock_skew_seconds": jwt.clock_skew.seconds,
        "max_age_seconds": jwt.max_token_age.seconds,
        "min_key_size": jwt.min_key_size if key_bits is None else key_bits,
    }


def _address(resource: NovaCron, role: str, port: str) -> str:
    """Where another workload listens; its inner port may stand on a Service of its own.

    The bare name of the Service: with more dots the resolver would ask the world first (ndots 2).
    """
    spec, service = resource.spec, names.component(resource.metadata.name, role)
    if port == "http":
        return f"http://{service}:{spec.workloads[role].service.port}"
    inner = f"{service}-internal" if spec.workloads[role].service.type == "LoadBalancer" else service
    return f"http://{inner}:{spec.auth.ports.internal}"


def _rate_limit(resource: NovaCron) -> dict[str, Any]:
    """Where clients enter; query and ml are called by our own workloads, who are not limited."""
    limit = resource.spec.auth.rate_limit
    return {"requests_per_minute": limit.requests_per_minute, "trusted_proxies": list(limit.trusted_proxy_cidrs)}


def _own(resource: NovaCron, role: str) -> dict[str, Any]:
    """What only this workload reads."""
    spec = resource.spec
    if role == "api":
        return {"rate_limit": _rate_limit(resource)}
    if role == "auth":
        jwt, session = spec.auth.jwt, spec.auth.session
        return {
            "signing_keys": f"{SECRETS_DIRECTORY}/{SIGNING_KEYS_GROUP}",
            "access_token_seconds": jwt.token_ttl.seconds,
            "refresh_token_seconds": jwt.refresh_ttl.seconds,
            "jwks_max_age_seconds": jwt.jwks_max_age.seconds,
            "session": {
                "rotation_seconds": session.rotation_interval.seconds,
                "idle_seconds": session.idle_timeout.seconds,
                "lifetime_seconds": session.max_lifetime.seconds,
                "per_user": session.max_per_user,
            },
            "rate_limit": _rate_limit(resource) | {"logins_per_minute": spec.auth.rate_limit.logins_per_minute},
        }
    if role == "query":
        return {
            "retention_seconds": spec.query.retention.seconds,
            "statement_timeout_seconds": spec.query.statement_timeout.seconds,
            "cache_seconds": spec.query.cache_ttl.seconds,
            "page_size": {"default": spec.query.page_size.default, "max": spec.query.page_size.max},
        }
    if role == "ml":
        memory = spec.ml.memory
        return {
            "memory": {
                "max_mb": memory.max_mb,
                "chunk_rows": memory.chunk_size,
                "gc_every_chunks": memory.gc_frequency,
                "warning": memory.warning,
                "critical": memory.critical,
            },
            "spill_directory": SCRATCH_DIRECTORY,
            "spill_bytes": int(quantity.parse(spec.ml.scratch.size)),
        }
    return {}
