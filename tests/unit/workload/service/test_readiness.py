"""The board: the latest finding counts, and only for as long as somebody looks."""

from __future__ import annotations

import asyncio

from novacron.core.dependencies import Finding, Unusable
from novacron.workload.service import findings
from novacron.workload.service.readiness import Board, watch
from novacron.workload.service.telemetry import Telemetry

SECRET = "canary"


class Scripted:
    """Finds one thing after the other, and then the last for ever."""

    name, required, secret = "database", True, "the-secret"

    def __init__(self, *script: Finding | Exception) -> None:
        self._script = list(script)
        self.looks = 0
        self.news = False

    def changed(self) -> bool:
        return self.news

    async def check(self) -> Finding:
        self.looks += 1
        found = self._script.pop(0) if len(self._script) > 1 else self._script[0]
        if isinstance(found, Exception):
            raise found
        return found

    async def close(self) -> None:
        return None


OK = findings.reached("database", secret="the-secret")
DOWN = findings.refused("database", Unusable("Unreachable"), secret="the-secret")


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def _board(dependency: Scripted, clock: Clock | None = None) -> tuple[Board, Telemetry]:
    telemetry = Telemetry("query")
    return Board([dependency], telemetry, clock or Clock()), telemetry


def test_nothing_is_well_before_it_was_looked_at() -> None:
    board, telemetry = _board(Scripted(OK))
    (found,) = board.findings()
    assert (found.state, found.reason, found.secret) == ("down", "Unchecked", "the-secret")
    assert b'novacron_dependency_up{dependency="database"} 0.0' in telemetry.exposition()


def test_an_old_finding_is_not_believed() -> None:
    clock = Clock()
    board, _ = _board(Scripted(OK), clock)
    board.put(OK)
    clock.now += 20
    assert board.findings() == [OK]
    clock.now += 10
    (found,) = board.findings()
    assert (found.state, found.reason) == ("down", "CheckOverdue")


async def test_looks_go_on_after_failures_and_defects() -> None:
    dependency = Scripted(DOWN, ValueError(SECRET), OK)
    board, telemetry = _board(dependency)
    seen: list[str] = []
    task = asyncio.create_task(watch(dependency, board))
    async with asyncio.timeout(10):
        while board.findings() != [OK]:
            seen.append(board.findings()[0].reason)
            await asyncio.sleep(0.01)
    task.cancel()
    assert list(dict.fromkeys(seen)) == ["Unchecked", "Unreachable", "Refused"]
    assert b'novacron_dependency_up{dependency="database"} 1.0' in telemetry.exposition()


async def test_new_files_are_looked_at_at_once() -> None:
    """Without news two seconds pass between two looks at what is well. What changes all the time blocks nobody."""
    dependency = Scripted(OK)
    board, _ = _board(dependency)
    dependency.news = True
    task = asyncio.create_task(watch(dependency, board))
    async with asyncio.timeout(5):
        while dependency.looks < 5:  # noqa: ASYNC110 - it tells nobody
            await asyncio.sleep(0.01)
    task.cancel()
