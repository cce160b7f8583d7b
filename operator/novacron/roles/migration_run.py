"""One run of ``novacron migrate``: what is done in which order, and which report it ends with."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field

import psycopg
import structlog

from novacron.adapters import clock, database_roles, migrations
from novacron.adapters.libpq import Server
from novacron.adapters.maintenance import LockHeld, Session, exclusive, failure, session
from novacron.adapters.mounted import Directory
from novacron.adapters.schema import MigrationError, MigrationRefused, files, shown
from novacron.auth.service import upkeep as auth_upkeep
from novacron.core.dependencies import Unusable
from novacron.core.migration import Outcome, Report
from novacron.workload.service import findings
from novacron.workload.service.database import login
from novacron.workload.service.settings import DatabaseSettings, MigrationSettings

_APPLICATION = "novacron-migrate"
_RETRY_SECONDS = 2.0
_AHEAD: Mapping[str, Callable[[Session], None]] = {"auth": auth_upkeep.make_partitions}
_UPKEEP: Mapping[str, Callable[[Session], None]] = {"auth": auth_upkeep.keep}
"""Schema -> what keeps it; one without an entry needs nothing."""

_log = structlog.get_logger(__name__)


@dataclass(slots=True)
class _Progress:
    """How far the run came, whatever ends it."""

    schemas: dict[str, str] = field(default_factory=dict)
    applied: int = 0

    def report(self, outcome: Outcome, reason: str, message: str) -> Report:
        return Report(outcome, reason, message, self.schemas, self.applied)


def run(settings: MigrationSettings, wait: float, *, upkeep: bool) -> Report:
    """Never raises for what the database is or says.

    Args:
        wait: seconds for the database to answer, and again for another run to end.
    """
    progress = _Progress()
    schemas: Sequence[str] = [schema for schema in ("auth", "query") if schema in settings.schemas and files(schema)]
    try:
        with ExitStack() as stack:
            connection = _connected(stack, settings.database, wait)
            if upkeep:
                return _keep(connection, schemas, progress)
            return _migrate(connection, schemas, settings.shared_logins, wait, progress)
    except MigrationRefused as error:
        return progress.report("refused", error.reason, str(error))
    except MigrationError as error:
        return progress.report("failed", error.reason, str(error))
    except Unusable as error:
        said = _said(settings.database, error)
        return progress.report("unreachable", error.reason, said)


def _migrate(
    connection: Session, schemas: Sequence[str], shared: Sequence[str], wait: float, progress: _Progress
) -> Report:
    with exclusive(connection, wait):
        database_roles.prepare(connection, schemas, shared)
        for schema in schemas:
            _look(connection, schema, progress)
            for done in migrations.migrate(connection, schema):
                progress.schemas[schema] = done
                progress.applied += 1
            _worked(connection, _AHEAD, schema)
    if progress.applied:
        return progress.report("migrated", "Migrated", f"{progress.applied} migrations were applied")
    return progress.report("current", "Current", "there was nothing to apply")


def _keep(connection: Session, schemas: Sequence[str], progress: _Progress) -> Report:
    try:
        with exclusive(connection, 0):
            database_roles.act(connection)
            for schema in schemas:
                _look(connection, schema, progress)
                needed = files(schema)[-1].id
                if progress.schemas[schema] < needed:
                    text = f"schema {schema} is not at {needed} yet: novacron migrate brings it there"
                    return progress.report("skipped", "SchemaOlder", text)
                _worked(connection, _UPKEEP, schema)
    except LockHeld as error:
        return progress.report("skipped", "MigrationRunning", str(error))
    except MigrationRefused as error:
        if error.reason != "SchemaOlder":
            raise
        return progress.report("skipped", error.reason, str(error))
    return progress.report("kept", "Kept", "partitions and retention are in order")


def _look(connection: Session, schema: str, progress: _Progress) -> None:
    there = migrations.applied(connection, schema)
    progress.schemas[schema] = shown(there[-1].id) if there else ""


def _worked(connection: Session, work: Mapping[str, Callable[[Session], None]], schema: str) -> None:
    try:
        if schema in work:
            work[schema](connection)
    except psycopg.Error as error:
        raise failure(error, f"the upkeep of schema {schema}") from None


def _connected(stack: ExitStack, database: DatabaseSettings, wait: float) -> Session:
    """With what is mounted at each attempt: a password that was just changed reaches its file later.

    Raises:
        Unusable: not in time; the reason of the last attempt.
    """
    server = Server(database.host, database.port, database.name, database.ssl_mode, _APPLICATION)
    deadline, told = clock.monotonic() + wait, ""
    while True:
        try:
            return stack.enter_context(session(server, login(Directory(database.credentials).read()[1])))
        except Unusable as error:
            if clock.monotonic() >= deadline:
                raise
            if error.reason != told:
                told = error.reason
                _log.info("the database is tried again", reason=told, why=_said(database, error))
        time.sleep(_RETRY_SECONDS)


def _said(database: DatabaseSettings, error: Unusable) -> str:
    where = f"{database.host}:{database.port}"
    return findings.refused("database", error, where=where, secret=database.secret).message
