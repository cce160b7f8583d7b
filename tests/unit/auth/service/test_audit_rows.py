"""Rows of failed logins: of somebody alone, kept while the database is away, and never more than there is room for."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from novacron.auth.service import audit
from novacron.auth.service.audit import Event
from novacron.auth.service.audit_rows import AuditRows
from novacron.auth.service.counts import Counts
from novacron.auth.service.store.database import Transaction
from novacron.workload.service.answers import Unavailable

FAILED = Event(audit.LOGIN_FAILED, "wrong_password", "192.0.2.1", subject="somebody")


class Database:
    """Takes rows, or is away."""

    def __init__(self) -> None:
        self.rows: list[dict[str, Any]] = []
        self.away = False
        self.meanwhile: Callable[[], object] = lambda: None
        """Done while a transaction is open."""

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Transaction]:
        if self.away:
            raise Unavailable("Unreachable")
        database = self

        class Connection:
            rowcount = 1

            async def execute(self, _statement: str, values: dict[str, Any]) -> Connection:
                database.rows.append(values)
                return self

        yield Transaction(Connection(), 0)  # type: ignore[arg-type]
        self.meanwhile()


@pytest.fixture
def database() -> Database:
    return Database()


@pytest.fixture
def counts() -> Counts:
    return Counts(CollectorRegistry())


async def test_only_what_concerns_somebody_becomes_a_row(database: Database, counts: Counts) -> None:
    rows = AuditRows(database, counts)  # type: ignore[arg-type]
    rows.write(FAILED, 3)
    rows.write(Event(audit.LOGIN_FAILED, "unknown_account", "192.0.2.1"), 1000)
    rows.write(Event(audit.LOGIN_SUCCEEDED, subject="somebody"), 1)  # has its row already
    await rows.flush()
    (row,) = database.rows
    assert (row["type"], row["subject"], row["network"]) == ("login_failed", "somebody", "192.0.2.1")
    assert row["details"].obj == {"code": "wrong_password", "count": 3}


async def test_what_waits_is_written_when_the_database_is_back(database: Database, counts: Counts) -> None:
    rows = AuditRows(database, counts)  # type: ignore[arg-type]
    database.away = True
    rows.write(FAILED, 1)
    await rows.flush()
    assert not database.rows
    database.away = False
    await rows.flush()
    await rows.flush()
    assert len(database.rows) == 1


async def test_there_is_room_for_some(database: Database, counts: Counts, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("novacron.auth.service.audit_rows._MOST", 3)
    rows = AuditRows(database, counts)  # type: ignore[arg-type]
    for number in range(5):
        rows.write(Event(audit.LOGIN_FAILED, "wrong_password", f"192.0.2.{number}", subject="somebody"), 1)
    await rows.flush()
    assert [row["network"] for row in database.rows] == ["192.0.2.2", "192.0.2.3", "192.0.2.4"]
    assert counts.audit_rows_lost._value.get() == 2


async def test_what_comes_while_rows_are_written_is_not_taken_for_written(
    database: Database, counts: Counts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("novacron.auth.service.audit_rows._MOST", 3)
    rows = AuditRows(database, counts)  # type: ignore[arg-type]
    for number in range(3):
        rows.write(replace(FAILED, request_id=f"first-{number}"), 1)

    def two_more() -> None:
        for number in range(2):
            rows.write(replace(FAILED, request_id=f"later-{number}"), 1)

    database.meanwhile = two_more
    await rows.flush()
    database.meanwhile = lambda: None
    await rows.flush()
    assert [row["request"] for row in database.rows] == ["first-0", "first-1", "first-2", "later-0", "later-1"]
