"""People as administrators see them; as login and the wall see them: ``people``."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from novacron.auth.service.store.administration import unique
from novacron.auth.service.store.database import Transaction

_SELECT = """SELECT id::text, organization_id::text, email, username, role, status, last_login, password_expires_at,
    created_at, updated_at, (extract(epoch FROM updated_at) * 1000000)::int8 AS version,
    (extract(epoch FROM created_at) * 1000000)::int8 AS position
    FROM auth.users"""


@dataclass(frozen=True, slots=True)
class UserRow:
    """Args:
    password_expires_at: of a one-time password; None: its owner chose it.
    version: when it was changed last, in microseconds since the epoch.
    position: when it was made, likewise.
    """

    id: str
    organization_id: str | None
    email: str = field(repr=False)
    username: str = field(repr=False)
    role: str
    status: str
    last_login: datetime | None
    password_expires_at: datetime | None
    created_at: datetime
    updated_at: datetime
    version: int
    position: int


@dataclass(frozen=True, slots=True)
class UserFilter:
    """None: whatever it is."""

    organization_id: str | None = None
    email: str | None = field(default=None, repr=False)
    role: str | None = None
    status: str | None = None


@dataclass(frozen=True, slots=True)
class _Id:
    id: str


@dataclass(frozen=True, slots=True)
class _Found:
    found: bool


async def by_id(transaction: Transaction, user_id: str) -> UserRow | None:
    return await transaction.first(UserRow, _SELECT + " WHERE id = %(id)s", id=user_id)


async def locked(transaction: Transaction, user_id: str) -> UserRow | None:
    """As it is once nobody else changes it, until the end of the transaction."""
    return await transaction.first(UserRow, _SELECT + " WHERE id = %(id)s FOR NO KEY UPDATE", id=user_id)


async def listed(
    transaction: Transaction, wanted: UserFilter, limit: int, after: tuple[int, str] | None
) -> list[UserRow]:
    """In the order in which they were made.

    Args:
        after: position and id of the last one that was seen.
    """
    at, last = after or (None, None)
    return await transaction.all(
        UserRow,
        _SELECT
        + """
        WHERE (%(organization)s::uuid IS NULL OR organization_id = %(organization)s)
          AND (%(email)s::text IS NULL OR lower(email) = lower(%(email)s))
          AND (%(role)s::text IS NULL OR role = %(role)s)
          AND (%(status)s::text IS NULL OR status = %(status)s)
          AND (%(at)s::int8 IS NULL
               OR (created_at, id) > (timestamptz 'epoch' + %(at)s * interval '1 microsecond', %(last)s::uuid))
        ORDER BY auth.users.created_at, auth.users.id LIMIT %(limit)s""",
        organization=wanted.organization_id,
        email=wanted.email,
        role=wanted.role,
        status=wanted.status,
        at=at,
        last=last,
        limit=limit,
    )


async def added(
    transaction: Transaction,
    *,
    organization_id: str | None,
    email: str,
    username: str,
    role: str,
    password_hash: str,
    password_seconds: int | None,
) -> UserRow:
    """A new one. Raises ``Taken``.

    Args:
        password_seconds: in which a one-time password must be used; None: it is no such password.
    """
    with unique("email"):
        new = await transaction.first(
            _Id,
            """INSERT INTO auth.users (organization_id, email, username, role, password_hash, password_expires_at)
               VALUES (%(organization)s, %(email)s, %(username)s, %(role)s, %(hash)s,
                       now() + make_interval(secs => %(seconds)s))
               RETURNING id::text""",
            organization=organization_id,
            email=email,
            username=username,
            role=role,
            hash=password_hash,
            seconds=password_seconds,
        )
    found = await by_id(transaction, new.id) if new else None
    assert found is not None  # noqa: S101 - an INSERT of one row returns it
    return found


async def change(transaction: Transaction, wanted: UserRow) -> None:
    """What an administrator may change of it. Who calls holds the row. Its tokens are another matter: ``people``."""
    await transaction.execute(
        """UPDATE auth.users SET organization_id = %(organization)s, username = %(username)s, role = %(role)s,
               status = %(status)s, updated_at = clock_timestamp()
           WHERE id = %(id)s""",
        id=wanted.id,
        organization=wanted.organization_id,
        username=wanted.username,
        role=wanted.role,
        status=wanted.status,
    )


async def platform_admin_exists(transaction: Transaction) -> bool:
    """Whether one can log in: active, and not with a one-time password whose time is over."""
    found = await transaction.first(
        _Found,
        """SELECT EXISTS (
               SELECT FROM auth.users WHERE role = 'platform-admin' AND status = 'active'
                 AND (password_expires_at IS NULL OR password_expires_at > clock_timestamp())) AS found""",
    )
    return found is not None and found.found
