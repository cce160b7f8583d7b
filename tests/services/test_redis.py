"""Redis as a dependency: every way in which it can fail, and new credentials while work goes on."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from novacron.adapters.redis import Commands
from novacron.workload.service import redis
from tests.services.conftest import REDIS_PASSWORD, RedisAccount
from tests.services.stores import found, opened, until
from tests.support.certificates import Authority
from tests.support.ports import free_port
from tests.support.redis_server import RedisServer

WRONG: dict[str, tuple[dict[str, Any], dict[str, str | bytes], str]] = {
    "password": ({}, {"password": "canary-wrong"}, "AuthenticationFailed"),
    "no password": ({}, {"password": ""}, "AuthenticationFailed"),
    "user": ({}, {"username": "canary-nobody"}, "AuthenticationFailed"),
    "unknown host": ({"host": "nowhere.invalid"}, {}, "NameNotResolved"),
    "closed port": ({"port": free_port()}, {}, "Unreachable"),
    "another authority": ({}, {"ca.crt": Authority().pem}, "CertificateRefused"),
    "the system's authorities": ({}, {"ca.crt": ""}, "CertificateRefused"),
    "another name": ({"host": "127.0.0.2"}, {}, "CertificateRefused"),
    "no TLS": ({"tls": False}, {}, "Unreachable"),
    "rubbish for an authority": ({}, {"ca.crt": "canary rubbish"}, "FileInvalid"),
}


@pytest.mark.parametrize(("settings", "files", "reason"), WRONG.values(), ids=WRONG)
async def test_what_is_wrong_has_a_name(
    redis_server: RedisServer,
    redis_account: RedisAccount,
    settings: dict[str, Any],
    files: dict[str, str | bytes],
    reason: str,
) -> None:
    redis_account.volume.replace(redis_account.files(**files))
    async with opened(redis.opened, redis=redis_account.settings(redis_server, **settings)) as (_, dependency):
        finding = await found(dependency)
    assert (finding.state, finding.reason, finding.secret) == ("down", reason, "novacron-redis")


async def test_without_a_mounted_authority_those_of_the_system_judge(
    redis_server: RedisServer, redis_account: RedisAccount, system_authorities: Path
) -> None:
    redis_account.volume.replace(redis_account.files(**{"ca.crt": ""}))
    system_authorities.write_bytes(redis_server.ca)
    async with opened(redis.opened, redis=redis_account.settings(redis_server)) as (_, dependency):
        assert (await found(dependency)).state == "ok"


async def test_a_mounted_authority_judges_alone(
    redis_server: RedisServer, redis_account: RedisAccount, system_authorities: Path
) -> None:
    system_authorities.write_bytes(redis_server.ca)
    redis_account.volume.replace(redis_account.files(**{"ca.crt": Authority().pem}))
    async with opened(redis.opened, redis=redis_account.settings(redis_server)) as (_, dependency):
        assert (await found(dependency)).reason == "CertificateRefused"


async def test_tls_where_nobody_speaks_it(
    redis_server: RedisServer, redis_account: RedisAccount, silent_server: Callable[[], int]
) -> None:
    settings = redis_account.settings(redis_server, port=silent_server())
    async with opened(redis.opened, redis=settings) as (_, dependency):
        assert (await found(dependency)).reason == "TimedOut"


async def test_a_user_who_may_not_ask(redis_server: RedisServer, redis_account: RedisAccount) -> None:
    redis_server.command("ACL", "SETUSER", "mute", "on", ">canary-mute", "-@all")
    redis_account.volume.replace(redis_account.files(username="mute", password="canary-mute"))
    async with opened(redis.opened, redis=redis_account.settings(redis_server)) as (_, dependency):
        assert (await found(dependency)).reason == "PermissionDenied"


async def test_a_server_that_asks_for_nobody(authority: Authority) -> None:
    """No folder is mounted then, and its certificate must be the system's to judge; here nobody judges it."""
    with RedisServer(authority, "", tls=False) as server:
        settings = {"host": "127.0.0.1", "port": server.port, "tls": False}
        async with opened(redis.opened, redis=settings) as (_, dependency):
            finding = await found(dependency)
            assert (finding.state, finding.secret) == ("ok", "")


async def test_a_refused_password_leaves_what_works(redis_server: RedisServer, redis_account: RedisAccount) -> None:
    async with opened(redis.opened, redis=redis_account.settings(redis_server)) as (commands, dependency):
        assert (await found(dependency)).state == "ok"
        redis_account.volume.replace(redis_account.files(password="canary-wrong"))
        finding = await found(dependency)
        assert (finding.state, finding.reason) == ("degraded", "AuthenticationFailed")
        assert await _user(commands) == "default"
        redis_account.volume.replace(redis_account.files())
        assert (await found(dependency)).state == "ok"


async def test_a_new_login_takes_over_while_work_goes_on(
    redis_server: RedisServer, redis_account: RedisAccount
) -> None:
    redis_server.command("ACL", "SETUSER", "next", "on", ">canary-next", "~*", "&*", "+@all")
    async with opened(redis.opened, redis=redis_account.settings(redis_server)) as (commands, dependency):
        assert (await found(dependency)).state == "ok"
        seen: list[str] = []
        stop = asyncio.Event()

        async def work() -> None:
            while not stop.is_set():
                async with commands.client() as client:
                    await client.blpop(["nothing"], timeout=0.02)
                    seen.append(await _whoami(client))

        workers = [asyncio.create_task(work()) for _ in range(8)]
        await until(lambda: len(seen) > 20)
        redis_account.volume.replace(redis_account.files(username="next", password="canary-next"))
        assert (await found(dependency)).state == "ok"
        switched = len(seen)
        await until(lambda: len(seen) > switched + 60)
        stop.set()
        await asyncio.gather(*workers)
        assert set(seen) == {"default", "next"}
        assert set(seen[-16:]) == {"next"}
        await until(lambda: "user=default" not in str(redis_server.command("CLIENT", "LIST")))


async def test_an_outage_and_its_end(authority: Authority, redis_account: RedisAccount) -> None:
    with RedisServer(authority, REDIS_PASSWORD) as server:
        async with opened(redis.opened, redis=redis_account.settings(server)) as (commands, dependency):
            assert (await found(dependency)).state == "ok"
            assert await _user(commands) == "default"
            server.stop()
            assert (await found(dependency)).reason == "Unreachable"
            server.start()
            assert (await found(dependency)).state == "ok"
            assert await _user(commands) == "default"


async def _user(commands: Commands) -> str:
    async with commands.client() as client:
        return await _whoami(client)


async def _whoami(client: Any) -> str:
    return str((await client.execute_command("ACL", "WHOAMI")).decode())
