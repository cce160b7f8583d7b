"""One run of ``novacron migrate``: what is done in which order, and which report it ends with."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

import psycopg
import structlog

from novacron.adapters import clock, database_roles, migrations, structure
from novacron.adapters.libpq import Server
from novacron.adapters.maintenance import LockHeld, Session, exclusive, failure, session
from novacron.adapters.mounted import Directory
from novacron.adapters.schema import MigrationError, MigrationRefused, files, shown
from novacron.auth.service import upkeep as auth_upkeep
from novacron.core.dependencies import Unusable
from novacron.core.migration import Outcome, Report, Upkeep
from novacron.query.service import upkeep as query_upkeep
from novacron.workload.service import findings
from novacron.workload.service.database import login
from novacron.workload.service.settings import DatabaseSettings, MigrationSettings

_APPLICATION = "novacron-migrate"
_RETRY_SECONDS = 2.0

_log = structlog.get_logger(__name__)


@dataclass(slots=True)
class _Progress:
    """How far the run came, whatever ends it."""

    schemas: dict[str, str] = field(default_factory=dict)
    applied: int = 0
    upkeep: Upkeep = field(default_factory=Upkeep)

    def report(self, outcome: Outcome, reason: str, message: str) -> Report:
        return Report(outcome, reason, message, self.schemas, self.applied, self.upkeep)


def run(settings: MigrationSettings, wait: float, *, upkeep: bool) -> Report:
    """Never raises for what the database is or says.

    Args:
        wait: seconds for the database to answer, and again for another run to end.
    """
    progress = _Progress()
    schemas = [schema for schema in ("auth", "query") if schema in settings.schemas]
    try:
        with ExitStack() as stack:
            connection = _connected(stack, settings.database, wait)
            if upkeep:
                return _keep(connection, schemas, settings, progress)
            return _migrate(connection, schemas, settings, wait, progress)
    except MigrationRefused as error:
        return progress.report("refused", error.reason, str(error))
    except MigrationError as error:
        return progress.report("failed", error.reason, str(error))
    except Unusable as error:
        said = _said(settings.database, error)
        return progress.report("unreachable", error.reason, said)


def _migrate(
    connection: Session, schemas: Sequence[str], settings: MigrationSettings, wait: float, progress: _Progress
) -> Report:
    with exclusive(connection, wait):
        database_roles.prepare(connection, schemas, settings.shared_logins)
        for schema in schemas:
            _check(connection, schema, _look(connection, schema, progress))
            for done in migrations.migrate(connection, schema):
                progress.schemas[schema] = done
                progress.applied += 1
            _check(connection, schema, progress.schemas[schema])
        _make_partitions(connection, schemas, settings, progress.upkeep)
    if progress.applied:
        return progress.report("migrated", "Migrated", f"{progress.applied} migrations were applied")
    return progress.report("current", "Current", "there was nothing to apply")


def _keep(connection: Session, schemas: Sequence[str], settings: MigrationSettings, progress: _Progress) -> Report:
    try:
        with exclusive(connection, 0):
            database_roles.act(connection)
            for schema in schemas:
                last, needed = _look(connection, schema, progress), files(schema)[-1].id
                if last < needed:
                    text = f"schema {schema} is not at {needed} yet: novacron migrate brings it there"
                    return progress.report("skipped", "SchemaOlder", text)
                _check(connection, schema, last)
            _make_partitions(connection, schemas, settings, progress.upkeep)
            _clear(connection, schemas, settings, progress.upkeep)
    except LockHeld as error:
        return progress.report("skipped", "MigrationRunning", str(error))
    except MigrationRefused as error:
        if error.reason != "SchemaOlder":
            raise
        return progress.report("skipped", error.reason, str(error))
    return progress.report("kept", "Kept", f"partitions and retention are in order: {progress.upkeep}")


def _look(connection: Session, schema: str, progress: _Progress) -> str:
    """The id of its last migration; empty: it has none."""
    there = migrations.applied(connection, schema)
    progress.schemas[schema] = shown(there[-1].id) if there else ""
    return there[-1].id if there else ""


def _check(connection: Session, schema: str, last: str) -> None:
    """Raises ``MigrationRefused`` where the tables are not ours: SchemaForeign, SchemaDiffers.

    Args:
        last: id of the last migration that was applied. What a newer version made of the tables is not known here.
    """
    if not last and (strange := structure.strange(connection, schema)):
        remedy = "give NovaCron a database of its own, or restore the schema with its table of migrations"
        raise MigrationRefused("SchemaForeign", f"schema {schema} has {strange}, made by no migration: {remedy}")
    if last <= files(schema)[-1].id and (differs := structure.compared(connection, schema, last)):
        remedy = "restore it from a backup, or correct what is named"
        raise MigrationRefused("SchemaDiffers", f"schema {schema} is not what its migrations made: {differs}; {remedy}")


def _make_partitions(connection: Session, schemas: Sequence[str], settings: MigrationSettings, done: Upkeep) -> None:
    """Of all schemas, before anything is dropped: that can take long, and fail."""
    with _telling("the partitions to come"):
        if "auth" in schemas:
            auth_upkeep.make_partitions(connection, done)
        if "query" in schemas:
            query_upkeep.make_partitions(connection, done, settings.retention_seconds)


def _clear(connection: Session, schemas: Sequence[str], settings: MigrationSettings, done: Upkeep) -> None:
    with _telling("what has run out"):
        if "auth" in schemas:
            auth_upkeep.clear(connection, done)
        if "query" in schemas:
            query_upkeep.clear(connection, done, settings.retention_seconds)


@contextmanager
def _telling(what: str) -> Iterator[None]:
    try:
        yield
    except psycopg.Error as error:
        raise failure(error, what) from None


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
