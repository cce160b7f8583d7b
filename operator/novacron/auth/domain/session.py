"""When a session of a person is over, when its access token is renewed, and which token is its own. Pure.

A session is one login. Its id (claim ``sid``) never changes and is no secret; claim ``rot`` counts its rotations: each
refresh and each renewal raises it, so that earlier access tokens lose their force (docs/decisions/0018).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

PREDECESSOR_SECONDS = 30
"""For so long after a rotation the token before it is still accepted: requests that run side by side carry it."""

ENDED = "ended"
EXPIRED = "expired"
IDLE = "idle"
ROTATED = "rotated"


@dataclass(frozen=True, slots=True)
class Session:
    """One row, at one moment. Times are seconds since the epoch, by the database's clock."""

    id: str
    user_id: str
    rotation: int
    rotated_at: float
    last_active_at: float
    created_at: float
    expires_at: float
    ended: bool


@dataclass(frozen=True, slots=True)
class SessionRules:
    """Limits of every session, from the settings.

    Args:
        rotation, idle, lifetime: seconds.
        per_user: sessions at once.
    """

    rotation: int
    idle: int
    lifetime: int
    per_user: int

    def over(self, session: Session, now: float) -> str | None:
        """Why a session no longer counts: ended, expired or idle; None: it goes on."""
        if session.ended:
            return ENDED
        if now >= session.expires_at:
            return EXPIRED
        if now - session.last_active_at >= self.idle:
            return IDLE
        return None

    def refusal(self, session: Session, rotation: int, now: float) -> str | None:
        """Why a token with this claim ``rot`` is not accepted for a session; None: it is."""
        over = self.over(session, now)
        if over is not None:
            return over
        if rotation == session.rotation:
            return None
        recent = now - session.rotated_at <= PREDECESSOR_SECONDS
        return None if rotation == session.rotation - 1 and recent else ROTATED

    def rotation_due(self, session: Session, rotation: int, now: float) -> bool:
        """Whether a request with this token gets a new one. The predecessor's does not: its successor is on its way."""
        return rotation == session.rotation and now - session.rotated_at >= self.rotation

    def displaced(self, sessions: Sequence[Session], now: float) -> list[str]:
        """Ids of those that end so that one more has room: the oldest, of those that are not over anyway."""
        alive = [session for session in sessions if self.over(session, now) is None]
        alive.sort(key=lambda session: (session.created_at, session.id))
        return [session.id for session in alive[: max(0, len(alive) - self.per_user + 1)]]
