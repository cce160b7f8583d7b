from __future__ import annotations

import psycopg
import pytest
from psycopg import errors

from novacron.adapters.maintenance import failure
from novacron.adapters.schema import MigrationFailed
from novacron.core.dependencies import Unusable
from novacron.core.migration import REASONS


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (errors.UniqueViolation("canary: Key (email)=(canary) already exists"), "StatementFailed"),
        (errors.InvalidTextRepresentation('invalid input syntax for type integer: "canary"'), "StatementFailed"),
        (errors.RaiseException("canary"), "StatementFailed"),
        (errors.UndefinedTable("canary"), "StatementFailed"),
        (errors.LockNotAvailable("canary"), "LockTimeout"),
        (errors.AdminShutdown("canary"), "NotServing"),
        (errors.ConnectionFailure("canary"), "Unreachable"),
        (psycopg.OperationalError("the connection is closed: canary"), "Unreachable"),
        (psycopg.InterfaceError("canary"), "Unreachable"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_an_error_becomes_a_reason_without_its_text(error: psycopg.Error, reason: str) -> None:
    found = failure(error, "migration auth/0001-x, statement 3")
    assert isinstance(found, MigrationFailed | Unusable)
    assert found.reason == reason
    assert reason in REASONS
    assert "canary" not in str(found)
    if reason == "StatementFailed":
        assert f"statement 3: SQLSTATE {error.sqlstate} {type(error).__name__}" in str(found)
