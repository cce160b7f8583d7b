"""/ready tells the truth about each dependency, names the Secret, and holds no value of it; /health knows none."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.services.conftest import REDIS_PASSWORD, Account, RedisAccount
from tests.support.certificates import Authority
from tests.support.database import Database
from tests.support.feed_server import FeedServer
from tests.support.postgres import ADMIN_PASSWORD, Postgres
from tests.support.query_pods import OWN_SETTINGS
from tests.support.redis_server import RedisServer
from tests.support.service_process import ServiceProcess


@pytest.fixture
def query(
    tmp_path: Path, migrated: Database, account: Account, redis_server: RedisServer, redis_account: RedisAccount
) -> Iterator[Callable[..., ServiceProcess]]:
    """Starts the role with changes of its settings; nothing secret may have come out of it when the test ends."""
    started: list[ServiceProcess] = []

    def start(**members: Any) -> ServiceProcess:
        stores = {"database": account.of_query(migrated), "redis": redis_account.settings(redis_server)}
        process = ServiceProcess(
            "query",
            tmp_path / "query",
            reloaded={"database_pool_size": 4},
            members={**OWN_SETTINGS, **stores, **members},
        )
        started.append(process)
        return process.start()

    yield start
    for process in started:
        said = process.log() + process.metrics_page() + str(process.ready())
        process.__exit__(None, None, None)
        for canary in (account.password, REDIS_PASSWORD, ADMIN_PASSWORD, "canary"):
            assert canary not in said


def test_all_is_well(query: Callable[..., ServiceProcess]) -> None:
    process = query().until_ready()
    process.until_dependency("queries", "ok", "Reached")  # nobody waits for it
    body = process.ready().json()
    assert body["state"] == "ready"
    assert [(one["name"], one["state"], one["secret"]) for one in body["dependencies"]] == [
        ("database", "ok", "novacron-database"),
        ("schema", "ok", "novacron-database"),
        ("queries", "ok", None),
        ("redis", "ok", "novacron-redis"),
        ("jwks", "ok", None),
    ]
    metrics = process.metrics()
    assert metrics['novacron_dependency_up{dependency="database"}'] == 1
    assert metrics['novacron_dependency_up{dependency="redis"}'] == 1


WRONG = {
    "the database's password": ("database", {"password": "canary-wrong"}, "AuthenticationFailed"),
    "the database's authority": ("database", {"ca.crt": Authority().pem}, "CertificateRefused"),
    "Redis' password": ("redis", {"password": "canary-wrong"}, "AuthenticationFailed"),
}


@pytest.mark.parametrize(("name", "files", "reason"), WRONG.values(), ids=WRONG)
def test_what_is_wrong_is_named_and_goes_by_itself(
    query: Callable[..., ServiceProcess],
    account: Account,
    redis_account: RedisAccount,
    name: str,
    files: dict[str, str | bytes],
    reason: str,
) -> None:
    """The other kinds of failure are told in test_database.py and test_redis.py."""
    mounted = account if name == "database" else redis_account
    mounted.volume.replace(mounted.files(**files))
    process = query()
    found = process.until_dependency(name, "down", reason)
    assert found["secret"] == f"novacron-{name}"
    assert f"Secret novacron-{name}" in found["message"]
    answer = process.ready()
    assert (answer.status, answer.headers["content-type"]) == (503, "application/problem+json")
    assert found["message"] in answer.json()["detail"]
    assert process.ask("/health").status == 200
    assert process.metrics()[f'novacron_dependency_up{{dependency="{name}"}}'] == 0
    mounted.volume.replace(mounted.files())
    process.until_ready()


def test_tables_that_are_not_ours_are_named(
    query: Callable[..., ServiceProcess], account: Account, database: Database
) -> None:
    assert database.migrate(database.owner()).outcome == "migrated"
    database.sql("ALTER TABLE query.vms RENAME COLUMN status TO other")
    process = query(database=account.of_query(database))
    message = process.until_dependency("schema", "down", "SchemaDiffers")["message"]
    assert "(query.vms lacks column status, query.vms has a column other that needs a value)" in message
    assert process.ready().status == 503
    database.sql("ALTER TABLE query.vms RENAME COLUMN other TO status")
    process.until_ready()


def test_what_is_wrong_with_the_keys_is_told_and_the_last_ones_stay(query: Callable[..., ServiceProcess]) -> None:
    process = query().until_ready()
    process.jwks.replace({"jwks.json": "{"})
    process.until_dependency("jwks", "down", "FileInvalid")
    assert process.ready().status == 200
    process.jwks.replace({})
    process.until_dependency("jwks", "down", "FileMissing")
    process.jwks.replace({"jwks.json": '{"keys": []}'})
    process.until_dependency("jwks", "ok", "Reached")
    assert process.metrics()['novacron_reloads_total{outcome="refused",source="jwks"}'] == 2


def test_a_peer_that_is_away_is_told_and_not_required(
    query: Callable[..., ServiceProcess], silent_server: Callable[[], int]
) -> None:
    with FeedServer() as auth:
        process = query(
            peers={"auth": {"internal": auth.url}, "ml": {"http": f"http://127.0.0.1:{silent_server()}"}}
        ).until_ready()
        process.until_dependency("auth", "ok", "Reached")
        process.until_dependency("ml", "down", "TimedOut")
    found = process.until_dependency("auth", "down", "Unreachable")
    assert (found["required"], found["secret"]) == (False, None)
    assert process.ready().status == 200


@pytest.mark.timeout(120)
def test_an_outage_and_its_end(
    query: Callable[..., ServiceProcess], postgres: Postgres, redis_server: RedisServer
) -> None:
    process = query().until_ready()
    redis_server.stop()
    postgres.stop()
    try:
        process.until_dependency("database", "down", "Unreachable")
        process.until_dependency("redis", "down", "Unreachable")
        assert process.ready().status == 503
        assert process.ask("/health").status == 200
    finally:
        postgres.start()
        redis_server.start()
    process.until_ready()
