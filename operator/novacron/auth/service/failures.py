"""Failed logins of each account and network, counted by all pods together in Redis; while it is away, by each alone.

A key holds hashes only: neither an e-mail address nor who has an account can be read from it.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Any

from redis.exceptions import RedisError

from novacron.adapters import clock
from novacron.adapters.redis import Commands
from novacron.auth.domain import backoff
from novacron.core.dependencies import Unusable

_BEGIN = """
local now = redis.call('TIME')
now = now[1] + now[2] / 1000000
local count = tonumber(redis.call('HGET', KEYS[1], 'count') or 0)
if count > 0 then
  local last = tonumber(redis.call('HGET', KEYS[1], 'last') or 0)
  local left = tonumber(ARGV[math.min(count, #ARGV - 1) + 1]) - math.max(0, now - last)
  if left > 0 then return tostring(left) end
end
redis.call('HSET', KEYS[1], 'count', count + 1, 'last', string.format('%.6f', now))
redis.call('EXPIRE', KEYS[1], ARGV[1])
return '0'
"""
"""As ``backoff.begun``, in one step; what it must know of the rule comes as arguments."""
_TAKE_BACK = "if redis.call('EXISTS', KEYS[1]) == 1 then redis.call('HINCRBY', KEYS[1], 'count', -1) end"
_LONGEST_COUNT = next(count for count in range(1, 100) if backoff.pause(count) == backoff.LONGEST_SECONDS)
_ARGUMENTS = [str(backoff.REMEMBERED_SECONDS), *(str(backoff.pause(count)) for count in range(1, _LONGEST_COUNT + 1))]

_ANSWER_SECONDS = 0.5
_AWAY_SECONDS = 1.0
"""After Redis failed, it is not asked for so long: else every login would wait for its silence."""
_MOST = 10_000
"""Accounts and networks that one pod remembers by itself; the oldest goes first."""


class FailedLogins:
    """Says how long somebody must wait.

    Args:
        prefix: of our keys in Redis.
        away: called when Redis could not be asked.
    """

    def __init__(self, commands: Commands, prefix: str, away: Callable[[], None]) -> None:
        self._commands = commands
        self._prefix = prefix
        self._away = away
        self._asked_again = 0.0
        self._own: OrderedDict[str, backoff.Attempts] = OrderedDict()

    def key(self, account: str, network: str) -> str:
        """Args:
        account: e-mail address or client id, in the form in which it is compared.
        """
        return self._prefix + "login:" + hashlib.sha256(f"{account}\0{network}".encode()).hexdigest()

    async def begin(self, key: str) -> float:
        """Seconds to wait; 0: the attempt may be made, and is counted as failed until ``succeeded``."""
        answer = await self._run(_BEGIN, key, _ARGUMENTS)
        if answer is not None:
            return float(answer)
        attempts, left = backoff.begun(self._own.get(key), clock.monotonic())
        self._keep(key, attempts)
        return left

    async def succeeded(self, key: str) -> None:
        self._own.pop(key, None)
        await self._run("redis.call('DEL', KEYS[1])", key, ())

    async def taken_back(self, key: str) -> None:
        """The attempt could not be judged: an outage of ours is nobody's failure."""
        own = self._own.get(key)
        if own is not None:
            self._keep(key, backoff.Attempts(own.count - 1, own.last))
        await self._run(_TAKE_BACK, key, ())

    def _keep(self, key: str, attempts: backoff.Attempts) -> None:
        self._own[key] = attempts
        self._own.move_to_end(key)
        if len(self._own) > _MOST:
            self._own.popitem(last=False)

    async def _run(self, script: str, key: str, arguments: Sequence[str]) -> Any:
        """The script's answer; None: Redis cannot be asked."""
        if clock.monotonic() < self._asked_again:
            return None
        try:
            async with asyncio.timeout(_ANSWER_SECONDS), self._commands.client() as client:
                return await client.register_script(script)(keys=[key], args=arguments)
        except (Unusable, RedisError, OSError, TimeoutError):
            self._asked_again = clock.monotonic() + _AWAY_SECONDS
            self._away()
            return None
