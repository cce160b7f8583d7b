"""Service accounts as administrators see them; as the token endpoint and the wall see them: ``accounts``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from novacron.auth.service.store.administration import unique
from novacron.auth.service.store.database import Transaction

_SELECT = """SELECT id::text, organization_id::text, name, scopes, active, last_used, created_at, updated_at,
    (extract(epoch FROM updated_at) * 1000000)::int8 AS version,
    (extract(epoch FROM created_at) * 1000000)::int8 AS position
    FROM auth.service_accounts"""


@dataclass(frozen=True, slots=True)
class AccountRow:
    """Args:
    id: also the client_id.
    version: when it was changed last, in microseconds since the epoch.
    position: when it was made, likewise.
    """

    id: str
    organization_id: str
    name: str
    scopes: list[str]
    active: bool
    last_used: datetime | None
    created_at: datetime
    updated_at: datetime
    version: int
    position: int


@dataclass(frozen=True, slots=True)
class _Id:
    id: str


async def by_id(transaction: Transaction, account_id: str) -> AccountRow | None:
    return await transaction.first(AccountRow, _SELECT + " WHERE id = %(id)s", id=account_id)


async def locked(transaction: Transaction, account_id: str) -> AccountRow | None:
    """As it is once nobody else changes it, until the end of the transaction."""
    return await transaction.first(AccountRow, _SELECT + " WHERE id = %(id)s FOR NO KEY UPDATE", id=account_id)


async def listed(
    transaction: Transaction,
    *,
    organization_id: str | None,
    active: bool | None,
    limit: int,
    after: tuple[int, str] | None,
) -> list[AccountRow]:
    """In the order in which they were made.

    Args:
        organization_id: None: of all.
        active: None: whichever.
        after: position and id of the last one that was seen.
    """
    at, last = after or (None, None)
    return await transaction.all(
        AccountRow,
        _SELECT
        + """
        WHERE (%(organization)s::uuid IS NULL OR organization_id = %(organization)s)
          AND (%(active)s::boolean IS NULL OR active = %(active)s)
          AND (%(at)s::int8 IS NULL
               OR (created_at, id) > (timestamptz 'epoch' + %(at)s * interval '1 microsecond', %(last)s::uuid))
        ORDER BY auth.service_accounts.created_at, auth.service_accounts.id LIMIT %(limit)s""",
        organization=organization_id,
        active=active,
        at=at,
        last=last,
        limit=limit,
    )


async def added(
    transaction: Transaction, *, organization_id: str, name: str, scopes: Sequence[str], secret_sha256: bytes
) -> AccountRow:
    """A new one. Raises ``Taken``."""
    with unique("name"):
        new = await transaction.first(
            _Id,
            """INSERT INTO auth.service_accounts (organization_id, name, scopes, secret_sha256)
               VALUES (%(organization)s, %(name)s, %(scopes)s, %(sha256)s) RETURNING id::text""",
            organization=organization_id,
            name=name,
            scopes=list(scopes),
            sha256=secret_sha256,
        )
    found = await by_id(transaction, new.id) if new else None
    assert found is not None  # noqa: S101 - an INSERT of one row returns it
    return found


async def change(transaction: Transaction, account_id: str, *, name: str, scopes: Sequence[str], active: bool) -> None:
    """Who calls holds the row. Raises ``Taken``."""
    with unique("name"):
        await transaction.execute(
            """UPDATE auth.service_accounts SET name = %(name)s, scopes = %(scopes)s, active = %(active)s,
                   updated_at = clock_timestamp()
               WHERE id = %(id)s""",
            id=account_id,
            name=name,
            scopes=list(scopes),
            active=active,
        )


async def set_secret(transaction: Transaction, account_id: str, secret_sha256: bytes) -> None:
    """The one before opens nothing any more."""
    await transaction.execute(
        """UPDATE auth.service_accounts SET secret_sha256 = %(sha256)s, updated_at = clock_timestamp()
           WHERE id = %(id)s""",
        id=account_id,
        sha256=secret_sha256,
    )
