"""The workloads in our image and in the naive one: from the start of the process until ``/ready``, and memory then.

Each beside a real PostgreSQL and a real Redis with TLS, keys and a feed of revocations. A container's own start, the
same for both, is not in it.
"""

from __future__ import annotations

import asyncio
import http.client
import itertools
import json
import tempfile
import time
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.bench.facts import resident
from tests.bench.image import Image, compared, images
from tests.bench.report import Row
from tests.bench.server import Bench
from tests.support import query_pods
from tests.support.auth_pods import OWN_SETTINGS, Keys
from tests.support.certificates import Authority
from tests.support.controlplane import process
from tests.support.database import Database, Login
from tests.support.feed_server import FeedServer
from tests.support.ports import free_port, free_ports
from tests.support.postgres import Postgres
from tests.support.redis_server import RedisServer
from tests.support.service_process import INTERNAL_KEY, TOKEN
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
_REDIS_PASSWORD = "of-the-bench"
_HOME = "etc/novacron"
_numbers = itertools.count(1)


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Running datastores and auth's feed, and where a role finds them."""

    database: Database
    login: Login
    redis: RedisServer
    keys: Keys
    feed: FeedServer

    def members(self, role: str) -> dict[str, Any]:
        """Of a role's settings."""
        secrets = f"/{_HOME}/secrets"
        known = {
            "database": self.database.settings(self.login, credentials=f"{secrets}/database"),
            "redis": {
                "host": "127.0.0.1",
                "port": self.redis.port,
                "tls": True,
                "credentials": f"{secrets}/redis",
                "secret": "redis",
            },
        }
        stores = {store: known[store] for store in _ROLES[role]}
        if role == "auth":
            return {**stores, **OWN_SETTINGS, "signing_keys": f"{secrets}/signing-keys"}
        own = query_pods.OWN_SETTINGS if role == "query" else {}
        return {
            **stores,
            **own,
            "rate_limit": OWN_SETTINGS["rate_limit"],
            "peers": {"auth": {"internal": self.feed.url}},
        }

    def mount(self, root: Path) -> None:
        """What a pod has as files, but for its settings."""
        home = root / _HOME
        login = {name: (self.login.volume.path / name).read_bytes() for name in ("username", "password", "ca.crt")}
        Volume(home / "secrets" / "database", login)
        Volume(home / "secrets" / "redis", {"password": _REDIS_PASSWORD, "ca.crt": self.redis.ca})
        Volume(home / "secrets" / "internal-key", {"key": INTERNAL_KEY})
        Volume(home / "secrets" / "signing-keys", self.keys.files)
        Volume(home / "jwks", {"jwks.json": self.keys.key_set})


async def run(_bench: Bench) -> list[Row]:
    return await asyncio.to_thread(_rows)


def _rows() -> list[Row]:
    authority = Authority()
    with ExitStack() as stack:
        pair = stack.enter_context(images())
        home = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        database = Database(stack.enter_context(Postgres(authority)), home)
        database.migrate(database.owner())
        surroundings = Surroundings(
            database,
            database.login("novacron_auth", "novacron_query"),
            stack.enter_context(RedisServer(authority, _REDIS_PASSWORD)),
            Keys(home),
            stack.enter_context(FeedServer()),
        )
        for image in pair:
            surroundings.mount(image.root.path)
        rows = []
        for role in _ROLES:
            taken = [[_started(image, role, surroundings) for image in pair] for _ in range(_STARTS)]
            times, memory = ([[side[part] for side in turn] for turn in taken] for part in (0, 1))
            note = f"least of {_STARTS}, in turn, asked every 5 ms"
            rows += compared(CASE, f"novacron {role} until /ready answers 200", times, memory, note)
        return rows


def _started(image: Image, role: str, surroundings: Surroundings) -> tuple[float, float]:
    """Seconds until it is ready, and MB resident then."""
    http_port, metrics_port = free_ports(2)
    settings = {
        "role": role,
        "ports": {"http": http_port, "metrics": metrics_port} | ({"internal": free_port()} if role == "auth" else {}),
        "instance": "bench",
        "namespace": "bench",
        "shutdown_grace_seconds": 25,
        "jwks_file": f"/{_HOME}/jwks/jwks.json",
        "token": TOKEN,
        "internal_key_file": f"/{_HOME}/secrets/internal-key/key",
        "peers": {},
        **surroundings.members(role),
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
