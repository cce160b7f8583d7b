"""A NovaCron of auth and query on a PostgreSQL of its own, with clients and data, and the versions after its own."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from novacron.core.manifest import at
from tests.support import later_image, our_image
from tests.support.api_client import Manifest
from tests.support.door import ORGANIZATION, Door, Machine
from tests.support.living import IMAGE, VERSIONS, Living
from tests.support.lodging import Lodging
from tests.support.node import load
from tests.support.node.exchange import ask
from tests.support.node.load import Load
from tests.support.node.neighbours.postgresql import USER, Postgres
from tests.support.node.neighbours.spare_postgresql import SparePostgres

FIRST, LATER, BROKEN = VERSIONS[0], "v10.1.0", "v10.2.0"
VMS, RETENTION_DAYS = 200, 2
GATE = 1964
"""Key of an advisory lock: the later version's migration waits until nobody else has it."""
_LATER = f"""
SELECT pg_advisory_xact_lock({GATE});
ALTER TABLE query.vms ADD COLUMN later text;
"""
ODD_MEMORY = 4243
"""MiB of a VM that the broken version's migration stumbles over."""
_BROKEN = "UPDATE query.vms SET cpu_cores = 0 WHERE memory_mb = 4243;\n"
ROLES = ("auth", "query")
PERSON = "grace@example.com"


def load_versions(living: Living, folder: Path) -> None:
    """Gives the node the images of two more versions: one brings a migration, the next one another, which fails."""
    home = later_image.migrations("query")
    files = {f"{home}/9001-later.sql": _LATER}
    for version, more in ((LATER, {}), (BROKEN, {f"{home}/9002-broken.sql": _BROKEN})):
        archive = folder / f"{version}.tar"
        later_image.derive(our_image.ARCHIVE, f"{IMAGE}:{version}", files | more, archive)
        living.node.load(archive)
        archive.unlink()


class OwnLodging(Lodging):
    """On a PostgreSQL of its own; two pods each of auth and query, the others are not needed."""

    def __init__(self, living: Living, spare: SparePostgres) -> None:
        super().__init__(living, self._fitted)
        self._spare = spare

    @property
    def server(self) -> Postgres:
        return self._spare.database

    def login(self) -> dict[str, str]:
        return {"username": USER, "password": self._spare.password, "ca.crt": self._spare.authority}

    def _fitted(self, spec: dict[str, Any]) -> None:
        spec["database"]["host"] = self._spare.host
        for role in ("api", "ml"):
            spec[role] = spec[role] | {"enabled": False}
        for role in ROLES:
            spec[role] = spec[role] | {"replicas": 2}
        spec["auth"]["rateLimit"] = {"requestsPerMinute": 1_000_000, "loginsPerMinute": 1000}
        spec["query"]["retention"] = f"{RETENTION_DAYS}d"

    def images(self) -> set[str]:
        """Versions of the pods of auth and query."""
        pods = [pod for role in ROLES for pod in self.pods(role)]
        return {pod["spec"]["containers"][0]["image"].rpartition(":")[2] for pod in pods}

    def lives(self, role: str = "query") -> list[tuple[str, int]]:
        """Its pods, and how often their containers were started again."""
        return sorted(
            (pod["metadata"]["uid"], at(pod, "status", "containerStatuses", default=[{}])[0].get("restartCount", 0))
            for pod in self.pods(role)
        )

    def last_words(self, job: str) -> tuple[Manifest, Any]:
        """Of a Job's one pod, once it has ended: the pod, and its termination message."""
        pods = self.client.list("Pod", self.namespace, f"batch.kubernetes.io/job-name={job}")
        assert len(pods) == 1, pods
        (pod,) = pods
        (container,) = at(pod, "status", "containerStatuses", default=[{}])
        message = at(container, "state", "terminated", "message")
        assert message is not None, pod["status"]
        return pod, json.loads(message)


@dataclass
class Loads:
    """What became of each kind of request; known at the end."""

    dashboard: Load
    users: Load
    ingest: Load

    @property
    def failed(self) -> dict[str, dict[str, int]]:
        """Of the kinds of which some failed: how, and how often."""
        every = {"dashboard": self.dashboard, "users": self.users, "ingest": self.ingest}
        return {kind: one.failed for kind, one in every.items() if one.failed}

    def __str__(self) -> str:
        return f"{self.dashboard.sent} dashboards, {self.users.sent} pages of users, {self.ingest.sent} ingests"


class Served:
    """``with`` block around a NovaCron that has an administrator, a service account and two hours of 200 VMs."""

    def __init__(self, living: Living, name: str, home: Path) -> None:
        self.living = living
        self._home = home
        self.spare = SparePostgres(living.node, name, home)
        self.lodging = OwnLodging(living, self.spare)
        self.door = Door(self.lodging)
        self._stack = ExitStack()
        self._people = home / "people"

    def __enter__(self) -> Served:
        with self._stack:
            self._stack.enter_context(self.spare)
            self._stack.enter_context(self.lodging)
            self.lodging.until_ready()
            self._stack = self._stack.pop_all()
        return self

    def __exit__(
        self, type_: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.__exit__(type_, value, trace)

    def fill(self) -> None:
        """An administrator, one of the organization, a service account, and data to look at."""
        self.door.first_administrator()
        self.door.person(PERSON, "admin")
        self.token = self.door.login(PERSON)["access_token"]
        self._people.write_text(self.token)
        self.machine = Machine(self.door, self._home / "machines")
        self.demo = self.exec(
            "demo-data", f"--organization={ORGANIZATION}", f"--vms={VMS}", "--days=0.1", "--interval=30s", "--seed=6"
        )

    def exec(self, *command: str) -> str:
        """What a command says that runs in a pod of query."""
        there = ("-n", self.lodging.namespace, "exec", f"deploy/{self.lodging.name}-query", "--")
        return self.living.kubectl(*there, "novacron", *command)

    def ask(self, method: str, path: str, **sent: Any) -> Any:
        """The document of a good answer of query, to the organization's administrator where no token is given."""
        answer = self.door.ask("query", method, f"/api/v1/{path}", **{"bearer": self.token, **sent})
        assert answer.status in (200, 201, 204), (answer, answer.text)
        return answer.json if answer.text else None

    def sql(self, query: Any, *values: Any) -> list[tuple[Any, ...]]:
        return self.lodging.server.sql(self.lodging.namespace, query, *values)

    def ready(self) -> list[tuple[int, dict[str, str]]]:
        """What each pod of query says at /ready: status, and dependency -> state."""
        found = []
        for pod in self.lodging.pods("query"):
            answer = ask(self.living.node.box, pod["status"]["podIP"], 8080, "GET", "/ready")
            found.append((answer.status, {item["name"]: item["state"] for item in answer.json["dependencies"]}))
        return found

    @contextmanager
    def loaded(self) -> Iterator[Loads]:
        """Dashboards, pages of users and ingests of ten VMs through the Service, until the block ends."""
        box, service = self.living.node.box, self.door.service("query")
        ids = [item["id"] for item in self.ask("GET", "vms?limit=10")["items"]]
        body = json.dumps({"samples": [{"vm_id": one, "timestamp": "@now@", "cpu_usage": 50.0} for one in ids]})
        self.machine.another()
        machines = self.machine.file
        with (
            load.steady(box, service, 80, "/api/v1/dashboard", rate=10, tokens=self._people) as dashboard,
            load.steady(box, service, 80, "/api/v1/users", rate=10, tokens=self._people) as users,
            load.steady(box, service, 80, "/api/v1/vms/metrics", rate=10, tokens=machines, body=body) as ingest,
        ):
            yield Loads(dashboard, users, ingest)
