"""What all acts of administration share: they are done one after the other, and names are taken or not.

One lock for the whole database: acts are few, and so none of them is decided on what another one is about to change.
It is the first of the locks that ``revocations`` puts in an order.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

from novacron.auth.service.store.database import Transaction
from novacron.core.errors import NovaCronError

_LOCK = int.from_bytes(b"novaadm1", "big")
"""Ours alone among the advisory locks of this database."""


class Taken(NovaCronError):
    """Somebody else has the name; the transaction is lost.

    Args:
        field: which one.
    """

    def __init__(self, field: str) -> None:
        super().__init__(f"{field}: is taken; choose another one")
        self.field = field


async def lock(transaction: Transaction) -> None:
    """Until the end of the transaction."""
    await transaction.execute("SELECT pg_advisory_xact_lock(%(key)s)", key=_LOCK)


@contextmanager
def unique(field: str) -> Iterator[None]:
    """Around a statement that stores a name. Raises ``Taken``."""
    try:
        yield
    except psycopg.errors.UniqueViolation:
        raise Taken(field) from None
