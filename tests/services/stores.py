"""A store of a role in this process, checked as the shell would do it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

from novacron.core.dependencies import Finding
from novacron.workload.service.context import Context
from novacron.workload.service.readiness import Dependency
from novacron.workload.service.reload import ReloadedSettings
from novacron.workload.service.settings import Reloaded, Settings
from novacron.workload.service.telemetry import Telemetry

S = TypeVar("S")


@asynccontextmanager
async def opened(
    opener: Callable[[Context], S], *, pool: int = 4, **members: Mapping[str, Any]
) -> AsyncIterator[tuple[S, Dependency]]:
    """The store, and what looks after it."""
    known = {"role": "query", "ports": {"http": 1, "metrics": 2}, "shutdown_grace_seconds": 25, "jwks_file": "/none"}
    telemetry = Telemetry("query")
    reloaded = ReloadedSettings(Path("/none"), Reloaded(database_pool_size=pool), telemetry)
    context = Context(Settings.model_validate({**known, **members}), reloaded, telemetry, Path("/none"))
    store = opener(context)
    (dependency,) = context.dependencies
    try:
        yield store, dependency
    finally:
        await dependency.close()


async def found(dependency: Dependency) -> Finding:
    """What a check finds, and that it says no secret."""
    finding = await dependency.check()
    assert "canary" not in json.dumps(finding.document())
    return finding


async def until(check: Callable[[], bool], seconds: float = 20.0) -> None:
    """Returns when it is true. As tests.support.waiting, but what runs in this loop goes on meanwhile."""
    async with asyncio.timeout(seconds):
        while not check():  # noqa: ASYNC110 - a state of a server, which tells nobody
            await asyncio.sleep(0.02)
