"""The database as a dependency: every way in which it can fail, and new credentials while work goes on."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from novacron.adapters.postgres import Sessions
from novacron.core.dependencies import Unusable
from novacron.workload.service import database
from tests.services.conftest import Account
from tests.services.stores import found, opened, until
from tests.support.certificates import Authority
from tests.support.ports import free_port
from tests.support.postgres import Postgres

WRONG: dict[str, tuple[dict[str, Any], dict[str, str | bytes], str]] = {
    "password": ({}, {"password": "canary-wrong"}, "AuthenticationFailed"),
    "no password": ({}, {"password": ""}, "AuthenticationFailed"),
    "user": ({}, {"username": "canary_nobody"}, "AuthenticationFailed"),
    "no user": ({}, {"username": ""}, "FileMissing"),
    "no database": ({"name": "nowhere"}, {}, "DatabaseMissing"),
    "unknown host": ({"host": "nowhere.invalid"}, {}, "NameNotResolved"),
    "closed port": ({"port": free_port()}, {}, "Unreachable"),
    "another authority": ({}, {"ca.crt": Authority().pem}, "CertificateRefused"),
    "the system's authorities": ({}, {"ca.crt": ""}, "CertificateRefused"),
    "another name": ({"host": "127.0.0.2"}, {}, "CertificateRefused"),
    "no authority for verify-ca": ({"ssl_mode": "verify-ca"}, {"ca.crt": ""}, "FileMissing"),
    "no TLS": ({"ssl_mode": "disable"}, {}, "EncryptionRefused"),
    "rubbish for an authority": ({}, {"ca.crt": "canary rubbish"}, "FileInvalid"),
    "a key without its certificate's": ({}, {"tls.crt": "canary rubbish", "tls.key": "canary rubbish"}, "FileInvalid"),
    "a password of two lines": ({}, {"password": "canary\nsecond"}, "FileInvalid"),
    "a password of no text": ({}, {"password": b"canary\xff"}, "FileInvalid"),
}


@pytest.mark.parametrize(("settings", "files", "reason"), WRONG.values(), ids=WRONG)
async def test_what_is_wrong_has_a_name(
    postgres: Postgres, account: Account, settings: dict[str, Any], files: dict[str, str | bytes], reason: str
) -> None:
    account.volume.replace(account.files(**files))
    async with opened(database.opened, database=account.settings(postgres, **settings)) as (_, dependency):
        finding = await found(dependency)
    assert (finding.state, finding.reason, finding.secret) == ("down", reason, "novacron-database")
    assert account.name not in finding.message


@pytest.mark.parametrize("mode", ["verify-ca", "require"])
async def test_weaker_modes_ask_less_of_the_certificate(postgres: Postgres, account: Account, mode: str) -> None:
    if mode == "require":
        account.volume.replace(account.files(**{"ca.crt": Authority().pem}))
    settings = account.settings(postgres, ssl_mode=mode, host="127.0.0.2")
    async with opened(database.opened, database=settings) as (_, dependency):
        assert (await found(dependency)).state == "ok"


async def test_without_a_mounted_authority_those_of_the_system_judge(
    postgres: Postgres, account: Account, system_authorities: Path
) -> None:
    account.volume.replace(account.files(**{"ca.crt": ""}))
    system_authorities.write_bytes(postgres.ca)
    async with opened(database.opened, database=account.settings(postgres)) as (_, dependency):
        assert (await found(dependency)).state == "ok"


async def test_a_client_certificate_needs_no_password(
    postgres: Postgres, account: Account, authority: Authority, tmp_path: Path
) -> None:
    certificate, key = authority.client(tmp_path, account.name)
    postgres.allow(f"hostssl all {account.name} 127.0.0.0/8 cert")
    files = account.files(**{"tls.crt": certificate.read_bytes(), "tls.key": key.read_bytes()})
    account.volume.replace({name: content for name, content in files.items() if name != "password"})
    async with opened(database.opened, database=account.settings(postgres)) as (sessions, dependency):
        assert (await found(dependency)).state == "ok"
        assert await _user(sessions) == account.name
        stranger = Authority().client(tmp_path, account.name)
        account.volume.replace(files | {"tls.crt": stranger[0].read_bytes(), "tls.key": stranger[1].read_bytes()})
        finding = await found(dependency)
        assert (finding.state, finding.reason) == ("degraded", "CertificateRefused")


async def test_a_server_that_says_nothing(
    postgres: Postgres, account: Account, silent_server: Callable[[], int]
) -> None:
    settings = account.settings(postgres, port=silent_server())
    async with opened(database.opened, database=settings) as (_, dependency):
        assert (await found(dependency)).reason == "TimedOut"


async def test_a_server_without_a_connection_left(postgres: Postgres, account: Account) -> None:
    postgres.sql(f"ALTER ROLE {account.name} CONNECTION LIMIT 0")
    async with opened(database.opened, database=account.settings(postgres)) as (_, dependency):
        assert (await found(dependency)).reason == "ConnectionsExhausted"


async def test_a_user_who_may_not_use_the_database(postgres: Postgres, account: Account) -> None:
    postgres.sql("CREATE DATABASE closed")
    postgres.sql("REVOKE CONNECT ON DATABASE closed FROM public")
    settings = account.settings(postgres, name="closed")
    async with opened(database.opened, database=settings) as (_, dependency):
        assert (await found(dependency)).reason == "PermissionDenied"


async def test_a_refused_password_leaves_what_works(postgres: Postgres, account: Account) -> None:
    async with opened(database.opened, database=account.settings(postgres)) as (sessions, dependency):
        assert (await found(dependency)).state == "ok"
        account.volume.replace(account.files(password="canary-wrong"))
        assert dependency.changed()
        finding = await found(dependency)
        assert (finding.state, finding.reason, finding.secret) == (
            "degraded",
            "AuthenticationFailed",
            "novacron-database",
        )
        assert not finding.failing
        assert await _user(sessions) == account.name
        account.volume.replace(account.files())
        assert (await found(dependency)).state == "ok"


async def test_a_new_login_takes_over_while_work_goes_on(postgres: Postgres, account: Account) -> None:
    """Nothing that runs or waits fails, and the old user has no connection in the end."""
    new, password = f"{account.name}_new", "canary-of-the-new-user"
    postgres.sql(f"CREATE ROLE {new} LOGIN PASSWORD '{password}'")
    async with opened(database.opened, database=account.settings(postgres)) as (sessions, dependency):
        assert (await found(dependency)).state == "ok"
        seen: list[str] = []
        stop = asyncio.Event()
        workers = [asyncio.create_task(_working(sessions, seen, stop)) for _ in range(8)]
        await until(lambda: len(seen) > 20)
        account.volume.replace(account.files(username=new, password=password))
        assert (await found(dependency)).state == "ok"
        switched = len(seen)
        await until(lambda: len(seen) > switched + 60)
        stop.set()
        await asyncio.gather(*workers)
        assert set(seen) == {account.name, new}
        assert set(seen[-16:]) == {new}
        await until(lambda: postgres.sessions(account.name) == 0)
        assert 0 < postgres.sessions(new) <= 4


async def test_a_password_changed_at_the_server_alone_is_noticed(
    postgres: Postgres, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is connected stays connected, so only a new connection can tell."""
    monkeypatch.setattr("novacron.workload.service.store._RENEW_SECONDS", 0.0)
    async with opened(database.opened, database=account.settings(postgres)) as (_, dependency):
        assert (await found(dependency)).state == "ok"
        postgres.sql(f"ALTER ROLE {account.name} PASSWORD 'another'")
        finding = await found(dependency)
        assert (finding.state, finding.reason) == ("degraded", "AuthenticationFailed")


async def test_a_server_that_hangs_and_goes_on(postgres: Postgres, account: Account) -> None:
    """As on a machine that is suspended: its kernel still accepts, and nobody answers."""
    async with opened(database.opened, database=account.settings(postgres)) as (sessions, dependency):
        assert (await found(dependency)).state == "ok"
        postgres.freeze()
        try:
            async with asyncio.timeout(12):
                finding = await found(dependency)
        finally:
            postgres.thaw()
        assert (finding.state, finding.reason) == ("down", "TimedOut")
        assert (await found(dependency)).state == "ok"
        assert await _user(sessions) == account.name


async def test_broken_connections_are_replaced_before_it_is_well_again(postgres: Postgres, account: Account) -> None:
    async with opened(database.opened, database=account.settings(postgres)) as (sessions, dependency):
        assert (await found(dependency)).state == "ok"
        await _crowd(sessions, 3)
        postgres.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = %s", account.name)
        assert (await found(dependency)).state == "ok"
        for _ in range(6):
            assert await _user(sessions) == account.name


async def test_a_statement_without_a_connection_in_time_says_so(
    postgres: Postgres, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("novacron.adapters.postgres.CONNECT_SECONDS", 1)
    async with opened(database.opened, pool=2, database=account.settings(postgres)) as (sessions, dependency):
        assert (await found(dependency)).state == "ok"
        async with sessions.connection():
            with pytest.raises(Unusable, match="TimedOut"):
                await _user(sessions)
            assert (await found(dependency)).state == "ok", "a busy pool is no outage"


async def _user(sessions: Sessions) -> str:
    async with sessions.connection() as connection:
        cursor = await connection.execute("SELECT current_user, pg_sleep(0.01)")
        row = await cursor.fetchone()
    assert row is not None
    return str(row[0])


async def _working(sessions: Sessions, seen: list[str], stop: asyncio.Event) -> None:
    while not stop.is_set():
        seen.append(await _user(sessions))


async def _crowd(sessions: Sessions, size: int) -> None:
    """So many at once, each for long enough that the pool grows as far as it may."""

    async def one() -> None:
        async with sessions.connection() as connection:
            await connection.execute("SELECT pg_sleep(0.2)")

    await asyncio.gather(*(one() for _ in range(size)))
