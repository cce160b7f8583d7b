"""Limits that all pods share, in Redis, for the few requests that are costly: logins and refreshes."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import structlog
from redis.exceptions import RedisError

from novacron.adapters import clock
from novacron.adapters.redis import Commands
from novacron.auth.domain.rate import Rate
from novacron.auth.service.limiter import Limiter
from novacron.auth.service.wall_metrics import WallMetrics
from novacron.core.dependencies import Unusable

_log = structlog.get_logger(__name__)

_ANSWER_SECONDS = 0.25
"""For Redis; a login must not wait for longer than its password takes to check."""
_REST_SECONDS = 1.0
"""Redis is left alone for so long after it failed, so that not every request waits for it in vain."""

_SCRIPT = """
local clock = redis.call('TIME')
local now = clock[1] * 1000000 + clock[2]
local interval, tolerance = tonumber(ARGV[1]), tonumber(ARGV[2])
local arrival = tonumber(redis.call('GET', KEYS[1]) or now)
local wait = arrival - now - tolerance
if wait > 0 then
  return math.ceil(wait)
end
arrival = math.max(arrival, now) + interval
redis.call('SET', KEYS[1], string.format('%.0f', arrival), 'PX', math.ceil((arrival - now) / 1000))
return 0
"""
"""auth/domain/rate.py in microseconds, by the clock of Redis: pods' clocks differ, and one limit has one clock."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """Of a limit.

    Args:
        retry_after: seconds until one more is admitted; 0: it was.
    """

    retry_after: float

    @property
    def allowed(self) -> bool:
        return self.retry_after == 0.0


class SharedLimiter:
    """In Redis, for all pods together. Where Redis does not answer, each pod allows the full number by itself.

    Args:
        prefix: of all names in Redis, with a colon at its end.
        rates: what is limited -> how often.
    """

    def __init__(
        self,
        commands: Commands,
        prefix: str,
        rates: Mapping[str, Rate],
        metrics: WallMetrics,
        now: Callable[[], float] = clock.monotonic,
    ) -> None:
        self._commands = commands
        self._prefix = prefix
        self._metrics = metrics
        self._now = now
        self._local = {what: Limiter(rate, now) for what, rate in rates.items()}
        self._arguments = {
            what: (str(round(rate.interval * 1e6)), str(round(rate.tolerance * 1e6))) for what, rate in rates.items()
        }
        self._failing = False
        self._rests_until = 0.0

    async def check(self, what: str, key: str) -> Verdict:
        """One more of something; it is counted if it is admitted.

        Args:
            what: one of the rates' names.
            key: a network or an id. It is hashed before it leaves the process, so it may be an e-mail address.
        """
        local = self._local[what]
        early = local.wait(key)  # what is too much for one pod is too much for all, and costs Redis nothing
        if not early:
            shared = await self._shared(what, key)
            if shared is None:
                self._metrics.shared_limit_fallback.inc()
            early = shared or local.check(key)  # counted here too, so that an outage of Redis begins with what was
        if early:
            self._metrics.limited(what)
        return Verdict(early)

    async def _shared(self, what: str, key: str) -> float | None:
        """Seconds to wait by Redis; None: it does not answer."""
        now = self._now()
        if now < self._rests_until:
            return None
        if self._failing:
            self._rests_until = now + _REST_SECONDS  # the others do not try until this one knows
        try:
            async with asyncio.timeout(_ANSWER_SECONDS):
                microseconds = await self._run(what, key)
        except (RedisError, OSError, TimeoutError, Unusable) as error:
            if not self._failing:
                _log.warning("shared limits fall back to each pod alone", kind=type(error).__name__)
            self._failing, self._rests_until = True, self._now() + _REST_SECONDS
            return None
        if self._failing:
            _log.info("shared limits are shared again")
        self._failing, self._rests_until = False, 0.0
        return microseconds / 1e6

    async def _run(self, what: str, key: str) -> int:
        name = f"{self._prefix}limit:{what}:{hashlib.sha256(key.encode()).hexdigest()[:32]}"
        async with self._commands.client() as client:
            script = client.register_script(_SCRIPT)  # runs by its hash; where Redis has lost it, it is loaded again
            return int(await script(keys=[name], args=self._arguments[what]))
