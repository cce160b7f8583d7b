"""Organizations, and what their end means for all who belong to them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from novacron.auth.service.store import revocations, sessions
from novacron.auth.service.store.administration import unique
from novacron.auth.service.store.database import Transaction

_SELECT = """SELECT id::text, name, active, created_at, updated_at,
    (extract(epoch FROM updated_at) * 1000000)::int8 AS version,
    (extract(epoch FROM created_at) * 1000000)::int8 AS position
    FROM auth.organizations"""


@dataclass(frozen=True, slots=True)
class OrganizationRow:
    """Args:
    version: when it was changed last, in microseconds since the epoch.
    position: when it was made, likewise.
    """

    id: str
    name: str
    active: bool
    created_at: datetime
    updated_at: datetime
    version: int
    position: int


@dataclass(frozen=True, slots=True)
class _Id:
    id: str


async def by_id(transaction: Transaction, organization_id: str) -> OrganizationRow | None:
    return await transaction.first(OrganizationRow, _SELECT + " WHERE id = %(id)s", id=organization_id)


async def by_name(transaction: Transaction, name: str) -> OrganizationRow | None:
    return await transaction.first(OrganizationRow, _SELECT + " WHERE lower(name) = lower(%(name)s)", name=name)


async def locked(transaction: Transaction, organization_id: str) -> OrganizationRow | None:
    """As it is once nobody else changes it or joins it, until the end of the transaction."""
    return await transaction.first(OrganizationRow, _SELECT + " WHERE id = %(id)s FOR UPDATE", id=organization_id)


async def listed(
    transaction: Transaction,
    *,
    organization_id: str | None,
    active: bool | None,
    limit: int,
    after: tuple[int, str] | None,
) -> list[OrganizationRow]:
    """In the order in which they were made.

    Args:
        organization_id: None: all.
        active: None: whichever.
        after: position and id of the last one that was seen.
    """
    at, last = after or (None, None)
    return await transaction.all(
        OrganizationRow,
        _SELECT
        + """
        WHERE (%(id)s::uuid IS NULL OR id = %(id)s)
          AND (%(active)s::boolean IS NULL OR active = %(active)s)
          AND (%(at)s::int8 IS NULL
               OR (created_at, id) > (timestamptz 'epoch' + %(at)s * interval '1 microsecond', %(last)s::uuid))
        ORDER BY auth.organizations.created_at, auth.organizations.id LIMIT %(limit)s""",
        id=organization_id,
        active=active,
        at=at,
        last=last,
        limit=limit,
    )


async def added(transaction: Transaction, name: str) -> OrganizationRow:
    """A new one. Raises ``Taken``."""
    with unique("name"):
        new = await transaction.first(
            _Id, "INSERT INTO auth.organizations (name) VALUES (%(name)s) RETURNING id::text", name=name
        )
    found = await by_id(transaction, new.id) if new else None
    assert found is not None  # noqa: S101 - an INSERT of one row returns it
    return found


async def change(transaction: Transaction, organization_id: str, *, name: str, active: bool) -> None:
    """Who calls holds the row. Raises ``Taken``."""
    with unique("name"):
        await transaction.execute(
            """UPDATE auth.organizations SET name = %(name)s, active = %(active)s, updated_at = clock_timestamp()
               WHERE id = %(id)s""",
            id=organization_id,
            name=name,
            active=active,
        )


async def refuse_tokens(transaction: Transaction, organization_id: str) -> None:
    """Access tokens of all its people and service accounts that were issued up to now are refused everywhere.

    What a change of ``active`` needs, after the row has it. Set by set, since there may be many.
    """
    await transaction.execute(
        "SELECT FROM auth.users WHERE organization_id = %(id)s ORDER BY id FOR NO KEY UPDATE", id=organization_id
    )
    await transaction.execute(
        "SELECT FROM auth.service_accounts WHERE organization_id = %(id)s ORDER BY id FOR NO KEY UPDATE",
        id=organization_id,
    )
    await transaction.execute(
        """UPDATE auth.users SET tokens_not_before = date_trunc('second', clock_timestamp()) + interval '1 s'
           WHERE organization_id = %(id)s""",
        id=organization_id,
    )
    await transaction.execute(
        """UPDATE auth.service_accounts
           SET tokens_not_before = date_trunc('second', clock_timestamp()) + interval '1 s'
           WHERE organization_id = %(id)s""",
        id=organization_id,
    )
    await revocations.organization_cut_off(transaction, organization_id)


async def end_sessions(transaction: Transaction, organization_id: str, reason: str) -> None:
    """Of all its people. Who calls holds the organization's row, so that nobody joins meanwhile."""
    await transaction.execute(  # a login under way holds the person's row: its session is to be seen, too
        "SELECT FROM auth.users WHERE organization_id = %(id)s ORDER BY id FOR NO KEY UPDATE", id=organization_id
    )
    open_ = await transaction.all(
        _Id,
        """SELECT s.id::text FROM auth.sessions s JOIN auth.users u ON u.id = s.user_id
           WHERE u.organization_id = %(id)s AND s.ended_at IS NULL ORDER BY s.id""",
        id=organization_id,
    )
    await sessions.end(transaction, [one.id for one in open_], reason)
