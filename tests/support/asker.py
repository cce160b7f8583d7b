"""Somebody who asks query over HTTP, and what is there to be asked for: people, VMs and samples of an organization."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from tests.support.postgres import Postgres
from tests.support.query_pods import QueryPods
from tests.support.redis_server import RedisServer
from tests.support.service_process import Answer

USERS, VMS, SAMPLES = "/api/v1/users", "/api/v1/vms", "/api/v1/vms/metrics/query"
NOBODY = "00000000-0000-4000-8000-000000000000"
DAY = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
"""A border of partitions, with partitions on both sides."""
Document = dict[str, Any]


@contextmanager
def small_pages(
    home: Path, postgres: Postgres, redis_server: RedisServer, redis_files: Mapping[str, str | bytes]
) -> Iterator[QueryPods]:
    """A pod whose pages are small, on a database that thinks it is in India. Nothing may have failed, and nothing
    secret have come out of it, when it ends.
    """
    pods = QueryPods(home, postgres, redis_server, redis_files, page_size={"default": 3, "max": 50})
    pods.database.sql(f"ALTER DATABASE {pods.database.name} SET timezone = 'Asia/Kolkata'")
    with pods:
        yield pods
        said = pods.pod.log()
    assert "Traceback" not in said
    assert "canary" not in said


class Asker:
    """Somebody of one organization, or a platform-admin."""

    def __init__(self, query: QueryPods, role: str, organization: str | None) -> None:
        self._query = query
        self.token = query.token(role, organization)

    def get(self, path: str, **parameters: Any) -> Answer:
        return self._query.ask(f"{path}?{urlencode(parameters)}" if parameters else path, self.token)

    def send(self, method: str, path: str, body: Any) -> Answer:
        return self._query.ask(path, self.token, method, body)

    def page(self, path: str, **parameters: Any) -> Document:
        return answered(self.get(path, **parameters))

    def samples(self, **members: Any) -> Document:
        return answered(self.send("POST", SAMPLES, members))

    def walk(self, path: str, **parameters: Any) -> list[Document]:
        """All items, page by page."""
        page = self.page(path, **parameters)
        found = list(page["items"])
        while page["next"] is not None:
            parameters.pop("offset", None)
            page = self.page(path, **parameters, cursor=page["next"])
            assert page["items"], "a cursor led to nothing"
            found += page["items"]
        return found

    def walk_samples(self, **members: Any) -> list[Document]:
        page = self.samples(**members)
        found = list(page["items"])
        while page["next"] is not None:
            page = self.samples(**members, cursor=page["next"])
            assert page["items"], "a cursor led to nothing"
            found += page["items"]
        return found


def answered(answer: Answer) -> Document:
    assert (answer.status, answer.headers["content-type"]) == (200, "application/json"), answer
    found: Document = answer.json()
    assert set(found) == {"items", "next"}
    return found


def problem(answer: Answer, status: int, said: str = "") -> Document:
    """The members of a refusal, but for the request's id."""
    assert (answer.status, answer.headers["content-type"]) == (status, "application/problem+json"), answer
    found: Document = answer.json()
    assert said in found["detail"], found
    assert "canary" not in found["detail"]
    found.pop("request_id")
    return found


def ids(items: Sequence[Mapping[str, Any]]) -> list[str]:
    return [item["id"] for item in items]


def people(query: QueryPods, organization: str | None, *created: datetime, **columns: str) -> list[str]:
    """Ids of new ones, in the order of their creation."""
    rows = query.database.sql(
        """INSERT INTO auth.users (organization_id, email, username, role, status, password_hash, created_at)
           SELECT %s, coalesce(%s, 'u-' || gen_random_uuid() || '@example.org'), 'somebody', %s, %s, 'canary', at
           FROM unnest(%s::timestamptz[]) AS at RETURNING id::text, created_at""",
        organization,
        columns.get("email"),
        columns.get("role", "viewer" if organization else "platform-admin"),
        columns.get("status", "active"),
        list(created),
    )
    return [row[0] for row in sorted(rows, key=lambda row: (row[1], UUID(row[0])))]


def machines(query: QueryPods, organization: str, names: Sequence[str], **columns: Any) -> list[str]:
    """Ids of new VMs, in the order of names."""
    rows = query.database.sql(
        """INSERT INTO query.vms (id, organization_id, name, status, cpu_cores, memory_mb, created_at, deleted_at)
           SELECT gen_random_uuid(), %s, name, %s, 4, 8192, %s, %s FROM unnest(%s::text[]) AS name
           RETURNING id::text, name""",
        organization,
        columns.get("status", "running"),
        columns.get("created_at", DAY),
        columns.get("deleted_at"),
        list(names),
    )
    return [row[0] for row in sorted(rows, key=lambda row: list(names).index(row[1]))]


Row = tuple[str, datetime, float | None, float | None, float | None, int | None, int | None]


def measured(query: QueryPods, rows: Sequence[Row]) -> None:
    query.database.sql(
        """INSERT INTO query.vm_metrics
           SELECT * FROM unnest(%s::uuid[], %s::timestamptz[], %s::float8[], %s::float8[], %s::float8[], %s::int8[],
                                %s::int8[])""",
        *[list(column) for column in zip(*rows, strict=True)],
    )


def sample(vm: str, at: datetime, usage: float | None = 50.0, sent: int | None = 1) -> Row:
    return (vm, at, usage, usage, usage, sent, sent)


def stamped(items: Sequence[Mapping[str, Any]]) -> list[tuple[str, datetime]]:
    return [(item["vm_id"], datetime.fromisoformat(item["timestamp"])) for item in items]
