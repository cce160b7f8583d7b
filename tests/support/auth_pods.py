"""Pods of auth on real datastores: keys, a migrated database, people, and what a client does."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import time
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.parse import urlencode
from uuid import uuid4

from argon2 import PasswordHasher
from cryptography.hazmat.primitives.asymmetric import rsa

from novacron.auth.domain import key_ring, ring_document
from novacron.auth.domain.key_ring import KeyRing, RingRules
from tests.support.database import Database
from tests.support.postgres import Postgres
from tests.support.redis_server import RedisServer
from tests.support.service_process import Answer, ServiceProcess
from tests.support.volume import Volume

ISSUER, AUDIENCE = "novacron-auth-service", "novacron-api"
INTERNAL_KEY = "canary-of-the-internal-key"
PASSWORD = "canary several words that do not belong together"
OWN_SETTINGS: Mapping[str, Any] = {
    "access_token_seconds": 600,
    "refresh_token_seconds": 86_400,
    "jwks_max_age_seconds": 300,
    "session": {"rotation_seconds": 60, "idle_seconds": 1800, "lifetime_seconds": 28_800, "per_user": 3},
    "rate_limit": {"requests_per_minute": 100_000, "logins_per_minute": 100_000, "trusted_proxies": []},
}
"""Of auth alone, and without a limit that a test would meet."""
_QUICK = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
"""Other parameters than auth's own: a login makes the hash anew."""
_RULES = RingRules(86_400, 3600, 30, 300, 90, 2048)


class Keys:
    """A ring with one active key, as the operator writes it, mounted."""

    def __init__(self, home: Path) -> None:
        now = int(time.time())
        made = ring_document.made(rsa.generate_private_key(65537, 2048), now)
        self.ring = key_ring.joined(KeyRing(), made.key, _RULES, now)
        self.pems = {made.key.kid: made.pem}
        self.volume = Volume(home / "signing-keys", self.files)

    @property
    def files(self) -> dict[str, bytes]:
        return ring_document.written(self.ring, self.pems)

    @property
    def key_set(self) -> str:
        return key_ring.key_set(self.ring.keys)


@dataclass(frozen=True, slots=True)
class Somebody:
    """A person in the database."""

    id: str
    email: str
    password: str
    organization: str | None


@dataclass(frozen=True, slots=True)
class Machine:
    """A service account in the database."""

    id: str
    secret: str
    organization: str

    @property
    def basic(self) -> str:
        return "Basic " + base64.b64encode(f"{self.id}:{self.secret}".encode()).decode()


@dataclass(slots=True)
class Tokens:
    """What a login or a refresh gave."""

    access: str
    refresh: str
    session: str
    expires_in: int

    @property
    def bearer(self) -> str:
        return f"Bearer {self.access}"


class AuthPods:
    """Some pods of one NovaCron, started on entering and killed on leaving.

    Args:
        home: a folder for their files.
        level: of their logs.
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
        level: str = "DEBUG",
        **members: Any,
    ) -> None:
        self._stack = ExitStack()
        self.database = Database(postgres, home / "logins")
        owner = self.database.owner()
        assert self.database.migrate(owner).outcome == "migrated"
        self.login = self.database.login("novacron_auth")
        self.keys = Keys(home)
        internal = Volume(home / "internal-key", {"key": INTERNAL_KEY})
        redis_volume = Volume(home / "redis-login", redis_files)
        known: dict[str, Any] = {
            "instance": "main",
            "namespace": f"test-{secrets.token_hex(4)}",
            "token": {
                "issuer": ISSUER,
                "audience": AUDIENCE,
                "clock_skew_seconds": 30,
                "max_age_seconds": 86_400,
                "min_key_size": 2048,
            },
            "internal_key_file": str(internal.path / "key"),
            "signing_keys": str(self.keys.volume.path),
            **OWN_SETTINGS,
            "database": self.database.settings(self.login),
            "redis": {
                "host": "127.0.0.1",
                "port": redis_server.port,
                "tls": True,
                "credentials": str(redis_volume.path),
                "secret": "novacron-redis",
            },
        }
        known |= members
        self.pods = [self._pod(home / f"pod-{number}", known, level) for number in range(pods)]

    def _pod(self, home: Path, members: Mapping[str, Any], level: str) -> ServiceProcess:
        home.mkdir()
        reloaded = {"database_pool_size": 6}
        pod = ServiceProcess("auth", home, internal=True, members=members, reloaded=reloaded, level=level)
        pod.jwks.replace({"jwks.json": self.keys.key_set})
        return pod

    def __enter__(self) -> AuthPods:
        for pod in self.pods:
            self._stack.enter_context(pod)
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

    def person(self, role: str = "viewer", password: str = PASSWORD, **columns: Any) -> Somebody:
        """Args:
        columns: of the row, beyond the usual ones.
        """
        organization = None if role == "platform-admin" else self.organization()
        email = f"someone-{uuid4().hex[:8]}@example.invalid"
        row = {
            "organization_id": organization,
            "email": email,
            "username": "Someone",
            "role": role,
            "password_hash": _QUICK.hash(password),
            **columns,
        }
        names, places = ", ".join(row), ", ".join(["%s"] * len(row))
        statement = f"INSERT INTO auth.users ({names}) VALUES ({places}) RETURNING id::text"  # noqa: S608 - our own names
        return Somebody(
            str(self.database.sql(statement, *row.values())[0][0]), str(row["email"]), password, organization
        )

    def machine(self, *scopes: str, organization: str = "") -> Machine:
        secret = "ncs_" + secrets.token_urlsafe(32)
        where = organization or self.organization()
        statement = """INSERT INTO auth.service_accounts (organization_id, name, secret_sha256, scopes)
                       VALUES (%s, %s, %s, %s) RETURNING id::text"""
        values = (where, f"machine {uuid4()}", hashlib.sha256(secret.encode()).digest(), list(scopes))
        return Machine(str(self.database.sql(statement, *values)[0][0]), secret, where)

    def log_in(self, person: Somebody, pod: ServiceProcess | None = None) -> Tokens:
        """A session. Fails the test where there is none."""
        answer = post(pod or self.pod, "/api/v1/auth/login", email=person.email, password=person.password)
        assert answer.status == 200, answer
        return given(answer)


def given(answer: Answer) -> Tokens:
    """The tokens of an answer."""
    members = answer.json()
    return Tokens(members["access_token"], members["refresh_token"], members["session_id"], members["expires_in"])


def post(pod: ServiceProcess, path: str, headers: Mapping[str, str] | None = None, /, **members: Any) -> Answer:
    """JSON."""
    sent = {"Content-Type": "application/json", **(headers or {})}
    return pod.ask(path, "POST", body=json.dumps(members).encode(), port=pod.port, **sent)


def form(pod: ServiceProcess, path: str, headers: Mapping[str, str] | None = None, /, **fields: str) -> Answer:
    """As OAuth's endpoints take it."""
    sent = {"Content-Type": "application/x-www-form-urlencoded", **(headers or {})}
    return pod.ask(path, "POST", body=urlencode(fields).encode(), port=pod.port, **sent)


def refreshed(pod: ServiceProcess, token: str) -> Answer:
    return post(pod, "/api/v1/auth/refresh", refresh_token=token)


def sessions(pod: ServiceProcess, tokens: Tokens) -> Answer:
    """A route behind the wall that changes nothing."""
    return pod.ask("/api/v1/auth/sessions", Authorization=tokens.bearer)


def feed(pod: ServiceProcess, after: str = "", key: str = INTERNAL_KEY) -> Answer:
    """What the internal port tells."""
    path = "/internal/v1/revocations" + (f"?{urlencode({'after': after})}" if after else "")
    return pod.ask(path, port=pod.internal_port, Authorization=f"Bearer {key}")
