"""What a role is given to build its dependencies from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from novacron.workload.service.readiness import Dependency
from novacron.workload.service.reload import ReloadedSettings
from novacron.workload.service.settings import Settings
from novacron.workload.service.telemetry import Telemetry


@dataclass(frozen=True, slots=True)
class Context:
    """One process, before it serves."""

    settings: Settings
    reloaded: ReloadedSettings
    telemetry: Telemetry


Opener = Callable[[Context], Dependency]
"""Builds a dependency; nothing connects yet."""
