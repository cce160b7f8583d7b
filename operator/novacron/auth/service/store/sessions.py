"""Sessions and their refresh tokens. Who changes one holds its row; rules are those of the domain."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from novacron.auth.domain.refresh import RefreshToken
from novacron.auth.domain.session import Session
from novacron.auth.service.store import revocations
from novacron.auth.service.store.database import Transaction

_SELECT = """SELECT id::text, user_id::text, rotation, extract(epoch FROM rotated_at)::float8 AS rotated_at,
    extract(epoch FROM last_active_at)::float8 AS last_active_at, extract(epoch FROM created_at)::float8 AS created_at,
    extract(epoch FROM expires_at)::float8 AS expires_at, ended_at IS NOT NULL AS ended
    FROM auth.sessions"""


@dataclass(frozen=True, slots=True)
class Listed:
    """A session as its owner sees it; times in seconds since the epoch."""

    id: str
    created_at: float
    last_active_at: float
    expires_at: float
    network: str
    user_agent: str


@dataclass(frozen=True, slots=True)
class _Id:
    id: str


@dataclass(frozen=True, slots=True)
class _Rotation:
    rotation: int


async def opened(transaction: Transaction, *, person_id: str, seconds: int, network: str, user_agent: str) -> Session:
    """A new one. Who calls holds the person's row, so that no two logins count the same sessions."""
    new = await transaction.first(
        _Id,
        """INSERT INTO auth.sessions (user_id, rotated_at, last_active_at, created_at, expires_at, network, user_agent)
           SELECT %(user)s, at, at, at, at + make_interval(secs => %(seconds)s), %(network)s, %(user_agent)s
           FROM clock_timestamp() AS at RETURNING id::text""",
        user=person_id,
        seconds=seconds,
        network=network,
        user_agent=user_agent,
    )
    found = await by_id(transaction, new.id) if new else None
    assert found is not None  # noqa: S101 - an INSERT of one row returns it
    return found


async def by_id(transaction: Transaction, sid: str) -> Session | None:
    return await transaction.first(Session, _SELECT + " WHERE id = %(id)s", id=sid)


async def locked(transaction: Transaction, sid: str) -> Session | None:
    """As it is once nobody else changes it, until the end of the transaction."""
    await transaction.execute("SELECT FROM auth.sessions WHERE id = %(id)s FOR NO KEY UPDATE", id=sid)
    return await by_id(transaction, sid)


async def unended(transaction: Transaction, person_id: str) -> list[Session]:
    """Also those that are over by the clock and that nobody has ended yet."""
    return await transaction.all(
        Session,
        _SELECT + " WHERE user_id = %(user)s AND ended_at IS NULL ORDER BY id",
        user=person_id,
    )


async def listed(transaction: Transaction, person_id: str, idle: int) -> list[Listed]:
    """Those that go on, newest first."""
    return await transaction.all(
        Listed,
        """SELECT id::text, extract(epoch FROM created_at)::float8 AS created_at, network, user_agent,
                  extract(epoch FROM last_active_at)::float8 AS last_active_at,
                  extract(epoch FROM expires_at)::float8 AS expires_at
           FROM auth.sessions
           WHERE user_id = %(user)s AND ended_at IS NULL AND expires_at > now()
             AND last_active_at > now() - make_interval(secs => %(idle)s)
           ORDER BY sessions.created_at DESC, sessions.id""",
        user=person_id,
        idle=idle,
    )


async def end(transaction: Transaction, sids: Sequence[str], reason: str) -> list[str]:
    """Those of them that went on, and that end now; others are told."""
    ended = await transaction.all(
        _Id,
        """WITH these AS MATERIALIZED (
               SELECT id FROM auth.sessions WHERE id = ANY (%(sids)s::uuid[]) AND ended_at IS NULL
               ORDER BY id FOR NO KEY UPDATE)
           UPDATE auth.sessions s SET ended_at = clock_timestamp(), end_reason = %(reason)s FROM these
           WHERE s.id = these.id RETURNING s.id::text""",
        sids=list(sids),
        reason=reason,
    )
    await revocations.sessions_ended(transaction, [one.id for one in ended])
    return [one.id for one in ended]


async def end_all(transaction: Transaction, person_id: str, reason: str) -> list[str]:
    return await end(transaction, [one.id for one in await unended(transaction, person_id)], reason)


async def rotated(transaction: Transaction, sid: str, rotation: int) -> int | None:
    """Compares and sets: the new claim rot, told to others; None: somebody else was first, or the session has ended."""
    found = await transaction.first(
        _Rotation,
        """UPDATE auth.sessions
           SET rotation = rotation + 1, rotated_at = clock_timestamp(), last_active_at = clock_timestamp()
           WHERE id = %(id)s AND rotation = %(rotation)s AND ended_at IS NULL RETURNING rotation""",
        id=sid,
        rotation=rotation,
    )
    if found is None:
        return None
    await revocations.session_rotated(transaction, sid, found.rotation)
    return found.rotation


async def touched(transaction: Transaction, seen: Mapping[str, float], idle: int) -> None:
    """Moves ``last_active_at`` forward, never beyond now; what was idle too long by then stays so.

    Args:
        seen: id -> seconds since the epoch.
        idle: seconds.
    """
    await transaction.execute(
        """WITH seen AS (SELECT id, least(to_timestamp(at), clock_timestamp()) AS at
                         FROM unnest(%(ids)s::uuid[], %(at)s::float8[]) AS given (id, at)),
                these AS MATERIALIZED (
                    SELECT s.id, seen.at FROM auth.sessions s JOIN seen ON seen.id = s.id
                    WHERE s.ended_at IS NULL AND s.last_active_at < seen.at
                      AND s.last_active_at > seen.at - make_interval(secs => %(idle)s)
                    ORDER BY s.id FOR NO KEY UPDATE OF s)
           UPDATE auth.sessions s SET last_active_at = these.at FROM these
           WHERE s.id = these.id AND s.last_active_at < these.at""",
        ids=list(seen),
        at=list(seen.values()),
        idle=idle,
    )


async def end_idle(transaction: Transaction, idle: int, limit: int) -> list[str]:
    """Ends those that were idle too long, so that others hear of it; leaves alone what another pod is at."""
    ended = await transaction.all(
        _Id,
        """WITH these AS MATERIALIZED (
               SELECT id FROM auth.sessions
               WHERE ended_at IS NULL AND expires_at > now()
                 AND last_active_at < now() - make_interval(secs => %(idle)s)
               ORDER BY id LIMIT %(limit)s FOR NO KEY UPDATE SKIP LOCKED)
           UPDATE auth.sessions s SET ended_at = clock_timestamp(), end_reason = 'idle' FROM these
           WHERE s.id = these.id RETURNING s.id::text""",
        idle=idle,
        limit=limit,
    )
    await revocations.sessions_ended(transaction, [one.id for one in ended])
    return [one.id for one in ended]


async def add_token(transaction: Transaction, sid: str, sha256: bytes, seconds: int) -> None:
    """A refresh token, which never outlives its session."""
    await transaction.execute(
        """INSERT INTO auth.refresh_tokens (sha256, session_id, expires_at)
           SELECT %(sha256)s, id, least(expires_at, clock_timestamp() + make_interval(secs => %(seconds)s))
           FROM auth.sessions WHERE id = %(id)s""",
        id=sid,
        sha256=sha256,
        seconds=seconds,
    )


async def token(transaction: Transaction, sha256: bytes) -> RefreshToken | None:
    return await transaction.first(
        RefreshToken,
        """SELECT session_id::text, extract(epoch FROM expires_at)::float8 AS expires_at,
                  extract(epoch FROM used_at)::float8 AS used_at, successor
           FROM auth.refresh_tokens WHERE sha256 = %(sha256)s""",
        sha256=sha256,
    )


async def use_token(transaction: Transaction, sha256: bytes, successor: bytes) -> None:
    """Who calls holds the session's row and has seen that nobody used it."""
    await transaction.execute(
        """UPDATE auth.refresh_tokens SET used_at = clock_timestamp(), successor = %(successor)s
           WHERE sha256 = %(sha256)s""",
        sha256=sha256,
        successor=successor,
    )


async def forget_successors(transaction: Transaction, seconds: int) -> int:
    """Answers that nobody may repeat any more; how many."""
    return await transaction.execute(
        """UPDATE auth.refresh_tokens SET successor = NULL
           WHERE successor IS NOT NULL AND used_at < clock_timestamp() - make_interval(secs => %(seconds)s)""",
        seconds=seconds,
    )
