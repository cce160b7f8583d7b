"""Pods of query on real datastores: a migrated database, tokens of anybody, and auth's feed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any
from uuid import uuid4

from tests.support.database import Database
from tests.support.feed_server import FeedServer
from tests.support.postgres import Postgres
from tests.support.redis_server import RedisServer
from tests.support.service_process import Answer, ServiceProcess
from tests.support.signer import Signer, key_set
from tests.support.volume import Volume

OWN_SETTINGS: Mapping[str, Any] = {
    "retention_seconds": 7 * 86_400,
    "statement_timeout_seconds": 5,
    "cache_seconds": 30,
    "page_size": {"default": 100, "max": 1000},
}
"""Of query alone: the defaults of the resource."""


class QueryPods:
    """Some pods of one NovaCron, started on entering and killed on leaving.

    Args:
        home: a folder for their files.
        pool: connections of each pod.
        members: of each settings document, beyond the usual ones.
    """

    def __init__(
        self,
        home: Path,
        postgres: Postgres,
        redis_server: RedisServer,
        redis_files: Mapping[str, str | bytes],
        *,
        pods: int = 1,
        pool: int = 6,
        level: str = "DEBUG",
        **members: Any,
    ) -> None:
        self._stack = ExitStack()
        self._signer = Signer()
        self._feed = FeedServer()
        self.database = Database(postgres, home / "logins")
        self.owner = self.database.owner()
        self.migrate()
        self.login = self.database.login("novacron_query")
        redis = {
            "host": "127.0.0.1",
            "port": redis_server.port,
            "tls": True,
            "credentials": str(Volume(home / "redis-login", redis_files).path),
            "secret": "novacron-redis",
        }
        known = {**OWN_SETTINGS, "database": self.database.settings(self.login), "redis": redis, **members}
        self._made = (home, known, pool, level, pods)
        self.pods: list[ServiceProcess] = []

    def migrate(self) -> None:
        """Schemas auth and query, as the Job would."""
        assert self.database.migrate(self.owner).outcome in ("migrated", "current")

    def __enter__(self) -> QueryPods:
        home, known, pool, level, pods = self._made
        members = {**known, "peers": {"auth": {"internal": self._stack.enter_context(self._feed).url}}}
        for number in range(pods):
            place = home / f"pod-{number}"
            place.mkdir()
            pod = ServiceProcess("query", place, members=members, reloaded={"database_pool_size": pool}, level=level)
            pod.jwks.replace({"jwks.json": key_set(self._signer)})
            self.pods.append(self._stack.enter_context(pod))
        for pod in self.pods:
            pod.until_ready()
        return self

    def __exit__(
        self, type_: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.__exit__(type_, value, trace)

    @property
    def pod(self) -> ServiceProcess:
        """The first one."""
        return self.pods[0]

    def organization(self) -> str:
        statement = "INSERT INTO auth.organizations (name) VALUES (%s) RETURNING id::text"
        return str(self.database.sql(statement, f"organization {uuid4()}")[0][0])

    def token(self, role: str = "viewer", organization: str | None = None, **claims: Any) -> str:
        """Of a person; of platform-admin without an organization."""
        return self._signer.token(role=role, org=organization, **claims)

    def machine_token(self, organization: str, *scopes: str) -> str:
        """Of a service account, which has no session."""
        return self._signer.token(role="service", org=organization, scope=" ".join(scopes), sid=None, rot=None)

    def ask(self, path: str, token: str, method: str = "GET", body: Any = None, **headers: str) -> Answer:
        """The first pod's answer.

        Args:
            body: of JSON; None: none.
        """
        given: dict[str, Any] = {"Authorization": f"Bearer {token}", **headers}
        if body is None:
            return self.pod.ask(path, method, **given)
        return self.pod.ask(path, method, body=json.dumps(body).encode(), Content_Type="application/json", **given)
