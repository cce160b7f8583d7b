"""Real datastores with TLS on loopback, one of each for the suite; a user, or a password, for each test."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.support.certificates import Authority
from tests.support.postgres import Postgres
from tests.support.redis_server import RedisServer
from tests.support.volume import Volume

REDIS_PASSWORD = "canary-of-redis"
_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def authority() -> Authority:
    return Authority()


@pytest.fixture(scope="session")
def postgres(authority: Authority) -> Iterator[Postgres]:
    with Postgres(authority) as running:
        yield running


@pytest.fixture(scope="session")
def redis_server(authority: Authority) -> Iterator[RedisServer]:
    with RedisServer(authority, REDIS_PASSWORD) as running:
        yield running


@dataclass(slots=True)
class Account:
    """A user of the database, and the mounted files that log it in."""

    name: str
    password: str
    volume: Volume
    ca: bytes

    def files(self, **changes: str | bytes) -> dict[str, str | bytes]:
        known: dict[str, str | bytes] = {"username": self.name, "password": self.password, "ca.crt": self.ca}
        return known | {name.replace("_", "."): value for name, value in changes.items()}

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


@pytest.fixture
def account(postgres: Postgres, tmp_path: Path) -> Iterator[Account]:
    name, password = f"user_{next(_numbers)}", f"canary-{next(_numbers)}-of-the-database"
    postgres.sql(f"CREATE ROLE {name} LOGIN PASSWORD '{password}'")
    volume = Volume(tmp_path / "database", {"username": name, "password": password, "ca.crt": postgres.ca})
    yield Account(name, password, volume, postgres.ca)


@pytest.fixture
def redis_settings(redis_server: RedisServer, tmp_path: Path) -> dict[str, Any]:
    """The member ``redis``."""
    volume = Volume(tmp_path / "redis", {"password": REDIS_PASSWORD, "ca.crt": redis_server.ca})
    return {
        "host": "127.0.0.1",
        "port": redis_server.port,
        "tls": True,
        "credentials": str(volume.path),
        "secret": "novacron-redis",
    }


@pytest.fixture
def silent_server() -> Iterator[Callable[[], int]]:
    """Ports on which connections are accepted and nothing is ever said."""
    import socket

    opened = []

    def port() -> int:
        line = socket.create_server(("127.0.0.1", 0))
        opened.append(line)
        return int(line.getsockname()[1])

    yield port
    for line in opened:
        line.close()
