"""PostgreSQL: TLS only, SCRAM only, one database for NovaCron; and what tests do to its login."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, LiteralString

import psycopg
from psycopg import sql
from psycopg.rows import class_row

from novacron.core.manifest import Manifest
from tests.support.node.neighbours import pods
from tests.support.node.neighbours.access import NAMESPACE, Access, Certificate, host_names
from tests.support.node.neighbours.pods import Workload

NAME = "postgres"
VERSION = "15"
PORT = 5432
SUPERUSER = "postgres"
DATABASE = USER = "novacron"
_PROGRAMS = f"/usr/lib/postgresql/{VERSION}/bin"
DATA, _CONFIG, _TLS, _FIRST = "/data", "/etc/postgres", "/etc/tls", "/etc/first"
_SETTINGS = {
    "listen_addresses": "*",
    "unix_socket_directories": "",
    "hba_file": f"{_CONFIG}/pg_hba.conf",
    "ssl": "on",
    "ssl_cert_file": f"{_TLS}/tls.crt",
    "ssl_key_file": f"{_TLS}/tls.key",
    "password_encryption": "scram-sha-256",
    "max_connections": "220",  # more than NovaCron's connectionBudget
    "shared_buffers": "32MB",
    # the data lives as long as the pod: nothing is lost that a crash of the machine would not take anyway
    "fsync": "off",
    "jit": "off",  # its library is not in the image
}
_HBA = "# nobody without TLS, nobody without a password\nhostssl all all all scram-sha-256\n"


def workload(name: str = NAME, environment: Mapping[str, str] | None = None) -> Workload:
    return Workload(
        name=name,
        namespace=NAMESPACE,
        image=f"{NAME}:{VERSION}",
        command=[f"{_PROGRAMS}/postgres"],
        arguments=["-D", f"{DATA}/pg", *(part for pair in _SETTINGS.items() for part in ("-c", "=".join(pair)))],
        first=[
            f"{_PROGRAMS}/initdb",
            f"--pgdata={DATA}/pg",
            f"--username={SUPERUSER}",
            f"--pwfile={_FIRST}/password",
            "--auth-local=scram-sha-256",
            "--auth-host=scram-sha-256",
            "--encoding=UTF8",
            "--locale=C.UTF-8",
            "--no-sync",
        ],
        ready={"exec": {"command": [f"{_PROGRAMS}/pg_isready", "-q", "-h", "127.0.0.1"]}},
        ports={"postgres": PORT},
        files={
            _CONFIG: {"configMap": {"name": name}},
            # PostgreSQL takes no key that others may read
            _TLS: {"secret": {"secretName": f"{name}-tls", "defaultMode": 0o440}},
            _FIRST: {"secret": {"secretName": f"{name}-first", "defaultMode": 0o440}},
        },
        spaces={DATA: "2Gi"},
        environment=environment or {},
        cpu="50m",
        memory=384,
    )


def manifests(access: Access) -> list[Manifest]:
    return server(workload(), access.certificates[NAME], access.superuser_password)


def server(of: Workload, certificate: Certificate, password: str) -> list[Manifest]:
    """One PostgreSQL.

    Args:
        of: made by ``workload``.
        password: of its superuser.
    """
    return [
        pods.settings(of.name, NAMESPACE, {"pg_hba.conf": _HBA}),
        pods.secret(f"{of.name}-tls", NAMESPACE, {"tls.crt": certificate.chain, "tls.key": certificate.key}),
        pods.secret(f"{of.name}-first", NAMESPACE, {"password": password}),
        pods.deployment(of),
        pods.service(of),
    ]


@dataclass(frozen=True, slots=True)
class Session:
    """One connection of a user, as the server sees it."""

    user: str
    application: str
    client: str
    since: datetime
    encrypted: bool


@dataclass(frozen=True, slots=True)
class Postgres:
    """The way in, as the superuser.

    Args:
        host: address of the server; its certificate is checked against its name all the same.
        authority: file of the authority that signed it.
        name: of its Service.
    """

    host: str
    authority: Path
    password: str = field(repr=False)
    port: int = PORT
    name: str = NAME

    def prepare(self, password: str) -> None:
        """The database and the login that owns it; the login makes NovaCron's roles (`novacron migrate`)."""
        with self.connection() as connection:
            if not _one(connection, "SELECT count(*) FROM pg_roles WHERE rolname = %s", USER):
                connection.execute(sql.SQL("CREATE ROLE {} LOGIN CREATEROLE").format(sql.Identifier(USER)))
            _set_password(connection, USER, password)
        self.create_database(DATABASE)

    def create_database(self, name: str) -> None:
        """One more for NovaCron's login, where there is none of that name."""
        with self.connection() as connection:
            if not _one(connection, "SELECT count(*) FROM pg_database WHERE datname = %s", name):
                owned = sql.SQL("CREATE DATABASE {} OWNER {}")
                connection.execute(owned.format(sql.Identifier(name), sql.Identifier(USER)))

    def drop_database(self, name: str) -> None:
        """With whoever is connected to it."""
        with self.connection() as connection:
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))

    def change_password(self, password: str) -> None:
        """Of NovaCron's login. Open connections stay; the next login needs the new one."""
        with self.connection() as connection:
            _set_password(connection, USER, password)

    def sessions(self, user: str = USER) -> list[Session]:
        """Who is connected as a user now."""
        query = """
            SELECT usename AS user, application_name AS application, host(client_addr) AS client,
                   backend_start AS since, coalesce(ssl, false) AS encrypted
            FROM pg_stat_activity LEFT JOIN pg_stat_ssl USING (pid)
            WHERE usename = %s ORDER BY backend_start"""
        with self.connection() as connection, connection.cursor(row_factory=class_row(Session)) as cursor:
            return cursor.execute(query, (user,)).fetchall()

    def version(self) -> str:
        with self.connection() as connection:
            return str(_one(connection, "SHOW server_version"))

    def sql(self, database: str, query: LiteralString, *values: Any) -> list[tuple[Any, ...]]:
        """Rows of a query in a database."""
        with self.connection(database) as connection:
            return connection.execute(query, values).fetchall()

    @contextmanager
    def connection(self, database: str = "postgres") -> Iterator[psycopg.Connection[Any]]:
        """A session of the superuser, in autocommit mode."""
        with psycopg.connect(
            host=host_names(self.name, NAMESPACE)[0],
            hostaddr=self.host,
            port=self.port,
            user=SUPERUSER,
            password=self.password,
            dbname=database,
            sslmode="verify-full",
            sslrootcert=str(self.authority),
            connect_timeout=5,
            application_name="novacron-tests",
            autocommit=True,
        ) as connection:
            yield connection


def _one(connection: psycopg.Connection[Any], query: LiteralString, *values: str) -> Any:
    row = connection.execute(query, values).fetchone()
    return row[0] if row else None


def _set_password(connection: psycopg.Connection[Any], user: str, password: str) -> None:
    """Sends the verifier alone: the server's log and statistics never see the password."""
    verifier = connection.pgconn.encrypt_password(password.encode(), user.encode(), b"scram-sha-256").decode()
    command = sql.SQL("ALTER ROLE {} PASSWORD {}").format(sql.Identifier(user), sql.Literal(verifier))
    connection.execute(command)
