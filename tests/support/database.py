"""A database of its own on a running PostgreSQL, and logins in it: what a NovaCron is given."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from novacron.core.migration import Report
from novacron.roles import migration_run
from novacron.workload.service.settings import MigrationSettings
from tests.support.postgres import ADMIN_PASSWORD, Postgres
from tests.support.volume import Volume

ROLES = ("novacron_owner", "novacron_auth", "novacron_query")
_numbers = itertools.count(1)


@dataclass(frozen=True, slots=True)
class Login:
    """A user of the server, and the mounted files that log it in."""

    name: str
    password: str
    volume: Volume


class Database:
    """Made at once; it stays until its server ends.

    Args:
        home: a folder for mounted files.
    """

    def __init__(self, server: Postgres, home: Path) -> None:
        self.server = server
        self.name = f"database_{next(_numbers)}"
        self._home = home
        server.sql(f"CREATE DATABASE {self.name}")

    def login(self, *roles: str, options: str = "") -> Login:
        """A user, member of roles.

        Args:
            options: of CREATE ROLE, SUPERUSER say.
        """
        number = next(_numbers)
        name, password = f"login_{number}", f"canary-{number}-of-the-login"
        self.server.sql(f"CREATE ROLE {name} LOGIN PASSWORD '{password}' {options}")
        for role in roles:
            self.server.sql(f"GRANT {role} TO {name}")
        files: dict[str, str | bytes] = {"username": name, "password": password, "ca.crt": self.server.ca}
        return Login(name, password, Volume(self._home / name, files))

    def owner(self, options: str = "CREATEROLE", roles: Sequence[str] = ROLES) -> Login:
        """A login that owns the database.

        Args:
            roles: it may use these, where they are there: from PostgreSQL 16 on it could not join another's by itself.
        """
        login = self.login(options=options)
        for (role,) in self.server.sql("SELECT rolname FROM pg_roles WHERE rolname = ANY(%s)", [*roles]):
            self.server.sql(f"GRANT {role} TO {login.name}")
        self.server.sql(f"ALTER DATABASE {self.name} OWNER TO {login.name}")
        return login

    def settings(self, login: Login, **changes: Any) -> dict[str, Any]:
        """The member ``database``."""
        known = {
            "host": "127.0.0.1",
            "port": self.server.port,
            "name": self.name,
            "ssl_mode": "verify-full",
            "credentials": str(login.volume.path),
            "secret": "novacron-database",
        }
        return known | changes

    def migration(
        self, login: Login, shared: Sequence[str] = ("auth",), retention: int = 7 * 86_400, **changes: Any
    ) -> dict[str, Any]:
        """The settings of ``novacron migrate``.

        Args:
            retention: of samples, in seconds.
            changes: of the member ``database``.
        """
        return {
            "role": "migrate",
            "database": self.settings(login, **changes),
            "schemas": ["auth", "query"],
            "shared_logins": [*shared],
            "retention_seconds": retention,
        }

    def migrate(self, login: Login, *, upkeep: bool = False, wait: float = 5, **changes: Any) -> Report:
        """One run in this process."""
        return migration_run.run(
            MigrationSettings.model_validate(self.migration(login, **changes)), wait, upkeep=upkeep
        )

    def connect(self, login: Login | None = None, **options: Any) -> psycopg.Connection[tuple[Any, ...]]:
        """In autocommit mode; without a login as the administrator."""
        user, password = (login.name, login.password) if login else ("postgres", ADMIN_PASSWORD)
        return psycopg.connect(
            host="127.0.0.1",
            port=self.server.port,
            dbname=self.name,
            user=user,
            password=password,
            connect_timeout=5,
            autocommit=True,
            **options,
        )

    def sql(self, statement: str, *values: Any, login: Login | None = None) -> list[tuple[Any, ...]]:
        """Rows of a statement; without a login, of the administrator's."""
        with self.connect(login) as connection:
            cursor = connection.execute(statement.encode(), values or None)
            return cursor.fetchall() if cursor.description else []

    def script(self, text: str, **logins: Login) -> None:
        """Runs what psql would be given, as the administrator; variables stand for logins."""
        with self.connect() as connection:
            for variable, login in logins.items():
                text = text.replace(f':"{variable}"', sql.Identifier(login.name).as_string(connection))
            connection.execute(text.encode())
