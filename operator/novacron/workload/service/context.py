"""Between the shell and a role: what a role is given, what it adds, and what it gives back."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from starlette.routing import BaseRoute

from novacron.workload.service.readiness import Dependency
from novacron.workload.service.reload import ReloadedSettings
from novacron.workload.service.settings import Limits, Settings
from novacron.workload.service.telemetry import Telemetry


@dataclass(frozen=True, slots=True)
class Context:
    """One process, before it serves.

    Args:
        dependencies: watched from the start to the end; a role adds its own.
    """

    settings: Settings
    reloaded: ReloadedSettings
    telemetry: Telemetry
    dependencies: list[Dependency] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Service:
    """What a role serves.

    Args:
        routes: of port http.
        internal: of port internal, where there is one.
        limits: path -> limits that differ from those of the settings.
    """

    routes: Sequence[BaseRoute] = ()
    internal: Sequence[BaseRoute] = ()
    limits: Mapping[str, Limits] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Role:
    """What makes one workload differ from another.

    Args:
        build: opens datastores (nothing connects yet), and makes the routes that use them.
    """

    name: str
    build: Callable[[Context], Service]
