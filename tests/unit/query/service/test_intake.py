"""How much of large bodies is held at once: in all, and of one organization."""

from __future__ import annotations

from contextlib import AsyncExitStack
from typing import Any

import pytest
from starlette.requests import Request

from novacron.query.service.intake import Intake
from novacron.workload.service.answers import Refusal


def _sent(size: int) -> Request:
    """A request whose body has come."""

    async def receive() -> Any:
        return {"type": "http.request", "body": b"x" * size}

    scope = {"type": "http", "method": "POST", "headers": [(b"content-type", b"application/json")]}
    return Request(scope, receive)


async def test_one_organization_has_half() -> None:
    intake = Intake(100)
    async with AsyncExitStack() as held:
        await held.enter_async_context(intake.body(_sent(30), 100, "one"))
        await held.enter_async_context(intake.body(_sent(20), 100, "one"))
        with pytest.raises(Refusal) as refused:
            await held.enter_async_context(intake.body(_sent(1), 100, "one"))
        assert (refused.value.status, refused.value.headers["Retry-After"]) == (503, "2")
        assert await held.enter_async_context(intake.body(_sent(50), 100, "other")) == b"x" * 50
        with pytest.raises(Refusal):
            await held.enter_async_context(intake.body(_sent(1), 100, None))


async def test_what_has_ended_or_was_refused_is_held_no_longer() -> None:
    intake = Intake(100)
    for _ in range(3):
        with pytest.raises(Refusal):
            async with intake.body(_sent(51), 100, "one"):
                pass
        async with intake.body(_sent(50), 100, "one") as body:
            assert len(body) == 50
