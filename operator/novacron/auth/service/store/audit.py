"""The audit log's table: rows are added and read, never changed (decisions.md 30)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import psycopg
from psycopg.types.json import Jsonb

from novacron.auth.service.store.database import Transaction, Unavailable


async def add(
    transaction: Transaction,
    type: str,  # noqa: A002 - the column's name
    *,
    organization_id: str | None,
    subject: str | None,
    object: str | None,  # noqa: A002 - the column's name
    network: str | None,
    request_id: str | None,
    details: Mapping[str, Any],
) -> None:
    """One row, in the transaction of what it tells of: neither is there without the other.

    Args:
        subject: who did it: an id, never an e-mail address.
        object: what it was done to: an id.
        network: an IPv4 address or an IPv6 /64.

    Raises:
        Unavailable: there is no partition for this month: ``novacron migrate --upkeep`` makes them.
    """
    try:
        await transaction.execute(
            """INSERT INTO auth.audit (type, organization_id, subject, object, network, request_id, details)
               VALUES (%(type)s, %(organization)s, %(subject)s, %(object)s, %(network)s, %(request)s, %(details)s)""",
            type=type,
            organization=organization_id,
            subject=subject,
            object=object,
            network=network,
            request=request_id,
            details=Jsonb(dict(details)),
        )
    except psycopg.errors.CheckViolation:
        raise Unavailable("AuditPartitionMissing") from None
