"""The end of a process: nothing that runs is lost, nothing waits for ever, and the code says how it was."""

from __future__ import annotations

import http.client
import signal
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.services.conftest import Account
from tests.support.postgres import Postgres
from tests.support.service_process import TRIAL, ServiceProcess
from tests.support.waiting import lasting, until


class Load:
    """Clients that keep their connections, and take their next request elsewhere once they are told to.

    Args:
        path: asked for by each, again and again.
    """

    def __init__(self, service: ServiceProcess, path: str, clients: int) -> None:
        self._service = service
        self._path = path
        self.statuses: list[int] = []
        self.failures: list[str] = []
        self.leave = threading.Event()
        self._threads = [threading.Thread(target=self._ask, daemon=True) for _ in range(clients)]

    def start(self) -> Load:
        for thread in self._threads:
            thread.start()
        return self

    def join(self) -> None:
        for thread in self._threads:
            thread.join(30)

    def _ask(self) -> None:
        line = self._service.connection()
        while not self.leave.is_set():
            try:
                line.request("GET", self._path)
                answer = line.getresponse()
                answer.read()
            except (OSError, http.client.HTTPException) as error:
                self.failures.append(repr(error))
                return
            self.statuses.append(answer.status)
            if answer.getheader("connection") == "close":
                line.close()
                line = self._service.connection()


def test_an_end_under_load_loses_nothing(tmp_path: Path) -> None:
    with ServiceProcess("ml", tmp_path, module=TRIAL) as process:
        process.until_ready()
        load = Load(process, "/slow/0.05", 8).start()
        until(lambda: len(load.statuses) > 50, "the load runs")
        process.tell()
        until(lambda: process.ready().status == 503, "the process is not ready", every=0.02)
        assert process.ready().json()["state"] == "draining"
        answer = process.ask("/health")
        assert (answer.status, answer.headers["connection"]) == (200, "close")
        load.leave.set()  # as the endpoints of its Service do
        code, seconds = process.ended()
        load.join()
        assert load.failures == []
        assert set(load.statuses) == {200}
        assert (code, seconds < 10) == (0, True)


def test_what_runs_is_finished_and_no_longer_than_the_grace(tmp_path: Path) -> None:
    with ServiceProcess("ml", tmp_path, module=TRIAL, members={"shutdown_grace_seconds": 10}) as process:
        process.until_ready()
        short, long = Load(process, "/slow/4", 1).start(), Load(process, "/slow/25", 1).start()
        until(lambda: process.metrics()["http_requests_in_flight"] >= 3, "both run")
        short.leave.set()
        long.leave.set()
        process.tell()
        code, seconds = process.ended()
        short.join()
        long.join()
        assert (short.statuses, short.failures) == ([200], [])
        assert (long.statuses, long.failures) == ([503], [])
        assert (code, 3 < seconds < 10) == (0, True)
        assert len(process.lines("request cut off by the end of the process")) == 1


def test_idle_connections_are_closed_politely(tmp_path: Path) -> None:
    with ServiceProcess("ml", tmp_path) as process:
        line = process.connection()
        line.request("GET", "/health")
        assert line.getresponse().read()
        process.tell()
        assert line.sock is not None
        assert line.sock.recv(1) == b"", "closed, not reset"
        assert process.ended()[0] == 0


def test_the_second_signal_means_now(tmp_path: Path) -> None:
    with ServiceProcess("ml", tmp_path, module=TRIAL) as process:
        process.until_ready()
        Load(process, "/slow/20", 1).start()
        until(lambda: process.metrics()["http_requests_in_flight"] >= 2, "it runs")
        process.tell()
        until(lambda: process.ready().status == 503, "the process is not ready", every=0.02)
        process.tell()
        code, seconds = process.ended()
        assert (code, seconds < 2) == (128 + signal.SIGTERM, True)


def test_ctrl_c_is_quick(tmp_path: Path) -> None:
    with ServiceProcess("ml", tmp_path) as process:
        process.tell(signal.SIGINT)
        code, seconds = process.ended()
        assert (code, seconds < 4) == (130, True)


def test_no_connection_is_left_at_the_database(tmp_path: Path, postgres: Postgres, account: Account) -> None:
    settings = account.settings(postgres)
    with ServiceProcess("ml", tmp_path, module=TRIAL, members={"database": settings}) as process:
        process.until_ready()
        assert process.ask("/user").json() == {"user": account.name}
        process.tell()
        assert process.ended()[0] == 0
    assert postgres.sessions(account.name) == 0


def test_new_credentials_reach_a_process_under_load(tmp_path: Path, postgres: Postgres, account: Account) -> None:
    """Wrong ones first: it works on with what it has, says so, and no request fails from first to last."""
    new, password = f"{account.name}_new", "canary-of-the-new-user"
    postgres.sql(f"CREATE ROLE {new} LOGIN PASSWORD '{password}'")
    with ServiceProcess("ml", tmp_path, module=TRIAL, members={"database": account.settings(postgres)}) as process:
        process.until_ready()
        load = Load(process, "/user", 6).start()
        until(lambda: len(load.statuses) > 20, "the load runs")
        account.volume.replace(account.files(username=new, password="canary-wrong"))
        found = process.until_dependency("database", "degraded", "AuthenticationFailed")
        assert "Secret novacron-database" in found["message"]
        assert process.ready().status == 200
        account.volume.replace(account.files(username=new, password=password))
        process.until_dependency("database", "ok", "Reached")
        until(lambda: process.ask("/user").json() == {"user": new}, "the new user is used")
        until(lambda: postgres.sessions(account.name) == 0, "the old user is gone")
        load.leave.set()
        load.join()
        assert (load.failures, set(load.statuses)) == ([], {200})
        assert process.metrics()['novacron_reloads_total{outcome="applied",source="database"}'] == 2
        assert process.metrics()['novacron_reloads_total{outcome="refused",source="database"}'] == 1
        assert "canary" not in process.log() + process.metrics_page()


def test_another_share_of_connections_needs_no_restart(tmp_path: Path, postgres: Postgres, account: Account) -> None:
    """The one that the checks use counts: a share of three is two for work."""
    members = {"database": account.settings(postgres)}
    with ServiceProcess("ml", tmp_path, module=TRIAL, members=members, reloaded={"database_pool_size": 3}) as process:
        process.until_ready()
        load = Load(process, "/user", 12).start()
        until(lambda: postgres.sessions(account.name) == 3, "the share is used")
        lasting(lambda: postgres.sessions(account.name) <= 3, "the share is kept", 1)
        process.reload(database_pool_size=6)
        until(lambda: postgres.sessions(account.name) == 6, "the larger share is used")
        lasting(lambda: postgres.sessions(account.name) <= 6, "the larger share is kept", 1)
        load.leave.set()
        load.join()
        assert (load.failures, set(load.statuses)) == ([], {200})


def test_a_port_that_is_taken_ends_it_with_one_line(tmp_path: Path) -> None:
    with ServiceProcess("ml", tmp_path / "first") as first:
        second = ServiceProcess("ml", tmp_path / "second")
        second.settings["ports"] = {"http": first.port, "metrics": first.metrics_port}
        second.reload()
        done = second.run()
    assert done.returncode == 2
    assert done.stderr.startswith(b"novacron: settings.json: ports.http: ")
    assert done.stderr.count(b"\n") == 1


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda process: process.settings.update(role="api"), "role: is for api, but this process is ml"),
        (lambda process: process.settings.pop("ports"), "settings.json: ports: field required"),
        (lambda process: process.settings.update(jwks_file=7), "settings.json: jwks_file:"),
    ],
    ids=["another role", "no ports", "no path"],
)
def test_settings_that_cannot_be_end_it_with_one_line(
    tmp_path: Path, change: Callable[[ServiceProcess], object], words: str
) -> None:
    process = ServiceProcess("ml", tmp_path)
    change(process)
    process.reload()
    done: subprocess.CompletedProcess[bytes] = process.run()
    assert (done.returncode, done.stdout, done.stderr.count(b"\n")) == (2, b"", 1)
    assert words.encode() in done.stderr


def test_a_failed_check_is_soon_repeated(tmp_path: Path, postgres: Postgres, account: Account) -> None:
    account.volume.replace(account.files(password="canary-wrong"))
    with ServiceProcess("ml", tmp_path, module=TRIAL, members={"database": account.settings(postgres)}) as process:
        process.until_dependency("database", "down", "AuthenticationFailed")
        before = time.monotonic()
        account.volume.replace(account.files())
        process.until_ready()
        assert time.monotonic() - before < 5
