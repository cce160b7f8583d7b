"""Auth's internal port as a script, a clock that tests turn, and a token's claims."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from novacron.auth.domain.claims import Claims
from novacron.auth.service.internal_port import Page, UnknownCursor
from novacron.core.dependencies import Unusable

NOW = 1_800_000_000


def claims(session: str = "session-1", **changes: Any) -> Claims:
    members: dict[str, Any] = {
        "subject": "user-1",
        "client_id": "novacron",
        "role": "viewer",
        "organization": "org-1",
        "session": session,
        "rotation": 0,
        "scopes": frozenset(),
        "id": "token-1",
        "issuer": "novacron-auth-service",
        "audience": ("novacron-api",),
        "issued": NOW,
        "expires": NOW + 3600,
    }
    return Claims(**(members | changes))


class Clock:
    """Monotonic seconds."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class Script:
    """Answers in turn; the last one again and again."""

    def __init__(self, clock: Clock, *answers: Page | Unusable | type[UnknownCursor]) -> None:
        self._clock = clock
        self.answers = list(answers)
        self.asked: list[str | None] = []
        self.active_calls: list[Mapping[str, float]] = []
        self.takes = 0.0
        """Seconds that an answer takes."""

    async def revocations(self, after: str | None) -> Page:
        self.asked.append(after)
        self._clock.now += self.takes
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Page):
            return answer
        raise answer

    async def active(self, sessions: Mapping[str, float]) -> None:
        self.active_calls.append(sessions)
        if isinstance(self.answers[0], Unusable):
            raise self.answers[0]
