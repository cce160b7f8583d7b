"""Which migrations this version brings, which a database has, and what follows from the two.

Light on purpose: a workload asks it whether its schema is there, without the library that applies migrations.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

from novacron.adapters import structure
from novacron.core.errors import NovaCronError

MIGRATIONS = Path(__file__).parents[1] / "migrations"
"""One folder for each schema."""
TABLE = "_yoyo_migration"
"""In each schema, written by the library: migration_id, and as migration_hash our checksum."""
_NAME = re.compile(r"\d{4}-[a-z0-9-]+")
_FOUND = """
SELECT 1 FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
WHERE n.nspname = %s AND c.relname = %s
AND has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT')
"""
_LAST = 'SELECT max(migration_id COLLATE "C") FROM {}'


class MigrationError(NovaCronError):
    """Args:
    reason: one of core/migration.py.
    """

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class MigrationRefused(MigrationError):
    """A person must act before anything is applied."""


class MigrationFailed(MigrationError):
    """It was begun and did not come through; what was applied stays, and another run goes on from there."""


@dataclass(frozen=True, slots=True)
class Applied:
    """A row of the library's table."""

    id: str
    checksum: str


@dataclass(frozen=True, slots=True)
class File:
    """One migration of this version."""

    id: str
    checksum: str
    path: Path


@dataclass(frozen=True, slots=True)
class SchemaState:
    """Args:
    expected: id of the last migration that this version brings.
    found: id of the last one that the database has; empty: none, or it may not be seen.
    differs: what its tables have not, or otherwise than those migrations made it; looked for where both are the same.
    """

    expected: str
    found: str
    differs: str = ""

    @property
    def sufficient(self) -> bool:
        """Whether this version can work: a newer schema still serves the version before it, while pods are replaced."""
        return self.found >= self.expected


def files(schema: str, root: Path = MIGRATIONS) -> tuple[File, ...]:
    """The migrations of a schema in their order; none where it has no folder yet.

    Raises:
        ValueError: a file is not called NNNN-words.sql, or two have one number: a defect of this version.
    """
    found = sorted((root / schema).glob("*.sql"))
    numbers = [path.name[:4] for path in found]
    if len(set(numbers)) != len(numbers) or not all(_NAME.fullmatch(path.stem) for path in found):
        raise ValueError(f"migrations of {schema}: names must be NNNN-words.sql, each with a number of its own")
    return tuple(File(path.stem, _checksum(path), path) for path in found)


def _checksum(path: Path) -> str:
    """Of name and text: the library's table has it as its key."""
    return hashlib.sha256(path.stem.encode() + b"\0" + path.read_bytes()).hexdigest()


def pending(schema: str, known: Sequence[File], applied: Sequence[Applied]) -> tuple[File, ...]:
    """What is to be applied, in its order.

    Raises:
        MigrationRefused: SchemaNewer, ChecksumMismatch or OutOfOrder.
    """
    checksums = {file.id: file.checksum for file in known}
    for one in applied:
        if one.id not in checksums:
            remedy = "run the version that made it, or a newer one; a schema never goes back"
            raise MigrationRefused("SchemaNewer", f"schema {schema} has {shown(one.id)}, unknown here: {remedy}")
        if one.checksum != checksums[one.id]:
            remedy = "run the version that applied it; what was applied is never changed, a new migration corrects it"
            text = f"{schema}/{one.id} was applied with another text than this version has: {remedy}"
            raise MigrationRefused("ChecksumMismatch", text)
    there = {one.id for one in applied}
    missing = [file for file in known if file.id not in there]
    if missing and there and missing[0].id < max(there):
        text = f"{schema}/{missing[0].id} is missing before {max(there)}: was it added behind it? Give it a new number"
        raise MigrationRefused("OutOfOrder", text)
    return tuple(missing)


def shown(found: str) -> str:
    """A name of the database's table, as far as it looks like one of ours."""
    return found if _NAME.fullmatch(found) and len(found) <= 64 else "a migration"


async def schema_state(connection: psycopg.AsyncConnection[Any], schema: str) -> SchemaState:
    """How far a schema is; asked with the rights of a workload.

    Raises:
        psycopg.Error: the database does not answer.
    """
    known = files(schema)
    expected = known[-1].id if known else ""
    seen = await (await connection.execute(_FOUND, (schema, TABLE))).fetchone()
    if seen is None:
        return SchemaState(expected, "")
    statement = psycopg.sql.SQL(_LAST).format(psycopg.sql.Identifier(schema, TABLE))
    row = await (await connection.execute(statement)).fetchone()
    found = (row and row[0]) or ""
    return SchemaState(expected, found, await structure.seen(connection, schema, found) if found == expected else "")
