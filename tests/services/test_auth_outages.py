"""PostgreSQL and Redis stopped and started under load: nothing false is let in, nothing right is called wrong."""

from __future__ import annotations

import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.services.conftest import REDIS_PASSWORD
from tests.support.auth_pods import AuthPods, Tokens, given, post, refreshed, sessions
from tests.support.certificates import Authority
from tests.support.postgres import Postgres
from tests.support.redis_server import RedisServer
from tests.support.service_process import Answer, ServiceProcess
from tests.support.waiting import until

WRONG = "canary wrong password of somebody"


@pytest.fixture(scope="module")
def stores(authority: Authority) -> Iterator[tuple[Postgres, RedisServer]]:
    """Of this module alone: others go on while these stand still."""
    with Postgres(authority) as postgres, RedisServer(authority, REDIS_PASSWORD) as redis_server:
        yield postgres, redis_server


@pytest.fixture
def auth(stores: tuple[Postgres, RedisServer], tmp_path: Path) -> Iterator[AuthPods]:
    files: dict[str, str | bytes] = {"password": REDIS_PASSWORD, "ca.crt": stores[1].ca}
    with AuthPods(tmp_path, *stores, files, pods=2) as pods:
        yield pods


class Load:
    """Clients of every kind, each over and over, and what they were answered."""

    def __init__(self, auth: AuthPods) -> None:
        self._auth = auth
        self._stop = threading.Event()
        self.seen: dict[str, Counter[int]] = {}
        self.last: dict[str, tuple[float, Answer]] = {}
        """The latest answer that is not 200."""
        person = auth.person()
        self._valid, self._ended = auth.log_in(auth.person()), auth.log_in(auth.person())
        post(auth.pod, "/api/v1/auth/logout", {"Authorization": self._ended.bearer})
        forged = Tokens(self._valid.access[:-8] + "AAAAAAAA", "", "", 0)
        self._clients: dict[str, Callable[[ServiceProcess], Answer]] = {
            "valid": lambda pod: sessions(pod, self._valid),
            "ended": lambda pod: sessions(pod, self._ended),
            "forged": lambda pod: sessions(pod, forged),
            "gateway": lambda pod: pod.ask("/authz/ext-authz/x", Authorization=self._valid.bearer),
            "wrong password": lambda pod: self._log_in(pod, WRONG),
            "refresh": self._refresh,
        }
        self._person = person
        self._chain = auth.log_in(auth.person())

    def _log_in(self, pod: ServiceProcess, password: str) -> Answer:
        return post(pod, "/api/v1/auth/login", email=self._person.email, password=password)

    def _refresh(self, pod: ServiceProcess) -> Answer:
        answer = refreshed(pod, self._chain.refresh)
        if answer.status == 200:
            self._chain = given(answer)
        return answer

    def _client(self, name: str) -> None:
        ask, seen = self._clients[name], self.seen.setdefault(name, Counter())
        turn = 0
        while not self._stop.is_set():
            answer = ask(self._auth.pods[turn % 2])
            turn += 1
            seen[answer.status] += 1
            if answer.status != 200:
                self.last[name] = (time.monotonic(), answer)
            self._stop.wait(0.02)

    @contextmanager
    def running(self) -> Iterator[None]:
        """Whatever a client meets besides an answer fails the test."""
        with ThreadPoolExecutor(len(self._clients)) as pool:
            asked = [pool.submit(self._client, name) for name in self._clients]
            try:
                yield
            finally:
                self._stop.set()
            for one in asked:
                one.result()

    def quiet(self, *names: str) -> bool:
        """Whether these have had nothing but 200 for a second."""
        now = time.monotonic()
        return all(now - self.last[name][0] > 1.0 for name in names if name in self.last)

    def answered(self, name: str, more: int) -> Callable[[], bool]:
        """Whether a client has had so many answers from now on."""
        before = self.seen.get(name, Counter()).total()
        return lambda: self.seen.get(name, Counter()).total() >= before + more


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGQUIT])
def test_postgresql_stopped_and_started_under_load(
    auth: AuthPods, stores: tuple[Postgres, RedisServer], how: signal.Signals
) -> None:
    postgres = stores[0]
    load = Load(auth)
    with load.running():
        until(load.answered("valid", 20), "the load runs", 20)
        postgres.stop(how)
        try:
            until(lambda: load.seen["valid"][503] > 5, "protected routes answer 503", 20)
            until(lambda: load.seen["wrong password"][503] > 0, "logins answer 503", 20)
        finally:
            postgres.start()
        until(lambda: load.quiet("valid", "refresh", "gateway"), "all is well again, without a restart", 40)
    _nothing_false(load)
    assert set(load.seen["valid"]) <= {200, 503}
    assert set(load.seen["refresh"]) <= {200, 503}
    assert set(load.seen["gateway"]) <= {200, 503}
    assert set(load.seen["wrong password"]) <= {401, 429, 503}
    assert set(load.seen["ended"]) <= {401, 503}
    for pod in auth.pods:
        pod.until_ready()


def test_redis_stopped_and_started_under_load(auth: AuthPods, stores: tuple[Postgres, RedisServer]) -> None:
    redis_server = stores[1]
    load = Load(auth)
    with load.running():
        until(load.answered("valid", 20), "the load runs", 20)
        redis_server.stop()
        try:
            for pod in auth.pods:
                pod.until_dependency("redis", "down", "Unreachable")
                assert pod.ready().status == 200  # the local wall still stands
            until(load.answered("refresh", 20), "refreshes go on", 20)
            fallback = "novacron_auth_shared_limit_fallback_total"
            until(lambda: auth.pod.metrics()[fallback] > 0, "a metric says so", 20)
        finally:
            redis_server.start()
        for pod in auth.pods:
            pod.until_dependency("redis", "ok", "Reached")
    _nothing_false(load)
    assert set(load.seen["valid"]) == {200}
    assert set(load.seen["refresh"]) == {200}
    assert set(load.seen["gateway"]) == {200}
    assert set(load.seen["ended"]) == {401}


def test_a_database_that_hangs_is_an_outage(auth: AuthPods, stores: tuple[Postgres, RedisServer]) -> None:
    """As on a machine that is suspended: connections stay open, and nobody answers."""
    mine = auth.log_in(auth.person())
    stores[0].freeze()
    try:
        until(lambda: auth.pod.ready().status == 503, "the pod is not ready", 30)
        answer = auth.pod.ask("/authz/ext-authz/x", Authorization=mine.bearer)
        assert answer.status in (200, 503), answer
        until(
            lambda: auth.pod.ask("/authz/auth-request", Authorization=mine.bearer).status == 403,
            "what is known of revocations is too old",
            30,
        )
        answer = auth.pod.ask("/authz/ext-authz/x", Authorization=mine.bearer)
        assert (answer.status, answer.headers["x-novacron-reason"]) == (503, "unavailable")
        assert int(answer.headers["retry-after"]) > 0
    finally:
        stores[0].thaw()
    auth.pod.until_ready()
    until(lambda: sessions(auth.pod, mine).status == 200, "all is well again", 30)
    until(lambda: auth.pod.ask("/authz/auth-request", Authorization=mine.bearer).status == 200, "for gateways too", 30)


def _nothing_false(load: Load) -> None:
    for name in ("ended", "forged", "wrong password"):
        assert not load.seen[name][200], (name, load.seen[name])
    assert set(load.seen["forged"]) == {401}
