"""The feed of revocations: what other pods must no longer accept (internal port).

Rows are written under one advisory lock that is held until the commit, so that ids become visible in their order: who
has seen one id never misses a smaller one that is committed later. Locks are taken in one order everywhere: a person, a
session, this.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from novacron.auth.service.store.database import Transaction

PAGE = 5000

_LOCK = 0x6E6F766172657631
"""Ours alone among the advisory locks of this database: the letters "novarev1"."""


@dataclass(frozen=True, slots=True)
class Item:
    """One row. Times are seconds since the epoch, those of tokens whole ones."""

    id: int
    sid: str | None
    jti: str | None
    sub: str | None
    rotation: int | None
    not_before: int | None
    active: bool | None
    at: float
    at_microseconds: int
    expires: int


@dataclass(frozen=True, slots=True)
class _Known:
    known: bool


async def sessions_ended(transaction: Transaction, sids: Sequence[str]) -> None:
    if not sids:
        return
    await _lock(transaction)
    await transaction.execute(
        """INSERT INTO auth.revocations (sid, expires_at)
           SELECT sid, clock_timestamp() + make_interval(secs => %(seconds)s) FROM unnest(%(sids)s::uuid[]) AS sid""",
        sids=list(sids),
        seconds=transaction.revocation_seconds,
    )


async def session_rotated(transaction: Transaction, sid: str, rotation: int) -> None:
    """Args:
    rotation: claim rot from now on.
    """
    await _lock(transaction)
    await transaction.execute(
        """INSERT INTO auth.revocations (sid, rotation, expires_at)
           VALUES (%(sid)s, %(rotation)s, clock_timestamp() + make_interval(secs => %(seconds)s))""",
        sid=sid,
        rotation=rotation,
        seconds=transaction.revocation_seconds,
    )


async def token_revoked(transaction: Transaction, jti: str) -> bool:
    """One access token; whether it was not revoked before."""
    await _lock(transaction)
    new = await transaction.execute(
        """INSERT INTO auth.revocations (jti, expires_at)
           SELECT %(jti)s, clock_timestamp() + make_interval(secs => %(seconds)s)
           WHERE NOT EXISTS (SELECT FROM auth.revocations WHERE jti = %(jti)s)""",
        jti=jti,
        seconds=transaction.revocation_seconds,
    )
    return new > 0


async def subject_cut_off(transaction: Transaction, subject: str, not_before: float, *, active: bool) -> None:
    """All access tokens of a person or service account that were issued earlier.

    Args:
        not_before: whole seconds since the epoch; also kept in the subject's own row (``people``, ``accounts``).
        active: whether the subject may get new ones.
    """
    await _lock(transaction)
    await transaction.execute(
        """INSERT INTO auth.revocations (sub, not_before, active, expires_at)
           VALUES (%(sub)s, to_timestamp(%(not_before)s), %(active)s,
                   clock_timestamp() + make_interval(secs => %(seconds)s))""",
        sub=subject,
        not_before=not_before,
        active=active,
        seconds=transaction.revocation_seconds,
    )


async def organization_cut_off(transaction: Transaction, organization_id: str) -> None:
    """All people and service accounts of an organization, as ``subject_cut_off`` does one of them.

    Their own rows have the new bound already; who calls holds them.
    """
    await _lock(transaction)
    await transaction.execute(
        """INSERT INTO auth.revocations (sub, not_before, active, expires_at)
           SELECT one.id, one.tokens_not_before, one.active AND o.active,
                  clock_timestamp() + make_interval(secs => %(seconds)s)
           FROM (SELECT id, organization_id, tokens_not_before, status = 'active' AS active FROM auth.users
                 UNION ALL
                 SELECT id, organization_id, tokens_not_before, active FROM auth.service_accounts) AS one
           JOIN auth.organizations o ON o.id = one.organization_id
           WHERE o.id = %(id)s ORDER BY one.id""",
        id=organization_id,
        seconds=transaction.revocation_seconds,
    )


async def after(transaction: Transaction, id: int) -> list[Item]:  # noqa: A002 - the column's name
    """Unexpired rows with greater ids, in order; one more than ``PAGE`` where there are more."""
    return await transaction.all(
        Item,
        """SELECT id, sid::text, jti, sub::text, rotation, extract(epoch FROM not_before)::int8 AS not_before, active,
                  extract(epoch FROM at)::float8 AS at, (extract(epoch FROM at) * 1000000)::int8 AS at_microseconds,
                  ceil(extract(epoch FROM expires_at))::int8 AS expires
           FROM auth.revocations WHERE id > %(id)s AND expires_at > clock_timestamp() ORDER BY id LIMIT %(limit)s""",
        id=id,
        limit=PAGE + 1,
    )


async def known(transaction: Transaction, id: int, at_microseconds: int) -> bool:  # noqa: A002 - the column's name
    """Whether a row is still there, and not another one with its id: a database restored from a backup counts anew."""
    found = await transaction.first(
        _Known,
        """SELECT (extract(epoch FROM at) * 1000000)::int8 = %(at)s AS known
           FROM auth.revocations WHERE id = %(id)s""",
        id=id,
        at=at_microseconds,
    )
    return found is not None and found.known


async def _lock(transaction: Transaction) -> None:
    transaction.revoked = True
    await transaction.execute("SELECT pg_advisory_xact_lock(%(key)s)", key=_LOCK)
