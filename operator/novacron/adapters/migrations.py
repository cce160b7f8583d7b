"""SQL files as migrations, forward only: read, split, run and noted down by yoyo, on one session of ours.

What the library does otherwise is overridden here, and why is in docs/decisions/0016: it would connect a second time,
keep its own lock in a table, and note a migration down after its transaction instead of in it.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import psycopg
import structlog
from psycopg import errors, sql
from yoyo.backends.core.postgresql import PostgresqlPsycopgBackend
from yoyo.connections import DatabaseURI
from yoyo.migrations import Migration

from novacron.adapters import clock
from novacron.adapters.maintenance import Session, bound, failure
from novacron.adapters.schema import MIGRATIONS, TABLE, Applied, File, files, pending

_TRANSACTION = {"statement": "5min", "lock": "5s"}
"""A statement that waits for a table's lock makes all later users of the table wait behind it: not for long."""
_CONCURRENT = {"statement": "1h", "lock": "0"}
"""An index built concurrently shuts nobody out, but waits for every transaction older than itself."""
_ATTEMPTS = 6
_PAUSE_SECONDS = 2.0
"""Between attempts at a lock, in which those who waited behind us get on."""
CONCURRENT_INDEX = re.compile(
    r"\bCREATE\s+(?:UNIQUE\s+)?INDEX\s+CONCURRENTLY\s+IF\s+NOT\s+EXISTS\s+(\w+)", re.IGNORECASE
)
_INVALID = """
SELECT c.relname FROM pg_index AS i JOIN pg_class AS c ON c.oid = i.indexrelid
JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE n.nspname = %s AND c.relname = ANY(%s) AND NOT i.indisvalid
"""

_log = structlog.get_logger(__name__)


class _Backend(PostgresqlPsycopgBackend):  # type: ignore[misc]
    """The library's work on a connection that is there already. Its tables are in the schema that they speak of."""

    def __init__(self, connection: Session, schema: str) -> None:
        self._given = connection
        self.schema = schema
        super().__init__(DatabaseURI("", None, None, None, None, connection.info.dbname, {}), TABLE)

    def connect(self, _uri: Any) -> Session:
        return self._given

    @contextmanager
    def lock(self, timeout: float = 0) -> Iterator[None]:
        """The session holds the real one; a row of a killed process would be there for ever."""
        yield


def migrate(connection: Session, schema: str, root: Path = MIGRATIONS) -> Iterator[str]:
    """Brings a schema to what this version needs.

    Args:
        connection: it holds the lock, and acts as the owner of the schema.

    Yields:
        The id of each migration, once it is applied.

    Raises:
        MigrationRefused: what the database has does not fit this version.
        MigrationFailed: LockTimeout, StatementFailed.
        Unusable: the connection broke.
    """
    try:
        waiting = pending(schema, files(schema, root), applied(connection, schema))
        backend = _Backend(connection, schema)
        bound(connection, **_TRANSACTION)
        backend.ensure_internal_schema_updated()
    except psycopg.Error as error:
        raise failure(error, f"schema {schema}: the table of migrations") from None
    for file in waiting:
        started = clock.monotonic()
        _apply_patiently(backend, file)
        _log.info("migration applied", schema=schema, id=file.id, seconds=round(clock.monotonic() - started, 1))
        yield file.id


def applied(connection: Session, schema: str) -> Sequence[Applied]:
    """What the database has, in order; nothing where it has no table of it."""
    table = sql.Identifier(schema, TABLE)
    found = connection.execute("SELECT to_regclass(%s)", (table.as_string(connection),)).fetchone()
    if found is None or found[0] is None:
        return ()
    rows = connection.execute(sql.SQL("SELECT migration_id, migration_hash FROM {}").format(table))
    return tuple(sorted((Applied(*row) for row in rows), key=lambda one: one.id))


def _apply_patiently(backend: _Backend, file: File) -> None:
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            return _apply(backend, file)
        except errors.LockNotAvailable as error:
            if attempt == _ATTEMPTS:
                raise failure(error, f"migration {backend.schema}/{file.id}") from None
            _log.info("a migration waits for a lock on a table", schema=backend.schema, id=file.id, attempt=attempt)
            time.sleep(_PAUSE_SECONDS)
        except psycopg.Error as error:
            raise failure(error, f"migration {backend.schema}/{file.id}") from None
    return None


def _apply(backend: _Backend, file: File) -> None:
    """The statements and the note of them in one transaction, or, outside of one, the note after them."""
    migration = Migration(file.id, str(file.path), str(file.path.parent))
    migration.hash = file.checksum
    migration.load()
    bound(backend.connection, **(_TRANSACTION if migration.use_transactions else _CONCURRENT))
    if not migration.use_transactions:
        _drop_unfinished(backend, migration.source)
    with backend.transaction() if migration.use_transactions else nullcontext():
        for number, step in enumerate(migration.steps, 1):
            try:
                step.apply(backend)
            except errors.LockNotAvailable:
                raise
            except psycopg.Error as error:
                raise failure(error, f"migration {backend.schema}/{file.id}, statement {number}") from None
        backend.mark_one(migration, log=False)


def _drop_unfinished(backend: _Backend, text: str) -> None:
    """An index whose building was cut off is there, and costs, but serves nobody; IF NOT EXISTS would leave it so."""
    names = CONCURRENT_INDEX.findall(text)
    for (name,) in backend.connection.execute(_INVALID, (backend.schema, names)).fetchall():
        _log.info("an unfinished index is dropped, to be built again", schema=backend.schema, index=name)
        index = sql.Identifier(backend.schema, name)
        backend.connection.execute(sql.SQL("DROP INDEX CONCURRENTLY {}").format(index))
