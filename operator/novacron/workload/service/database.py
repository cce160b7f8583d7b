"""PostgreSQL as a dependency of a role that mounts its login."""

from __future__ import annotations

from collections.abc import Mapping

from novacron.adapters import postgres
from novacron.adapters.mounted import Directory
from novacron.core.dependencies import Unusable
from novacron.workload.service.context import Context
from novacron.workload.service.files import text
from novacron.workload.service.settings import InvalidSettings, Reloaded
from novacron.workload.service.store import StoreDependency


def opened(context: Context) -> postgres.Sessions:
    """Connections with the mounted login, which the process depends on from now on.

    Raises:
        InvalidSettings: the settings know no database.
    """
    settings = context.settings.database
    if settings is None:
        raise InvalidSettings("settings.json: database: is not there; this role needs one")
    application = f"novacron-{context.settings.role}"
    server = postgres.Server(settings.host, settings.port, settings.name, settings.ssl_mode, application)
    store = postgres.Postgres(server, context.reloaded.current.database_pool_size)

    async def resize(reloaded: Reloaded) -> None:
        await store.resize(reloaded.database_pool_size)

    context.reloaded.listen(resize)
    where = f"{settings.host}:{settings.port}"
    mounted = Directory(settings.credentials)
    dependency = StoreDependency("database", settings.secret, where, store, mounted, login, context.telemetry)
    context.dependencies.append(dependency)
    return store


def login(files: Mapping[str, bytes]) -> postgres.Login:
    """What the files of the folder mean. Raises ``Unusable`` without a user name.

    A password may be missing: a client certificate can do instead.
    """
    username = text(files, "username")
    if not username:
        raise Unusable("FileMissing", "username")
    material = (files.get(name, b"") for name in ("ca.crt", "tls.crt", "tls.key"))
    return postgres.Login(username, text(files, "password"), *material)
