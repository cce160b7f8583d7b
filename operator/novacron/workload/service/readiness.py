"""Looks at every dependency in the background, and keeps what was found: probes never reach a datastore."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Sequence
from typing import Protocol

import structlog

from novacron.adapters import clock
from novacron.core.dependencies import Finding, Unusable
from novacron.workload.service.findings import refused
from novacron.workload.service.telemetry import Telemetry

_log = structlog.get_logger(__name__)

_SECONDS = 2.0
"""Between two looks at what is well."""
_FAILING_SECONDS = (0.5, 1.0, 2.0, 5.0)
"""Between two looks at what is not: soon first, for most outages are short."""
_TICK_SECONDS = 0.5
"""How soon a change of mounted files is seen."""
_CHECK_SECONDS = 15.0
"""A check that takes longer hangs: each of its steps ends within a few seconds."""
_STALE_SECONDS = 25.0
"""A finding that is older is not believed: a pause, a check and some delay are less."""


class Dependency(Protocol):
    """Something that a process needs, or at least uses."""

    @property
    def name(self) -> str: ...

    @property
    def required(self) -> bool: ...

    @property
    def secret(self) -> str: ...

    def changed(self) -> bool:
        """Whether mounted files are newer than the last check; cheap."""

    async def check(self) -> Finding: ...

    async def close(self) -> None: ...


class Board:
    """The latest finding of each dependency."""

    def __init__(self, dependencies: Sequence[Dependency], telemetry: Telemetry, now: Callable[[], float]) -> None:
        self._dependencies = dependencies
        self._telemetry = telemetry
        self._now = now
        self._found: dict[str, tuple[float, Finding]] = {}
        self.draining = False
        self._telemetry.found(self.findings())

    def put(self, finding: Finding) -> None:
        before = self._found.get(finding.name)
        self._found[finding.name] = (self._now(), finding)
        self._telemetry.found([finding])
        if before is None or (before[1].state, before[1].reason) != (finding.state, finding.reason):
            tell = _log.info if finding.state == "ok" else _log.warning
            tell("dependency", **finding.document())

    def findings(self) -> list[Finding]:
        """In the order of the dependencies; what was not looked at, or for too long not, is down."""
        return [self._believed(dependency) for dependency in self._dependencies]

    def _believed(self, dependency: Dependency) -> Finding:
        moment, finding = self._found.get(dependency.name, (0.0, None))
        if finding is not None and self._now() - moment <= _STALE_SECONDS:
            return finding
        reason = "Unchecked" if finding is None else "CheckOverdue"
        return refused(dependency.name, Unusable(reason), required=dependency.required, secret=dependency.secret)


async def watch(dependency: Dependency, board: Board) -> None:
    """Until cancelled. A defect of a check is told and the next one comes all the same."""
    failures = 0
    while True:
        finding = await _checked(dependency)
        board.put(finding)
        failures = 0 if finding.state == "ok" else failures + 1
        await _rested(dependency, _rest(failures))


async def _checked(dependency: Dependency) -> Finding:
    try:
        async with asyncio.timeout(_CHECK_SECONDS):
            return await dependency.check()
    except TimeoutError:
        error = Unusable("TimedOut")
    except Exception as defect:  # noqa: BLE001 - one defect must not blind the process; its text may hold what was given
        _log.error("check failed by a defect", dependency=dependency.name, kind=type(defect).__name__)
        error = Unusable("Refused")
    return refused(dependency.name, error, required=dependency.required, secret=dependency.secret)


def _rest(failures: int) -> float:
    """Seconds, with some jitter, so that a hundred pods do not ask at once."""
    seconds = _FAILING_SECONDS[min(failures, len(_FAILING_SECONDS)) - 1] if failures else _SECONDS
    return seconds * random.uniform(0.8, 1.2)


async def _rested(dependency: Dependency, seconds: float) -> None:
    """Sleeps, but not on when mounted files change; a moment in any case, so that nothing can hold the loop."""
    until = clock.monotonic() + seconds
    while (left := until - clock.monotonic()) > 0:
        await asyncio.sleep(min(left, _TICK_SECONDS))
        if dependency.changed():
            return
