"""/ready tells the truth about each dependency, names the Secret, and holds no value of it; /health knows none."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.services.conftest import REDIS_PASSWORD, Account
from tests.support.certificates import Authority
from tests.support.operator_process import free_ports
from tests.support.postgres import ADMIN_PASSWORD, Postgres
from tests.support.redis_server import RedisServer
from tests.support.service_process import ServiceProcess
from tests.support.volume import Volume


@pytest.fixture
def query(
    tmp_path: Path, postgres: Postgres, account: Account, redis_settings: dict[str, Any]
) -> Iterator[Callable[..., ServiceProcess]]:
    """Starts the role with changes of its settings; nothing secret may have come out of it when the test ends."""
    started: list[ServiceProcess] = []

    def start(**members: Any) -> ServiceProcess:
        known = {"database": account.settings(postgres), "redis": redis_settings, "reloaded": {"database_pool_size": 4}}
        process = ServiceProcess("query", tmp_path / "query", **{**known, **members})
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
    body = process.ready().json()
    assert body["state"] == "ready"
    assert [(one["name"], one["state"], one["secret"]) for one in body["dependencies"]] == [
        ("database", "ok", "novacron-database"),
        ("redis", "ok", "novacron-redis"),
        ("jwks", "ok", None),
    ]
    metrics = process.metrics()
    assert metrics['novacron_dependency_up{dependency="database"}'] == 1
    assert metrics['novacron_dependency_up{dependency="redis"}'] == 1


DATABASE = {
    "wrong password": ({}, {"password": "canary-wrong"}, "AuthenticationFailed"),
    "wrong user": ({}, {"username": "canary_nobody"}, "AuthenticationFailed"),
    "no user": ({}, {"username": ""}, "FileMissing"),
    "no database": ({"name": "nowhere"}, {}, "DatabaseMissing"),
    "unknown host": ({"host": "nowhere.invalid"}, {}, "NameNotResolved"),
    "closed port": ({"port": free_ports()[0]}, {}, "Unreachable"),
    "another authority": ({}, {"ca_crt": Authority().pem}, "CertificateRefused"),
    "the system's authorities": ({}, {"ca_crt": ""}, "CertificateRefused"),
    "another name": ({"host": "127.0.0.2"}, {}, "CertificateRefused"),
    "no authority for verify-ca": ({"ssl_mode": "verify-ca"}, {"ca_crt": ""}, "FileMissing"),
    "no TLS": ({"ssl_mode": "disable"}, {}, "EncryptionRefused"),
    "rubbish for an authority": ({}, {"ca_crt": "canary rubbish"}, "FileInvalid"),
    "a password of two lines": ({}, {"password": "canary\nsecond"}, "FileInvalid"),
}


@pytest.mark.parametrize(("settings", "files", "reason"), DATABASE.values(), ids=DATABASE)
def test_what_is_wrong_with_the_database(
    query: Callable[..., ServiceProcess],
    postgres: Postgres,
    account: Account,
    settings: dict[str, Any],
    files: dict[str, str],
    reason: str,
) -> None:
    account.volume.replace(account.files(**files))
    process = query(database=account.settings(postgres, **settings))
    found = process.until_dependency("database", "down", reason)
    assert found["secret"] == "novacron-database"
    answer = process.ready()
    assert (answer.status, answer.headers["content-type"]) == (503, "application/problem+json")
    assert found["message"] in answer.json()["detail"]
    assert process.ask("/health").status == 200
    assert process.metrics()['novacron_dependency_up{dependency="database"}'] == 0


@pytest.mark.parametrize("mode", ["verify-ca", "require"])
def test_weaker_modes_ask_less_of_the_certificate(
    query: Callable[..., ServiceProcess], postgres: Postgres, account: Account, mode: str
) -> None:
    if mode == "require":
        account.volume.replace(account.files(ca_crt=""))
    query(database=account.settings(postgres, ssl_mode=mode, host="localhost")).until_ready()


def test_a_database_that_says_nothing(
    query: Callable[..., ServiceProcess], postgres: Postgres, account: Account, silent_server: Callable[[], int]
) -> None:
    process = query(database=account.settings(postgres, port=silent_server()))
    process.until_dependency("database", "down", "TimedOut")


REDIS = {
    "wrong password": ({}, {"password": "canary-wrong"}, "AuthenticationFailed"),
    "no password": ({}, {"password": ""}, "AuthenticationFailed"),
    "unknown host": ({"host": "nowhere.invalid"}, {}, "NameNotResolved"),
    "closed port": ({"port": free_ports()[0]}, {}, "Unreachable"),
    "another authority": ({}, {"ca.crt": Authority().pem.decode()}, "CertificateRefused"),
    "the system's authorities": ({}, {"ca.crt": ""}, "CertificateRefused"),
    "another name": ({"host": "127.0.0.2"}, {}, "CertificateRefused"),
    "rubbish for an authority": ({}, {"ca.crt": "canary rubbish"}, "FileInvalid"),
}


@pytest.mark.parametrize(("settings", "files", "reason"), REDIS.values(), ids=REDIS)
def test_what_is_wrong_with_redis(
    query: Callable[..., ServiceProcess],
    redis_server: RedisServer,
    redis_settings: dict[str, Any],
    tmp_path: Path,
    settings: dict[str, Any],
    files: dict[str, str],
    reason: str,
) -> None:
    known = {"password": REDIS_PASSWORD, "ca.crt": redis_server.ca.decode()}
    volume = Volume(tmp_path / "changed", known | files)
    process = query(redis=redis_settings | settings | {"credentials": str(volume.path)})
    assert process.until_dependency("redis", "down", reason)["secret"] == "novacron-redis"
    assert process.ready().status == 503
    assert process.ask("/health").status == 200


def test_a_user_who_may_not_ask(
    query: Callable[..., ServiceProcess], redis_server: RedisServer, redis_settings: dict[str, Any], tmp_path: Path
) -> None:
    redis_server.command("ACL", "SETUSER", "mute", "on", ">canary-mute", "-@all", "+auth", "+client|setname")
    volume = Volume(
        tmp_path / "mute", {"username": "mute", "password": "canary-mute", "ca.crt": redis_server.ca.decode()}
    )
    process = query(redis=redis_settings | {"credentials": str(volume.path)})
    process.until_dependency("redis", "down", "PermissionDenied")


def test_redis_without_tls_where_it_speaks_nothing_else(
    query: Callable[..., ServiceProcess], redis_settings: dict[str, Any]
) -> None:
    process = query(redis=redis_settings | {"tls": False})
    assert process.until_dependency("redis", "down", "Unreachable")["secret"] == "novacron-redis"


def test_what_is_wrong_with_the_keys(query: Callable[..., ServiceProcess]) -> None:
    process = query().until_ready()
    process.jwks.replace({"jwks.json": "{"})
    process.until_dependency("jwks", "down", "FileInvalid")
    assert process.ready().status == 503
    process.jwks.replace({})
    process.until_dependency("jwks", "down", "FileMissing")
    process.jwks.replace({"jwks.json": '{"keys": []}'})
    process.until_ready()
    assert process.metrics()['novacron_reloads_total{outcome="refused",source="jwks"}'] == 2


def test_a_peer_that_is_away_is_told_and_not_required(
    query: Callable[..., ServiceProcess], silent_server: Callable[[], int], tmp_path: Path
) -> None:
    other = ServiceProcess("ml", tmp_path / "other")
    with other:
        url = {"internal": f"http://127.0.0.1:{other.port}"}
        process = query(peers={"auth": url, "ml": {"http": f"http://127.0.0.1:{silent_server()}"}}).until_ready()
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
