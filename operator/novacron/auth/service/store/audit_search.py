"""Reads the audit log's table; writing it: ``audit``."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from novacron.auth.service.store.database import Transaction


@dataclass(frozen=True, slots=True)
class AuditRow:
    """Args:
    position: when it happened, in microseconds since the epoch.
    """

    id: int
    at: datetime
    type: str
    organization_id: str | None
    subject: str | None
    object: str | None
    network: str | None
    request_id: str | None
    details: dict[str, Any]
    position: int


@dataclass(frozen=True, slots=True)
class AuditFilter:
    """None: whatever it is.

    Args:
        since: that moment too.
        until: that moment no more.
    """

    type: str | None = None
    subject: str | None = None
    object: str | None = None
    organization_id: str | None = None
    since: datetime | None = None
    until: datetime | None = None


async def found(
    transaction: Transaction, wanted: AuditFilter, limit: int, before: tuple[int, int] | None
) -> list[AuditRow]:
    """The newest first.

    Args:
        before: position and id of the last one that was seen.
    """
    at, last = before or (None, None)
    return await transaction.all(
        AuditRow,
        """SELECT id, at, type, organization_id::text, subject, object, network, request_id, details,
                  (extract(epoch FROM at) * 1000000)::int8 AS position
           FROM auth.audit
           WHERE (%(type)s::text IS NULL OR type = %(type)s)
             AND (%(subject)s::text IS NULL OR subject = %(subject)s)
             AND (%(object)s::text IS NULL OR object = %(object)s)
             AND (%(organization)s::uuid IS NULL OR organization_id = %(organization)s)
             AND (%(since)s::timestamptz IS NULL OR at >= %(since)s)
             AND (%(until)s::timestamptz IS NULL OR at < %(until)s)
             AND (%(at)s::int8 IS NULL
                  OR (at, id) < (timestamptz 'epoch' + %(at)s * interval '1 microsecond', %(last)s::int8))
           ORDER BY at DESC, id DESC LIMIT %(limit)s""",
        type=wanted.type,
        subject=wanted.subject,
        object=wanted.object,
        organization=wanted.organization_id,
        since=wanted.since,
        until=wanted.until,
        at=at,
        last=last,
        limit=limit,
    )
