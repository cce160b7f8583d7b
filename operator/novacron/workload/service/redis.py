"""Redis as a dependency of a role that uses it, with or without a mounted login."""

from __future__ import annotations

from collections.abc import Mapping

from novacron.adapters import redis
from novacron.adapters.mounted import Directory
from novacron.workload.service.context import Context
from novacron.workload.service.files import text
from novacron.workload.service.settings import InvalidSettings
from novacron.workload.service.store import StoreDependency


def opened(context: Context, *, required: bool = True) -> redis.Commands:
    """Connections with the mounted login, which the process depends on from now on.

    Args:
        required: whether it is not ready without Redis.

    Raises:
        InvalidSettings: the settings know no Redis.
    """
    settings = context.settings.redis
    if settings is None:
        raise InvalidSettings("settings.json: redis: is not there; this role needs one")
    application = f"novacron-{context.settings.role}"
    store = redis.Redis(redis.Server(settings.host, settings.port, settings.tls, application))
    mounted = Directory(settings.credentials) if settings.credentials else None
    where = f"{settings.host}:{settings.port}"
    dependency = StoreDependency(
        "redis", settings.secret, where, store, mounted, login, context.telemetry, required=required
    )
    context.dependencies.append(dependency)
    return store


def login(files: Mapping[str, bytes]) -> redis.Login:
    """What the files of the folder mean; each may be missing."""
    return redis.Login(text(files, "username"), text(files, "password"), files.get("ca.crt", b""))
