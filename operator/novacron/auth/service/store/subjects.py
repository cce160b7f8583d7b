"""Whoever an access token names, as far as the wall must know: one look for each request to auth's own routes."""

from __future__ import annotations

from dataclasses import dataclass

from novacron.auth.service.store.database import Transaction


@dataclass(frozen=True, slots=True)
class Subject:
    """Args:
    now: the database's clock, in seconds since the epoch.
    active: the person or service account, and the organization too.
    tokens_not_before: access tokens issued earlier are refused; seconds since the epoch, or minus infinity.
    revoked: whether this one token was revoked.
    """

    now: float
    active: bool
    tokens_not_before: float
    revoked: bool


async def person(transaction: Transaction, person_id: str, jti: str) -> Subject | None:
    return await transaction.first(
        Subject,
        """SELECT extract(epoch FROM clock_timestamp())::float8 AS now,
                  u.status = 'active' AND coalesce(o.active, true) AS active,
                  extract(epoch FROM u.tokens_not_before)::float8 AS tokens_not_before,
                  EXISTS (SELECT FROM auth.revocations WHERE jti = %(jti)s) AS revoked
           FROM auth.users u LEFT JOIN auth.organizations o ON o.id = u.organization_id WHERE u.id = %(id)s""",
        id=person_id,
        jti=jti,
    )


async def account(transaction: Transaction, account_id: str, jti: str) -> Subject | None:
    return await transaction.first(
        Subject,
        """SELECT extract(epoch FROM clock_timestamp())::float8 AS now, a.active AND o.active AS active,
                  extract(epoch FROM a.tokens_not_before)::float8 AS tokens_not_before,
                  EXISTS (SELECT FROM auth.revocations WHERE jti = %(jti)s) AS revoked
           FROM auth.service_accounts a JOIN auth.organizations o ON o.id = a.organization_id WHERE a.id = %(id)s""",
        id=account_id,
        jti=jti,
    )
