"""What a process is told: the documents of its config folder, read into frozen models, or refused in one line.

The operator writes them (stack/settings.py). What only one role reads is parsed by that role from the same document.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import orjson
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from novacron.adapters.mounted import Directory
from novacron.core.dependencies import Unusable
from novacron.core.errors import NovaCronError
from novacron.workload.paths import RELOADED_FILE, SETTINGS_FILE

Port = Annotated[int, Field(ge=1, le=65535)]
Host = Annotated[str, Field(min_length=1, max_length=253)]
Address = Annotated[str, Field(pattern=r"^http://[A-Za-z0-9.\-\[\]:]+$")]
Seconds = Annotated[float, Field(gt=0, le=3600)]


class InvalidSettings(NovaCronError):
    """A document cannot be used; the text names file, field, reason and remedy, never a value."""


class Model(BaseModel):
    """Unknown members are another role's, or a newer operator's."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)


class Ports(Model):
    http: Port
    metrics: Port
    internal: Port | None = None

    def numbered(self) -> dict[str, int]:
        """Name -> number, of those that there are."""
        return {name: port for name, port in self.model_dump().items() if port is not None}


class DatabaseSettings(Model):
    """Args:
    credentials: folder with username, password, ca.crt, tls.crt, tls.key.
    secret: name of the Secret that the folder is mounted from.
    """

    host: Host
    port: Port
    name: Annotated[str, Field(min_length=1, max_length=63)]
    ssl_mode: Literal["verify-full", "verify-ca", "require", "disable"]
    credentials: Path
    secret: str


class RedisSettings(Model):
    """Args:
    credentials: folder with username, password, ca.crt; none: no login, and the system's authorities.
    """

    host: Host
    port: Port
    tls: bool
    credentials: Path | None = None
    secret: str = ""


class Limits(Model):
    """What one client may take of the process. The operator leaves them as they are here."""

    body_bytes: Annotated[int, Field(ge=0)] = Field(1 << 20, description="Largest body of a request.")
    head_bytes: Annotated[int, Field(ge=1024)] = Field(32 << 10, description="Largest request line with its headers.")
    head_seconds: Seconds = Field(10.0, description="Time in which a request line and its headers must have come.")
    request_seconds: Seconds = Field(
        30.0,
        description="Time for one request, from its headers to its whole answer; a connection whose client takes"
        " nothing of an answer for so long is gone.",
    )
    piece_seconds: Seconds | None = Field(
        None,
        description="Time for each piece of a body, on a route that takes streams: they may go on and on, and"
        " request_seconds counts from the last piece. None: what that route has.",
    )
    idle_seconds: Annotated[int, Field(ge=1, le=3600)] = Field(75, description="Rest between requests of a connection.")
    requests_at_once: Annotated[int, Field(ge=1)] = Field(256, description="Requests being answered; above: 503.")


class Settings(Model):
    """The document that restarts a pod when it changes."""

    role: Literal["api", "auth", "query", "ml"]
    ports: Ports
    shutdown_grace_seconds: Annotated[int, Field(ge=1)]
    jwks_file: Path
    peers: Mapping[str, Mapping[str, Address]] = Field(default_factory=dict)
    database: DatabaseSettings | None = None
    redis: RedisSettings | None = None
    limits: Limits = Limits()


class Reloaded(Model):
    """The document that is read again when it changes.

    Args:
        database_pool_size: connections that this process may hold.
    """

    database_pool_size: Annotated[int, Field(ge=2, le=10_000)] = 2


class MigrationSettings(Model):
    """The document of ``novacron migrate``; it knows neither ports nor tokens.

    Args:
        schemas: those of the workloads that are enabled.
        shared_logins: users that log in with the very login of this run, which so becomes a member of their roles too.
        retention_seconds: how long samples are kept.
    """

    role: Literal["migrate"]
    database: DatabaseSettings
    schemas: Annotated[tuple[Literal["auth", "query"], ...], Field(min_length=1)]
    shared_logins: tuple[Literal["auth", "query"], ...] = ()
    retention_seconds: Annotated[int, Field(ge=3600)]


_M = TypeVar("_M", bound=Model)


def load(directory: Path, role: str) -> tuple[Settings, Reloaded]:
    """Both documents. Raises ``InvalidSettings``."""
    files = read(Directory(directory))
    settings = parsed(Settings, directory / SETTINGS_FILE, files.get(SETTINGS_FILE))
    if settings.role != role:
        problem = f"is for {settings.role}, but this process is {role}; mount {role}'s settings"
        raise InvalidSettings(f"{directory / SETTINGS_FILE}: role: {problem}")
    return settings, parsed(Reloaded, directory / RELOADED_FILE, files.get(RELOADED_FILE))


def read(directory: Directory) -> Mapping[str, bytes]:
    try:
        return directory.read()[1]
    except Unusable as error:
        raise InvalidSettings(f"{error.detail}; mount it, or name another folder with --config") from error


def parsed(model: type[_M], path: Path, content: bytes | None) -> _M:
    """A document as its model. Raises ``InvalidSettings``."""
    if content is None:
        raise InvalidSettings(f"{path}: is not there; mount it, or name another folder with --config")
    try:
        document = orjson.loads(content)
    except orjson.JSONDecodeError as error:
        raise InvalidSettings(f"{path}: line {error.lineno}, column {error.colno}: is no JSON; correct it") from None
    try:
        return model.model_validate(document)
    except ValidationError as error:
        raise InvalidSettings(f"{path}: {_problem(error)}") from None


def _problem(error: ValidationError) -> str:
    """The first one: field, reason, remedy. pydantic's words hold what a value should be, and not what it is."""
    first: Any = error.errors(include_url=False, include_context=False, include_input=False)[0]
    field = ".".join(map(str, first["loc"])) or "document"
    reason = first["msg"][0].lower() + first["msg"][1:]
    remedy = "the operator writes this file: do its version and this image's fit together?"
    return f"{field}: {reason}; {remedy}"
