"""The audit log's table: rows are added and read, never changed."""

from __future__ import annotations

import psycopg
from psycopg.types.json import Jsonb

from novacron.auth.service.audit import Event
from novacron.auth.service.store.database import Transaction
from novacron.workload.service.answers import Unavailable


async def add(transaction: Transaction, event: Event) -> None:
    """One row, in the transaction of what it tells of: neither is there without the other. Its line follows the commit.

    Raises:
        Unavailable: there is no partition for this month: ``novacron migrate --upkeep`` makes them.
    """
    await write(transaction, event, 1)
    transaction.events.append(event)


async def write(transaction: Transaction, event: Event, count: int) -> None:
    """The row alone, of an event that came so often."""
    details: dict[str, str | int] = dict(event.details)
    details |= {"code": event.code} if event.code else {}
    details |= {"session": event.session} if event.session else {}
    details |= {"count": count} if count != 1 else {}
    try:
        await transaction.execute(
            """INSERT INTO auth.audit (type, organization_id, subject, object, network, request_id, details)
               VALUES (%(type)s, %(organization)s, %(subject)s, %(object)s, %(network)s, %(request)s, %(details)s)""",
            type=event.type,
            organization=event.organization or None,
            subject=event.subject or None,
            object=event.object or None,
            network=event.network or None,
            request=event.request_id or None,
            details=Jsonb(details),
        )
    except psycopg.errors.CheckViolation:
        raise Unavailable("AuditPartitionMissing") from None
