"""Service accounts as the token endpoint and the wall see them. Creating and changing them: administration."""

from __future__ import annotations

from dataclasses import dataclass, field

from novacron.auth.service.store import revocations
from novacron.auth.service.store.database import Transaction
from novacron.auth.service.store.people import CutOff


@dataclass(frozen=True, slots=True)
class Account:
    """One row.

    Args:
        id: also the client_id.
        active: the account, and its organization too.
        tokens_not_before: access tokens issued earlier are refused; seconds since the epoch, or minus infinity.
        read_at: the database's time then, in seconds since the epoch.
    """

    id: str
    organization_id: str
    secret_sha256: bytes = field(repr=False)
    scopes: list[str]
    active: bool
    tokens_not_before: float
    read_at: float


async def by_id(transaction: Transaction, account_id: str) -> Account | None:
    return await transaction.first(
        Account,
        """SELECT a.id::text, a.organization_id::text, a.secret_sha256, a.scopes, a.active AND o.active AS active,
                  extract(epoch FROM a.tokens_not_before)::float8 AS tokens_not_before,
                  extract(epoch FROM clock_timestamp())::float8 AS read_at
           FROM auth.service_accounts a JOIN auth.organizations o ON o.id = a.organization_id
           WHERE a.id = %(id)s""",
        id=account_id,
    )


async def locked(transaction: Transaction, account_id: str) -> Account | None:
    """As it is once nobody else changes it, until the end of the transaction."""
    await _lock(transaction, account_id)
    return await by_id(transaction, account_id)


async def used(transaction: Transaction, account_id: str) -> None:
    await transaction.execute("UPDATE auth.service_accounts SET last_used = now() WHERE id = %(id)s", id=account_id)


async def refuse_tokens(transaction: Transaction, account_id: str) -> None:
    """Access tokens issued up to now are refused everywhere: what a new secret, other scopes, a deactivation need."""
    await _lock(transaction, account_id)  # first: the time must be that after the wait for whoever issues a token now
    cut = await transaction.first(
        CutOff,
        """UPDATE auth.service_accounts
           SET tokens_not_before = date_trunc('second', clock_timestamp()) + interval '1 s'
           WHERE id = %(id)s RETURNING extract(epoch FROM tokens_not_before)::float8 AS not_before, active""",
        id=account_id,
    )
    if cut is not None:
        await revocations.subject_cut_off(transaction, account_id, cut.not_before, active=cut.active)


async def _lock(transaction: Transaction, account_id: str) -> None:
    await transaction.execute("SELECT FROM auth.service_accounts WHERE id = %(id)s FOR NO KEY UPDATE", id=account_id)
