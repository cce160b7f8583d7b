"""What auth alone is told, beside what every workload is: how long tokens and sessions last, and where the keys are."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import Field

from novacron.auth.domain.session import SessionRules
from novacron.auth.service.settings import RateLimitSettings, WallSettings
from novacron.workload.service.settings import Model

Seconds = Annotated[int, Field(ge=1)]

_MARGIN_SECONDS = 60
"""For clocks of pods that differ by more than the skew says, and for the time that an answer is on its way."""


class SessionSettings(Model):
    """Args:
    per_user: sessions at once; the oldest ends.
    """

    rotation_seconds: Seconds
    idle_seconds: Seconds
    lifetime_seconds: Seconds
    per_user: Annotated[int, Field(ge=1)]

    def rules(self) -> SessionRules:
        return SessionRules(self.rotation_seconds, self.idle_seconds, self.lifetime_seconds, self.per_user)


class LoginLimits(RateLimitSettings):
    """Args:
    logins_per_minute: of one network, by all pods together, while Redis answers.
    """

    logins_per_minute: Annotated[int, Field(ge=1)]


class AuthSettings(WallSettings):
    """Args:
    signing_keys: folder of the mounted Secret.
    jwks_max_age_seconds: for which others may keep the public keys.
    """

    signing_keys: Path
    access_token_seconds: Seconds
    refresh_token_seconds: Seconds
    jwks_max_age_seconds: Annotated[int, Field(ge=0)]
    session: SessionSettings
    rate_limit: LoginLimits

    def revocation_seconds(self, signed: int = 0) -> int:
        """For so long a revocation is told: until every access token that it concerns has expired everywhere.

        Args:
            signed: the longest life of a token that a kept key signed: there are such from before tokenTTL was lowered.
        """
        return max(self.access_token_seconds, signed) + int(self.token.clock_skew_seconds) + _MARGIN_SECONDS
