"""The workloads in our image and in the naive one: from the start of the process until ``/ready``, and memory then.

Each beside a real PostgreSQL and a real Redis with TLS. A container's own start, the same for both, is not in it.
"""

from __future__ import annotations

import asyncio
import http.client
import itertools
import json
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.bench.facts import resident
from tests.bench.image import Image, compared, images
from tests.bench.report import Row
from tests.bench.server import Bench
from tests.support.certificates import Authority
from tests.support.controlplane import process
from tests.support.operator_process import free_ports
from tests.support.postgres import Postgres
from tests.support.redis_server import RedisServer
from tests.support.service_process import TOKEN
from tests.support.volume import Volume

CASE = "roles"
_ROLES: Mapping[str, tuple[str, ...]] = {
    "api": ("redis",),
    "auth": ("database", "redis"),
    "query": ("database", "redis"),
    "ml": (),
}
"""Role -> datastores that it waits for."""
_STARTS = 9
_SECONDS = 30.0
_USER, _PASSWORD = "bench", "of-the-bench"
_HOME = "etc/novacron"
_numbers = itertools.count(1)


@dataclass(frozen=True, slots=True)
class Stores:
    """Running datastores, and where a role finds them."""

    database: Postgres
    redis: RedisServer

    def settings(self) -> dict[str, Any]:
        secrets = f"/{_HOME}/secrets"
        database = {"host": "127.0.0.1", "port": self.database.port, "name": "postgres", "ssl_mode": "verify-full"}
        redis = {"host": "127.0.0.1", "port": self.redis.port, "tls": True}
        return {
            "database": database | {"credentials": f"{secrets}/database", "secret": "database"},
            "redis": redis | {"credentials": f"{secrets}/redis", "secret": "redis"},
        }

    def mount(self, root: Path) -> None:
        """The files that log in, as a pod has them."""
        login: dict[str, str | bytes] = {"username": _USER, "password": _PASSWORD, "ca.crt": self.database.ca}
        Volume(root / _HOME / "secrets" / "database", login)
        Volume(root / _HOME / "secrets" / "redis", {"password": _PASSWORD, "ca.crt": self.redis.ca})
        Volume(root / _HOME / "jwks", {"jwks.json": '{"keys": []}'})


async def run(_bench: Bench) -> list[Row]:
    return await asyncio.to_thread(_rows)


def _rows() -> list[Row]:
    authority = Authority()
    with images() as pair, Postgres(authority) as database, RedisServer(authority, _PASSWORD) as redis:
        database.sql(f"CREATE ROLE {_USER} LOGIN PASSWORD '{_PASSWORD}'")
        stores = Stores(database, redis)
        for image in pair:
            stores.mount(image.root.path)
        rows = []
        for role in _ROLES:
            taken = [[_started(image, role, stores) for image in pair] for _ in range(_STARTS)]
            times, memory = ([[side[part] for side in turn] for turn in taken] for part in (0, 1))
            note = f"least of {_STARTS}, in turn, asked every 5 ms"
            rows += compared(CASE, f"novacron {role} until /ready answers 200", times, memory, note)
        return rows


def _started(image: Image, role: str, stores: Stores) -> tuple[float, float]:
    """Seconds until it is ready, and MB resident then."""
    http_port, metrics_port = free_ports()
    settings = {
        "role": role,
        "ports": {"http": http_port, "metrics": metrics_port}
        | ({"internal": free_ports()[0]} if role == "auth" else {}),
        "instance": "bench",
        "namespace": "bench",
        "shutdown_grace_seconds": 25,
        "jwks_file": f"/{_HOME}/jwks/jwks.json",
        "token": TOKEN,
        "internal_key_file": f"/{_HOME}/secrets/internal-key/key",
        "peers": {},
        **{store: member for store, member in stores.settings().items() if store in _ROLES[role]},
    }
    reloaded = {"database_pool_size": 6} if "database" in _ROLES[role] else {}
    config = f"{_HOME}/config-{next(_numbers)}"
    Volume(image.root.path / config, {"settings.json": json.dumps(settings), "reloaded.json": json.dumps(reloaded)})
    command = image.root.command(*image.root.entrypoint, role, f"--config=/{config}", "--bind-address=127.0.0.1")
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "log"
        started = time.monotonic()
        running = process.start(command, log, detached=False)
        try:
            while not _is_ready(http_port):
                if running.poll() is not None or time.monotonic() - started > _SECONDS:
                    raise process.StartError(
                        f"novacron {role} is not ready; its last words:\n{process.last_lines(log)}"
                    )
                time.sleep(0.005)
            return time.monotonic() - started, resident(running.pid)
        finally:
            running.kill()
            running.wait()


def _is_ready(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
    try:
        connection.request("GET", "/ready")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()
