"""Between the shell and a role: what a role is given, what it adds, and what it gives back."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from starlette.middleware import Middleware
from starlette.routing import BaseRoute

from novacron.adapters.mounted import Directory
from novacron.workload.paths import SETTINGS_FILE
from novacron.workload.service.readiness import Dependency
from novacron.workload.service.reload import ReloadedSettings
from novacron.workload.service.settings import Limits, Model, Settings, parsed, read
from novacron.workload.service.telemetry import Telemetry

M = TypeVar("M", bound=Model)


@dataclass(frozen=True, slots=True)
class Context:
    """One process, before it serves.

    Args:
        config: folder of the settings.
        dependencies: watched from the start to the end; a role adds its own.
        background: work that goes on from the start to the end, when it is cancelled; a role adds its own.
    """

    settings: Settings
    reloaded: ReloadedSettings
    telemetry: Telemetry
    config: Path
    dependencies: list[Dependency] = field(default_factory=list)
    background: list[Callable[[], Coroutine[Any, Any, None]]] = field(default_factory=list)

    def own(self, model: type[M]) -> M:
        """What only some roles read of settings.json. Raises ``InvalidSettings``."""
        return parsed(model, self.config / SETTINGS_FILE, read(Directory(self.config)).get(SETTINGS_FILE))


@dataclass(frozen=True, slots=True)
class Service:
    """What a role serves.

    Args:
        routes: of port http.
        internal: of port internal, where there is one.
        middleware: around the routes of port http, and around what no route matches, but not around the probes;
            the first is the outermost.
        limits: path -> limits that differ from those of the settings.
    """

    routes: Sequence[BaseRoute] = ()
    internal: Sequence[BaseRoute] = ()
    middleware: Sequence[Middleware] = ()
    limits: Mapping[str, Limits] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Role:
    """What makes one workload differ from another.

    Args:
        build: opens datastores (nothing connects yet), and makes the routes that use them.
    """

    name: str
    build: Callable[[Context], Service]
