"""Real datastores with TLS on loopback, one of each for the suite; a user, or a password, for each test."""

from __future__ import annotations

import itertools
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.support.certificates import Authority
from tests.support.database import Database
from tests.support.postgres import Postgres
from tests.support.redis_server import RedisServer
from tests.support.volume import Volume

REDIS_PASSWORD = "canary-of-redis"
_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def authority() -> Authority:
    return Authority()


@pytest.fixture(autouse=True)
def system_authorities(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file of whom the system trusts: at first somebody who issued nothing here."""
    path = tmp_path / "system.pem"
    path.write_bytes(Authority().pem)
    monkeypatch.setenv("SSL_CERT_FILE", str(path))
    return path


@pytest.fixture(scope="session")
def postgres(authority: Authority) -> Iterator[Postgres]:
    with Postgres(authority) as running:
        yield running


@pytest.fixture(scope="session")
def redis_server(authority: Authority) -> Iterator[RedisServer]:
    with RedisServer(authority, REDIS_PASSWORD) as running:
        yield running


@pytest.fixture
def database(postgres: Postgres, tmp_path: Path) -> Database:
    """One that nobody else uses, empty."""
    return Database(postgres, tmp_path / "logins")


@pytest.fixture(scope="session")
def migrated(postgres: Postgres, tmp_path_factory: pytest.TempPathFactory) -> Database:
    """One with our schemas, which is read alone."""
    database = Database(postgres, tmp_path_factory.mktemp("migrated"))
    assert database.migrate(database.owner()).outcome == "migrated"
    return database


@dataclass(slots=True)
class Account:
    """A user of the database, and the mounted files that log it in."""

    name: str
    password: str
    volume: Volume
    ca: bytes

    def files(self, **changes: str | bytes) -> dict[str, str | bytes]:
        known: dict[str, str | bytes] = {"username": self.name, "password": self.password, "ca.crt": self.ca}
        return known | changes

    def settings(self, postgres: Postgres, **changes: Any) -> dict[str, Any]:
        """The member ``database``."""
        known = {
            "host": "127.0.0.1",
            "port": postgres.port,
            "name": "postgres",
            "ssl_mode": "verify-full",
            "credentials": str(self.volume.path),
            "secret": "novacron-database",
        }
        return known | changes

    def of_query(self, database: Database) -> dict[str, Any]:
        """The same, in a migrated database, with the rights of query."""
        database.sql(f"GRANT novacron_query TO {self.name}")
        return self.settings(database.server, name=database.name)


@pytest.fixture
def account(postgres: Postgres, tmp_path: Path) -> Account:
    name, password = f"user_{next(_numbers)}", f"canary-{next(_numbers)}-of-the-database"
    postgres.sql(f"CREATE ROLE {name} LOGIN PASSWORD '{password}'")
    volume = Volume(tmp_path / "database", {"username": name, "password": password, "ca.crt": postgres.ca})
    return Account(name, password, volume, postgres.ca)


@dataclass(slots=True)
class RedisAccount:
    """The mounted files that log in to Redis."""

    volume: Volume
    ca: bytes

    def files(self, **changes: str | bytes) -> dict[str, str | bytes]:
        return {"password": REDIS_PASSWORD, "ca.crt": self.ca, **changes}

    def settings(self, server: RedisServer, **changes: Any) -> dict[str, Any]:
        """The member ``redis``."""
        known = {
            "host": "127.0.0.1",
            "port": server.port,
            "tls": True,
            "credentials": str(self.volume.path),
            "secret": "novacron-redis",
        }
        return known | changes


@pytest.fixture
def redis_account(redis_server: RedisServer, tmp_path: Path) -> RedisAccount:
    account = RedisAccount(Volume(tmp_path / "redis", {}), redis_server.ca)
    account.volume.replace(account.files())
    return account


@pytest.fixture
def silent_server() -> Iterator[Callable[[], int]]:
    """Ports on which connections are accepted and nothing is ever said."""
    opened = []

    def port() -> int:
        line = socket.create_server(("127.0.0.1", 0))
        opened.append(line)
        return int(line.getsockname()[1])

    yield port
    for line in opened:
        line.close()
