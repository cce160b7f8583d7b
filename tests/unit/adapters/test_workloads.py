"""Asking a workload, against a real HTTP server on loopback, which only tests may connect to."""

from __future__ import annotations

import asyncio
import gzip
import ipaddress
import json
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from aiohttp import web

from novacron.adapters import workloads
from novacron.adapters.workloads import HttpWorkloads, NoAnswer
from novacron.core import readiness

ANSWER = {
    "dependencies": [
        {
            "name": "redis",
            "state": "ok",
            "required": True,
            "secret": "novacron-redis",
            "reason": "Reached",
            "message": "",
        }
    ]
}
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def serving(handler: Handler) -> AsyncIterator[int]:
    """The port of a server that answers with this alone."""
    application = web.Application()
    application.router.add_route("*", "/{path:.*}", handler)
    runner = web.AppRunner(application)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        port: int = runner.addresses[0][1]
        yield port
    finally:
        await runner.cleanup()


def loopback(address: workloads.Address) -> bool:
    return address.is_loopback


async def asked(handler: Handler, path: str = "/ready") -> tuple[readiness.Dependency, ...]:
    async with serving(handler) as port, HttpWorkloads(loopback) as asking:
        return await asking.ask("127.0.0.1", port, path)


async def test_an_answer_is_read_and_the_path_is_the_one_given() -> None:
    seen: list[tuple[str, str]] = []

    async def handler(request: web.Request) -> web.Response:
        seen.append((request.method, request.raw_path))
        return web.json_response(ANSWER)

    (found,) = await asked(handler, "/a%2Fb/ready")
    assert (found.name, found.state) == ("redis", "ok")
    assert seen == [("GET", "/a%2Fb/ready")]


async def test_a_refusal_to_serve_is_an_answer_too() -> None:
    async def handler(_request: web.Request) -> web.Response:
        return web.Response(status=503, body=json.dumps(ANSWER).encode(), content_type="application/problem+json")

    assert len(await asked(handler)) == 1


async def test_a_redirect_is_not_followed() -> None:
    seen: list[str] = []

    async def handler(request: web.Request) -> web.Response:
        seen.append(request.path)
        if request.path == "/ready":
            raise web.HTTPFound("/elsewhere")
        return web.json_response(ANSWER)

    with pytest.raises(NoAnswer):
        await asked(handler)
    assert seen == ["/ready"]


async def test_no_more_is_read_than_an_answer_may_have() -> None:
    sent = 0
    ended = asyncio.Event()

    async def handler(request: web.Request) -> web.StreamResponse:
        nonlocal sent
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        await response.prepare(request)
        try:
            for _ in range(10_000):
                await response.write(b" " * 65536)
                sent += 65536
        finally:
            ended.set()
        return response

    with pytest.raises(NoAnswer):
        await asked(handler)
    await asyncio.wait_for(ended.wait(), 5)
    assert sent < 100 * readiness.MOST_BYTES


async def test_nothing_is_decompressed() -> None:
    async def handler(_request: web.Request) -> web.Response:
        bomb = gzip.compress(json.dumps(ANSWER).encode())
        return web.Response(body=bomb, content_type="application/json", headers={"Content-Encoding": "gzip"})

    with pytest.raises(NoAnswer):
        await asked(handler)


async def test_a_silent_server_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workloads, "_SECONDS", 0.2)
    ended = asyncio.Event()

    async def handler(_request: web.Request) -> web.Response:
        await ended.wait()
        return web.json_response(ANSWER)

    async with serving(handler) as port, HttpWorkloads(loopback) as asking:
        with pytest.raises(NoAnswer, match="Timeout"):
            await asyncio.wait_for(asking.ask("127.0.0.1", port, "/ready"), 10)
        ended.set()


async def test_a_proxy_of_the_environment_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")

    async def handler(_request: web.Request) -> web.Response:
        return web.json_response(ANSWER)

    assert len(await asked(handler)) == 1


async def test_nobody_listens() -> None:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        closed = bound.getsockname()[1]
    async with HttpWorkloads(loopback) as asking:
        with pytest.raises(NoAnswer):
            await asking.ask("127.0.0.1", closed, "/ready")


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "::1",
        "169.254.169.254",
        "fe80::1",
        "fe80::1%eth0",
        "fd00::1%eth0",
        "0.0.0.0",  # noqa: S104 - refused
        "::",
        "224.0.0.1",
        "ff02::1",
        "::ffff:127.0.0.1",
        "::ffff:169.254.169.254",
        "localhost",
        "metadata.internal",
        "10.0.0.1@127.0.0.1",
        "10.0.0.1:80",
        "",
    ],
)
async def test_what_is_no_address_of_a_pod_is_not_connected_to(address: str) -> None:
    async with HttpWorkloads() as asking:
        with pytest.raises(NoAnswer, match="address"):
            await asking.ask(address, 8080, "/ready")


@pytest.mark.parametrize("address", ["10.244.1.7", "100.64.0.1", "192.168.1.1", "fd00:10::5", "2001:db8::1", "8.8.8.8"])
def test_what_pods_and_services_have_may_be_asked(address: str) -> None:
    assert workloads.of_a_cluster(ipaddress.ip_address(address))
