"""An API server that misbehaves on command: an HTTPS proxy on loopback between an operator and the real one.

What passes is written down; faults are switched on and off while it runs. It serves from a thread of its own, so tests
stay plain functions. Streams are passed on line by line, so that an injected event never splits one of the server's.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import ssl
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Literal

import aiohttp
import trustme
import yaml
from aiohttp import web
from yarl import URL

from tests.support.api_calls import Call, Journal, Match, anything, parse
from tests.support.controlplane import pki

_PASSED = ("Accept", "Authorization", "Content-Type", "User-Agent")
_RETURNED = ("Content-Type", "Retry-After")


@dataclass(frozen=True, slots=True)
class Answer:
    """The proxy answers by itself; nothing reaches the API server."""

    code: int
    matches: Match = anything


@dataclass(frozen=True, slots=True)
class Opening:
    """A watch is answered with 200, these lines, and a peaceful end."""

    lines: tuple[bytes, ...]
    matches: Match


class Hold:
    """Requests wait here until they are let go."""

    def __init__(self, matches: Match) -> None:
        self.matches = matches
        self.waiting = 0
        self.most = 0
        self._gate = threading.Event()

    def let_go(self) -> None:
        self._gate.set()

    async def passed(self) -> None:
        self.waiting += 1
        self.most = max(self.most, self.waiting)
        try:
            await asyncio.to_thread(self._gate.wait, 120)
        finally:
            self.waiting -= 1


Fault = Answer | Opening | Hold


@dataclass(slots=True)
class Trap:
    """What happens right before or after the n-th write is forwarded; afterwards nothing passes any more."""

    nth: int
    when: Literal["before", "after"]
    action: Callable[[], None]
    seen: int = 0
    sprung: bool = False


class Stream:
    """An open watch."""

    def __init__(self, call: Call, response: web.StreamResponse, loop: asyncio.AbstractEventLoop) -> None:
        self.call = call
        self.stalled = False
        self.lines = 0
        self._response = response
        self._loop = loop
        self._ended = asyncio.Event()

    def stall(self) -> None:
        """From now on no byte passes; the connection stays."""
        self.stalled = True

    def error(self, code: int) -> None:
        """An ERROR event as the server would send it, then the end."""
        self._do(self._write_and_end(error_event(code)))

    def end(self) -> None:
        """The server's peaceful end."""
        self._do(self._write_and_end(b""))

    def _do(self, work: Any) -> None:
        done: Future[None] = asyncio.run_coroutine_threadsafe(work, self._loop)
        done.result(10)

    async def _write_and_end(self, line: bytes) -> None:
        if line:
            await self._response.write(line)
        self._ended.set()

    async def relay(self, source: aiohttp.StreamReader) -> None:
        reading = asyncio.create_task(self._relay(source))
        ending = asyncio.create_task(self._ended.wait())
        try:
            await asyncio.wait([reading, ending], return_when=asyncio.FIRST_COMPLETED)
        finally:
            reading.cancel()
            ending.cancel()
            await asyncio.gather(reading, ending, return_exceptions=True)

    async def _relay(self, source: aiohttp.StreamReader) -> None:
        rest = b""
        async for chunk in source.iter_any():
            *lines, rest = (rest + chunk).split(b"\n")
            for line in lines:
                self.lines += 1
                if not self.stalled:
                    await self._response.write(line + b"\n")


def error_event(code: int) -> bytes:
    return json.dumps({"type": "ERROR", "object": _status(code)}).encode() + b"\n"


def _status(code: int) -> dict[str, Any]:
    reasons = {403: "Forbidden", 410: "Expired", 503: "ServiceUnavailable", 500: "InternalError"}
    return {
        "apiVersion": "v1",
        "kind": "Status",
        "metadata": {},
        "status": "Failure",
        "code": code,
        "reason": reasons.get(code, "Unknown"),
        "message": f"injected {code}",
    }


class FaultProxy:
    """Starts on entering, stops on leaving.

    Args:
        upstream: kubeconfig of the real API server; its identity is used where a caller brings no token.
        directory: where the kubeconfig for the operator and the certificate go.
    """

    def __init__(self, upstream: Path, directory: Path) -> None:
        content = yaml.safe_load(upstream.read_text())
        cluster, self._user = content["clusters"][0]["cluster"], content["users"][0]["user"]
        self._upstream = cluster["server"]
        self._upstream_ca = cluster["certificate-authority"]
        directory.mkdir(parents=True, exist_ok=True)
        self._directory = directory
        self.journal = Journal()
        self.kubeconfig = directory / "proxy.kubeconfig"
        self._faults: list[Fault] = []
        self._streams: set[Stream] = set()
        self._trap: Trap | None = None
        self._closed = False
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="fault-proxy", daemon=True)
        self._runner: web.ServerRunner | None = None
        self._session: aiohttp.ClientSession | None = None
        self._writing: asyncio.Lock | None = None

    def __enter__(self) -> FaultProxy:
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._start(), self._loop).result(30)
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _value: BaseException | None, _trace: TracebackType | None
    ) -> None:
        asyncio.run_coroutine_threadsafe(self._stop(), self._loop).result(30)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    # The script

    @contextlib.contextmanager
    def fault(self, *faults: Fault) -> Iterator[None]:
        """Faults for as long as the block lasts; the first that matches a call meets it."""
        self._faults.extend(faults)
        try:
            yield
        finally:
            for fault in faults:
                self._faults.remove(fault)

    def streams(self, matches: Match = anything) -> list[Stream]:
        """Watches that are open now."""
        return [stream for stream in tuple(self._streams) if matches(stream.call)]

    def at_write(self, nth: int, when: Literal["before", "after"], action: Callable[[], None]) -> Trap:
        """Arms a trap. From now on writes pass one by one, so that exactly the first ``nth`` (or one less) get through.

        After the action nothing passes until ``reopen``.
        """
        self._trap = Trap(nth, when, action)
        return self._trap

    def reopen(self) -> None:
        self._trap = None
        self._closed = False

    # The proxy

    async def _start(self) -> None:
        self._writing = asyncio.Lock()
        tls = ssl.create_default_context(cafile=self._upstream_ca)
        if "client-certificate" in self._user:
            tls.load_cert_chain(self._user["client-certificate"], self._user["client-key"])
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, ssl=tls), timeout=aiohttp.ClientTimeout(total=None, connect=5)
        )
        authority = trustme.CA()
        certificate = authority.issue_cert("127.0.0.1")
        authority.cert_pem.write_to_path(self._directory / "proxy.crt")
        serving = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        certificate.configure_cert(serving)
        self._runner = web.ServerRunner(web.Server(self._handle, handler_cancellation=True), shutdown_timeout=0)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0, ssl_context=serving).start()
        port = self._runner.addresses[0][1]
        user = {"token": self._user["token"]} if "token" in self._user else {}
        pki.kubeconfig(self.kubeconfig, f"https://127.0.0.1:{port}", self._directory / "proxy.crt", user)

    async def _stop(self) -> None:
        for stream in tuple(self._streams):
            stream._ended.set()
        if self._runner is not None:
            await self._runner.cleanup()
        if self._session is not None:
            await self._session.close()

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        call = parse(request.method, request.path, request.query, request.headers.get("Content-Type", ""))
        self.journal.add(call)
        body = await request.read()
        if self._closed:
            return _hang_up(request)
        for fault in tuple(self._faults):
            if not fault.matches(call):
                continue
            if isinstance(fault, Hold):
                await fault.passed()
                continue
            return await _misbehave(fault, request, call)
        if call.verb == "watch":
            return await self._watch(request, call)
        if self._trap is not None and call.is_write:
            return await self._trapped(request, call, body)
        return await self._forward(request, call, body)

    async def _trapped(self, request: web.BaseRequest, call: Call, body: bytes) -> web.StreamResponse:
        assert self._writing is not None
        async with self._writing:
            trap = self._trap
            if self._closed:
                return _hang_up(request)
            if trap is None:
                return await self._forward(request, call, body)
            trap.seen += 1
            if trap.seen < trap.nth:
                return await self._forward(request, call, body)
            if trap.when == "after":
                await asyncio.shield(self._forward(request, call, body))
            self._closed = trap.sprung = True
            trap.action()
            return _hang_up(request)

    def _request(self, request: web.BaseRequest, body: bytes | None) -> Any:
        assert self._session is not None
        headers = {name: request.headers[name] for name in _PASSED if name in request.headers}
        url = URL(self._upstream + request.raw_path, encoded=True)
        return self._session.request(
            request.method, url, headers=headers | {"Accept-Encoding": "identity"}, data=body or None
        )

    async def _forward(self, request: web.BaseRequest, call: Call, body: bytes) -> web.StreamResponse:
        try:
            async with self._request(request, body) as answer:
                text = await answer.read()
                call.code = answer.status
                headers = {name: answer.headers[name] for name in _RETURNED if name in answer.headers}
                return web.Response(status=answer.status, body=text, headers=headers)
        except aiohttp.ClientError:
            return _hang_up(request)

    async def _watch(self, request: web.BaseRequest, call: Call) -> web.StreamResponse:
        try:
            async with self._request(request, None) as answer:
                call.code = answer.status
                response = web.StreamResponse(
                    status=answer.status, headers={"Content-Type": answer.headers["Content-Type"]}
                )
                await response.prepare(request)
                stream = Stream(call, response, self._loop)
                self._streams.add(stream)
                try:
                    await stream.relay(answer.content)
                finally:
                    self._streams.discard(stream)
                await response.write_eof()
                return response
        except (aiohttp.ClientError, ConnectionError):
            return _hang_up(request)


async def _misbehave(fault: Answer | Opening, request: web.BaseRequest, call: Call) -> web.StreamResponse:
    if isinstance(fault, Answer):
        call.code = fault.code
        return web.json_response(_status(fault.code), status=fault.code)
    call.code = 200
    response = web.StreamResponse(headers={"Content-Type": "application/json"})
    await response.prepare(request)
    for line in fault.lines:
        await response.write(line)
    await response.write_eof()
    return response


def _hang_up(request: web.BaseRequest) -> web.StreamResponse:
    """The connection breaks without an answer."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response(status=502)
