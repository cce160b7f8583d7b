"""The states of a store with mounted credentials, whoever answers behind it."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from novacron.adapters.mounted import Stamp
from novacron.core.dependencies import Finding, Unusable
from novacron.workload.service import store as module
from novacron.workload.service.store import StoreDependency
from novacron.workload.service.telemetry import Telemetry


class Files:
    """A folder whose content is the password."""

    def __init__(self) -> None:
        self.content: bytes | Unusable = b"first"
        self.version = 0

    def stamp(self) -> Stamp:
        return (self.version,)

    def read(self) -> tuple[Stamp, Mapping[str, bytes]]:
        if isinstance(self.content, Unusable):
            raise self.content
        return self.stamp(), {"password": self.content}

    def replace(self, content: bytes | Unusable) -> None:
        self.content, self.version = content, self.version + 1


class Line:
    """One connection."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self.broken = self.closed = False

    async def ping(self) -> None:
        self.broken = self.broken or not self._server.running
        if self.broken:
            raise Unusable("Unreachable")

    async def close(self) -> None:
        self.closed = True


class Server:
    """Lets in who knows its password."""

    def __init__(self) -> None:
        self.password = b"first"
        self.running = True
        self.lines: list[Line] = []
        self.adopted: list[bytes] = []
        self.recovered = 0
        self.closed = False

    async def open(self, login: bytes) -> Line:
        if not self.running:
            raise Unusable("Unreachable")
        if login != self.password:
            raise Unusable("AuthenticationFailed")
        self.lines.append(Line(self))
        return self.lines[-1]

    async def adopt(self, login: bytes) -> None:
        self.adopted.append(login)

    async def recover(self) -> None:
        self.recovered += 1

    async def close(self) -> None:
        self.closed = True

    @property
    def open_lines(self) -> int:
        return sum(not line.closed for line in self.lines)


@pytest.fixture
def files() -> Files:
    return Files()


@pytest.fixture
def server() -> Server:
    return Server()


@pytest.fixture
def store(server: Server, files: Files) -> StoreDependency[bytes]:
    return StoreDependency("db", "s", "h:1", server, files, lambda found: found["password"], Telemetry("query"))


def _said(finding: Finding) -> tuple[str, str]:
    return finding.state, finding.reason


async def test_it_works_from_the_first_check_on(store: StoreDependency[bytes], server: Server) -> None:
    assert store.changed()
    for _ in range(3):
        assert _said(await store.check()) == ("ok", "Reached")
        assert not store.changed()
    assert (server.adopted, len(server.lines)) == ([b"first"], 1)


async def test_a_first_login_that_is_refused_is_tried_again(store: StoreDependency[bytes], server: Server) -> None:
    server.password = b"other"
    for _ in range(2):
        assert _said(await store.check()) == ("down", "AuthenticationFailed")
    server.password = b"first"
    assert _said(await store.check()) == ("ok", "Reached")


async def test_new_files_are_adopted_after_they_were_tried(
    store: StoreDependency[bytes], server: Server, files: Files
) -> None:
    await store.check()
    files.replace(b"second")
    server.password = b"second"
    assert store.changed()
    assert _said(await store.check()) == ("ok", "Reached")
    assert (server.adopted, server.open_lines) == ([b"first", b"second"], 1)


async def test_new_files_that_are_refused_change_nothing(
    store: StoreDependency[bytes], server: Server, files: Files
) -> None:
    await store.check()
    files.replace(b"wrong")
    for _ in range(2):
        assert _said(await store.check()) == ("degraded", "AuthenticationFailed")
    assert (server.adopted, server.open_lines) == ([b"first"], 1)


@pytest.mark.parametrize("reason", ["FileMissing", "FileInvalid"])
async def test_files_that_cannot_be_read_change_nothing(
    store: StoreDependency[bytes], files: Files, reason: str
) -> None:
    await store.check()
    files.replace(Unusable(reason))
    assert _said(await store.check()) == ("degraded", reason)


async def test_refused_files_work_once_the_server_takes_them(
    store: StoreDependency[bytes], server: Server, files: Files
) -> None:
    """External Secrets was faster than who changed the password."""
    await store.check()
    files.replace(b"second")
    await store.check()
    server.password = b"second"
    assert not store.changed()
    assert _said(await store.check()) == ("ok", "Reached")
    assert server.adopted == [b"first", b"second"]


async def test_refused_files_that_go_back_are_well(store: StoreDependency[bytes], files: Files) -> None:
    await store.check()
    files.replace(b"wrong")
    await store.check()
    files.replace(b"first")
    assert _said(await store.check()) == ("ok", "Reached")


async def test_files_that_were_only_touched_are_not_tried(
    store: StoreDependency[bytes], server: Server, files: Files
) -> None:
    await store.check()
    files.replace(b"first")
    assert _said(await store.check()) == ("ok", "Reached")
    assert (server.adopted, len(server.lines)) == ([b"first"], 1)


async def test_an_outage_and_its_end(store: StoreDependency[bytes], server: Server) -> None:
    await store.check()
    server.running = False
    assert _said(await store.check()) == ("down", "Unreachable")
    server.running = True
    assert _said(await store.check()) == ("ok", "Reached")
    assert (server.recovered, server.open_lines) == (1, 1)


async def test_an_outage_overrules_files_that_are_refused(
    store: StoreDependency[bytes], server: Server, files: Files
) -> None:
    await store.check()
    files.replace(b"wrong")
    await store.check()
    server.running = False
    assert _said(await store.check()) == ("down", "Unreachable")


async def test_a_broken_line_alone_is_no_outage(store: StoreDependency[bytes], server: Server) -> None:
    await store.check()
    server.lines[0].broken = True
    assert _said(await store.check()) == ("ok", "Reached")
    assert (server.recovered, server.open_lines) == (1, 1)


async def test_a_password_that_changed_at_the_server_alone(
    store: StoreDependency[bytes], server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_RENEW_SECONDS", 0.0)
    await store.check()
    server.password = b"second"
    assert _said(await store.check()) == ("degraded", "AuthenticationFailed")
    assert server.open_lines == 1


async def test_the_end_closes_all(store: StoreDependency[bytes], server: Server) -> None:
    await store.check()
    await store.close()
    assert (server.open_lines, server.closed) == (0, True)


async def test_without_a_folder_there_is_one_login(server: Server) -> None:
    store = StoreDependency("db", "", "h:1", server, None, lambda _files: b"first", Telemetry("query"))
    assert _said(await store.check()) == ("ok", "Reached")
    assert not store.changed()
