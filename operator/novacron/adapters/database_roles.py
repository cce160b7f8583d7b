"""Who owns the schemas, and who may use them (docs/decisions/0016): made where the login may, else said in SQL.

The roles cannot log in. A login is a member of those whose work it does.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import LiteralString

from psycopg import errors, sql

from novacron.adapters.maintenance import Session
from novacron.adapters.schema import MIGRATIONS, MigrationRefused

OWNER = "novacron_owner"
RUNTIME = {"auth": "novacron_auth", "query": "novacron_query"}
"""User of the database -> the role that its login must be a member of."""
_MEMBERSHIP_OPTIONS = 160_000
"""From this server version on, a membership may be one without the right to SET ROLE."""


def script() -> str:
    """What an administrator runs where the login may not; psql's variables stand for the logins."""
    return (MIGRATIONS / "database-roles.sql").read_text("ascii")


def prepare(connection: Session, schemas: Sequence[str], shared: Sequence[str]) -> None:
    """Roles, memberships and schemas are there, and the session acts as their owner from now on.

    Args:
        shared: users of RUNTIME that use this very login; others are made members by whoever makes their logins.

    Raises:
        MigrationRefused: RightMissing or SchemaForeign.
    """
    try:
        _make_roles(connection)
        _join(connection, OWNER, "SET" if connection.info.server_version >= _MEMBERSHIP_OPTIONS else "MEMBER")
        for user in shared:
            _join(connection, RUNTIME[user], "USAGE")
        if "query" in schemas:  # its ingest sorts what it is given in a table of its session
            _let(connection, RUNTIME["query"], "TEMPORARY")
        missing = _missing_schemas(connection, schemas)
        if missing:
            _let(connection, OWNER, "CREATE")
        connection.execute(sql.SQL("SET ROLE {}").format(sql.Identifier(OWNER)))
        for schema in missing:
            connection.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(schema)))
    except errors.InsufficientPrivilege:
        raise _right_missing() from None


def act(connection: Session) -> None:
    """The session acts as the owner, where everything is there already.

    Raises:
        MigrationRefused: RightMissing; SchemaOlder where there is no owner yet.
    """
    try:
        connection.execute(sql.SQL("SET ROLE {}").format(sql.Identifier(OWNER)))
    except errors.InsufficientPrivilege:
        raise _right_missing() from None
    except errors.InvalidParameterValue:
        raise MigrationRefused("SchemaOlder", f"there is no role {OWNER} yet: novacron migrate makes it") from None


def _right_missing() -> MigrationRefused:
    remedy = (
        "an administrator runs database-roles.sql (in the log of this run, and in manifests/samples), then run again"
    )
    text = f"the login lacks a right to make roles or schemas, or a membership: {remedy}"
    return MigrationRefused("RightMissing", text)


def _make_roles(connection: Session) -> None:
    wanted = [OWNER, *RUNTIME.values()]
    there = {name for (name,) in connection.execute("SELECT rolname FROM pg_roles WHERE rolname = ANY(%s)", (wanted,))}
    for role in wanted:
        if role not in there:
            # the roles are the server's, the lock the database's: another database's run may be faster
            with suppress(errors.DuplicateObject, errors.UniqueViolation):
                connection.execute(sql.SQL("CREATE ROLE {} NOLOGIN").format(sql.Identifier(role)))


def _join(connection: Session, role: str, right: str) -> None:
    asked = "SELECT pg_has_role(session_user, %s, %s)"
    if connection.execute(asked, (role, right)).fetchall() != [(True,)]:
        connection.execute(sql.SQL("GRANT {} TO SESSION_USER").format(sql.Identifier(role)))
    if connection.execute(asked, (role, right)).fetchall() != [(True,)]:  # a login without INHERIT, say
        raise errors.InsufficientPrivilege


def _missing_schemas(connection: Session, schemas: Sequence[str]) -> list[str]:
    found = connection.execute(
        "SELECT nspname, nspowner::regrole::text FROM pg_namespace WHERE nspname = ANY(%s)", (list(schemas),)
    ).fetchall()
    for schema, owner in found:
        if owner != OWNER:
            remedy = f"give NovaCron a database of its own, or ALTER SCHEMA {schema} OWNER TO {OWNER}"
            raise MigrationRefused("SchemaForeign", f"schema {schema} is there and belongs to another role: {remedy}")
    return [schema for schema in schemas if schema not in {name for name, _ in found}]


def _let(connection: Session, role: str, right: LiteralString) -> None:
    """A right to the database. A grant without the right to grant is but a warning, so the outcome is looked at."""
    asked = "SELECT has_database_privilege(%s, current_database(), %s)"
    if connection.execute(asked, (role, right)).fetchall() != [(True,)]:
        granted = sql.SQL("GRANT {} ON DATABASE {} TO {}").format(
            sql.SQL(right), sql.Identifier(connection.info.dbname), sql.Identifier(role)
        )
        connection.execute(granted)
    if connection.execute(asked, (role, right)).fetchall() != [(True,)]:
        raise errors.InsufficientPrivilege
