"""When a process says that hardly any memory is left: not over a moment, and in words that stay the same."""

from __future__ import annotations

from novacron.ml.service.health import MemoryDependency

LIMIT = 128 << 20


class _Process:
    """What it uses, and what time it is."""

    def __init__(self, limit: int | None = LIMIT) -> None:
        self.used = 0.0
        self.now = 1000.0
        self.memory = MemoryDependency(limit, 0.9, lambda: int(self.used * LIMIT), lambda: self.now)

    async def after(self, seconds: float, used: float) -> tuple[str, str]:
        self.now += seconds
        self.used = used
        found = await self.memory.check()
        assert (found.name, found.required, found.failing) == ("memory", False, False)
        self.said = found.message
        return found.state, found.reason


async def test_it_is_told_once_it_lasts_and_no_longer_than_it_does() -> None:
    process = _Process()
    assert await process.after(2, 0.89) == ("ok", "Reached")
    assert await process.after(2, 0.91) == ("ok", "Reached")
    assert await process.after(29, 0.99) == ("ok", "Reached")
    assert await process.after(1, 0.95) == ("degraded", "MemoryCritical")
    assert "more than 90% of 128Mi for more than 30 s" in process.said
    before = process.said
    assert await process.after(500, 0.99) == ("degraded", "MemoryCritical")
    assert process.said == before
    assert await process.after(2, 0.5) == ("ok", "Reached")


async def test_moments_that_do_not_touch_each_other_are_no_time() -> None:
    process = _Process()
    for _ in range(10):
        assert await process.after(20, 0.95) == ("ok", "Reached")
        assert await process.after(5, 0.5) == ("ok", "Reached")


async def test_without_a_limit_nothing_is_short() -> None:
    assert await _Process(None).after(100, 50.0) == ("ok", "Reached")
