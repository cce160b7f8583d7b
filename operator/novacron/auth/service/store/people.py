"""People as login, refresh and the wall see them. Creating and changing them: administration."""

from __future__ import annotations

from dataclasses import dataclass, field

from novacron.auth.service.store import revocations, sessions
from novacron.auth.service.store.database import Transaction

_SELECT = """SELECT u.id::text, u.email, u.role, u.organization_id::text, u.password_hash,
    u.status = 'active' AND coalesce(o.active, true) AS active,
    u.password_expires_at IS NOT NULL AS one_time,
    coalesce(u.password_expires_at <= clock_timestamp(), false) AS password_expired,
    extract(epoch FROM u.tokens_not_before)::float8 AS tokens_not_before,
    extract(epoch FROM clock_timestamp())::float8 AS read_at
    FROM auth.users u LEFT JOIN auth.organizations o ON o.id = u.organization_id"""


@dataclass(frozen=True, slots=True)
class Person:
    """One row.

    Args:
        active: the person, and the organization too.
        one_time: whether somebody else made the password, so that it must be changed before anything else.
        password_expired: whether the time for that is over.
        tokens_not_before: access tokens issued earlier are refused; seconds since the epoch, or minus infinity.
        read_at: the database's time then, in seconds since the epoch.
    """

    id: str
    email: str = field(repr=False)
    role: str
    organization_id: str | None
    password_hash: str = field(repr=False)
    active: bool
    one_time: bool
    password_expired: bool
    tokens_not_before: float
    read_at: float


@dataclass(frozen=True, slots=True)
class CutOff:
    """From when on access tokens count, in seconds since the epoch, and whether there will be new ones."""

    not_before: float
    active: bool


async def by_email(transaction: Transaction, email: str) -> Person | None:
    """Args:
    email: in the form of ``domain.password.email_key``.
    """
    return await transaction.first(Person, _SELECT + " WHERE lower(u.email) = lower(%(email)s)", email=email)


async def by_id(transaction: Transaction, person_id: str) -> Person | None:
    return await transaction.first(Person, _SELECT + " WHERE u.id = %(id)s", id=person_id)


async def locked(transaction: Transaction, person_id: str) -> Person | None:
    """As it is once nobody else changes it, until the end of the transaction: logins of one person queue here."""
    await _lock(transaction, person_id)
    return await by_id(transaction, person_id)


async def logged_in(transaction: Transaction, person_id: str) -> None:
    await transaction.execute("UPDATE auth.users SET last_login = now() WHERE id = %(id)s", id=person_id)


async def rehashed(transaction: Transaction, person_id: str, password_hash: str) -> None:
    """The same password under newer parameters. Who calls holds the row, and has seen that it was not changed."""
    await transaction.execute(
        "UPDATE auth.users SET password_hash = %(hash)s WHERE id = %(id)s", id=person_id, hash=password_hash
    )


async def set_password(
    transaction: Transaction, person_id: str, password_hash: str, *, expires_in: int | None = None
) -> None:
    """Args:
    expires_in: seconds in which a one-time password must be changed; None: the person chose it.
    """
    await transaction.execute(
        """UPDATE auth.users SET password_hash = %(hash)s, updated_at = now(),
               password_expires_at = now() + make_interval(secs => %(seconds)s)
           WHERE id = %(id)s""",
        id=person_id,
        hash=password_hash,
        seconds=expires_in,
    )


async def refuse_tokens(transaction: Transaction, person_id: str) -> None:
    """Access tokens issued up to now are refused everywhere; sessions go on, and refresh to new ones.

    What a change of role needs, and a change of status, after the row has it. Claims count whole seconds, so the bound
    is the next one, and whoever issues a token dates it no earlier (``issuing``).
    """
    await _lock(transaction, person_id)  # first: the time must be that after the wait for whoever issues a token now
    cut = await transaction.first(
        CutOff,
        """UPDATE auth.users SET tokens_not_before = date_trunc('second', clock_timestamp()) + interval '1 s'
           WHERE id = %(id)s
           RETURNING extract(epoch FROM tokens_not_before)::float8 AS not_before, status = 'active' AS active""",
        id=person_id,
    )
    if cut is not None:
        await revocations.subject_cut_off(transaction, person_id, cut.not_before, active=cut.active)


async def cut_off(transaction: Transaction, person_id: str, reason: str) -> list[str]:
    """Ends all sessions and refuses all access tokens: what a new password and a deactivation need.

    Args:
        reason: a word for ``sessions.end_reason``.

    Returns:
        Ids of the sessions that ended.
    """
    await _lock(transaction, person_id)
    ended = await sessions.end_all(transaction, person_id, reason)
    await refuse_tokens(transaction, person_id)
    return ended


async def _lock(transaction: Transaction, person_id: str) -> None:
    await transaction.execute("SELECT FROM auth.users WHERE id = %(id)s FOR NO KEY UPDATE", id=person_id)
