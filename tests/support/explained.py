"""What PostgreSQL would do for a list of query: the plan of the very statement, with values or kept for all of them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, LiteralString, TypeVar

import psycopg

from novacron.query.service.store.database import Transaction
from novacron.query.service.store.page import Page
from tests.support.database import Database, Login

_VALUE = re.compile(r"%\((\w+)\)s")
R = TypeVar("R")
Node = dict[str, Any]


class Explained(Transaction):
    """Explains pages instead of reading them; whatever else is asked, it does.

    The session's ``plan_cache_mode`` says which plan: EXECUTE takes the values' own, as five times before it keeps one,
    unless told otherwise.
    """

    def __init__(self, connection: psycopg.AsyncConnection[Any]) -> None:
        super().__init__(connection)
        self.plan: Node = {}

    async def first(self, kind: type[R], statement: LiteralString, /, **values: Any) -> R | None:
        if kind is not Page:
            return await super().first(kind, statement, **values)
        names = list(values)
        numbered = _VALUE.sub(lambda match: f"${names.index(match[1]) + 1}", statement)
        given = ", ".join(["%s"] * len(names))
        async with psycopg.AsyncClientCursor(self.connection) as cursor:
            await cursor.execute(f"PREPARE explained AS {numbered}".encode())
            explain = f"EXPLAIN (ANALYZE, BUFFERS, TIMING OFF, FORMAT JSON) EXECUTE explained ({given})"
            await cursor.execute(explain.encode(), list(values.values()))
            row = await cursor.fetchone()
            await cursor.execute("DEALLOCATE explained")
        assert row is not None
        self.plan = row[0][0]
        return None

    @property
    def milliseconds(self) -> float:
        """Of the execution, without a clock for each node."""
        return float(self.plan["Execution Time"])

    @property
    def buffers(self) -> int:
        """Pages of 8 KiB that were touched."""
        top = self.plan["Plan"]
        return int(top["Shared Hit Blocks"] + top["Shared Read Blocks"])

    def nodes(self) -> Iterator[Node]:
        """Of the plan, from the top."""
        waiting = [self.plan["Plan"]]
        while waiting:
            node = waiting.pop()
            yield node
            waiting += node.get("Plans", ())


async def connected(database: Database, login: Login) -> psycopg.AsyncConnection[Any]:
    """A session of a workload's login, in autocommit mode."""
    return await psycopg.AsyncConnection.connect(
        host="127.0.0.1",
        port=database.server.port,
        dbname=database.name,
        user=login.name,
        password=login.password,
        autocommit=True,
    )
