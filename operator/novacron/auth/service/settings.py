"""What every workload is told of tokens and limits: members of its settings.json, beside those of the shell."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import Field, field_validator

from novacron.auth.domain.client import Clients
from novacron.workload.service.settings import Model

Name = Annotated[str, Field(min_length=1, max_length=256)]


class TokenSettings(Model):
    """What an access token must be.

    Args:
        min_key_size: bits.
    """

    issuer: Name
    audience: Name
    clock_skew_seconds: Annotated[float, Field(ge=0, le=600)]
    max_age_seconds: Annotated[float, Field(gt=0)]
    min_key_size: Annotated[int, Field(ge=2048, le=8192)]


class RateLimitSettings(Model):
    """Limits where a client enters; each pod allows the full number.

    Args:
        requests_per_minute: from one network.
        trusted_proxies: CIDRs whose X-Forwarded-For is believed.
    """

    requests_per_minute: Annotated[int, Field(ge=1)]
    trusted_proxies: tuple[str, ...] = ()

    @field_validator("trusted_proxies")
    @classmethod
    def _networks(cls, cidrs: tuple[str, ...]) -> tuple[str, ...]:
        try:
            Clients(cidrs)
        except ValueError:  # its text holds the value
            raise ValueError("must be networks, as 10.0.0.0/8") from None
        return cidrs


class WallSettings(Model):
    """What the wall of any role reads.

    Args:
        instance, namespace: of the NovaCron: names in Redis begin with them, for it may serve several.
        internal_key_file: what we show to auth's internal port.
    """

    instance: Name
    namespace: Name
    token: TokenSettings
    internal_key_file: Path
    rate_limit: RateLimitSettings | None = None

    @property
    def prefix(self) -> str:
        """Of our names in Redis."""
        return f"novacron:{self.namespace}:{self.instance}:"
