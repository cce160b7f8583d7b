"""What is to be known of an accepted token beyond the token: whom it names, and whether its session still stands."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

from novacron.auth.domain.claims import Claims
from novacron.core.errors import NovaCronError

Kind = Literal["user_not_found", "user_inactive", "session_invalid"]


@dataclass(frozen=True, slots=True)
class Objection:
    """Why a token that is right in itself does not open the door.

    Args:
        code: more exactly, for the audit log.
    """

    kind: Kind
    code: str


class Unavailable(NovaCronError):
    """It cannot be judged now. The text goes to the client: what is missing, without anything of the inside.

    Args:
        code: the same in one word, for the audit log.
        retry_after: whole seconds after which it may be different.
    """

    def __init__(self, code: str, text: str, retry_after: int = 2) -> None:
        super().__init__(text)
        self.code = code
        self.retry_after = retry_after


class Standing(Protocol):
    """Steps 5, 6 and 7 of the wall."""

    async def objection(self, claims: Claims, now: float) -> Objection | None:
        """None: nothing is known against it. Raises ``Unavailable``.

        Args:
            now: seconds since the epoch.
        """


class SwitchedOff:
    """Of a NovaCron without auth: nobody signs tokens, and nobody would know of their end."""

    async def objection(self, claims: Claims, now: float) -> Objection | None:
        raise Unavailable("auth_disabled", "Authentication is switched off in this NovaCron.", 60)
