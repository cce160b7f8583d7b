"""What fails around query: its database, its clients, its credentials. Clear answers, recovery without a restart, and
nothing lost of what was acknowledged.
"""

from __future__ import annotations

import http.client
import itertools
import json
import select
import signal
import socket
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

import pytest

from novacron.query.service.ingest import LARGEST_BODY, MOST_SAMPLES
from novacron.workload.service import outages
from tests.services.conftest import REDIS_PASSWORD
from tests.support.certificates import Authority
from tests.support.postgres import Postgres
from tests.support.query_pods import QueryPods
from tests.support.redis_server import RedisServer
from tests.support.samples import INGEST, Measured, assert_same, expected, found, vms
from tests.support.service_process import Answer, ServiceProcess
from tests.support.waiting import until

STATEMENT_SECONDS, REQUEST_SECONDS = 2, 8
POOL = 4
"""One of them is the probe's."""
TOO_SLOW = f"There was no answer within {STATEMENT_SECONDS} s; ask for less, or send it again later."


@pytest.fixture(scope="module")
def stores(authority: Authority) -> Iterator[tuple[Postgres, RedisServer]]:
    """Of this module alone: others go on while these stand still."""
    with Postgres(authority) as postgres, RedisServer(authority, REDIS_PASSWORD) as redis_server:
        yield postgres, redis_server


@pytest.fixture(scope="module")
def query(stores: tuple[Postgres, RedisServer], tmp_path_factory: pytest.TempPathFactory) -> Iterator[QueryPods]:
    files: dict[str, str | bytes] = {"password": REDIS_PASSWORD, "ca.crt": stores[1].ca}
    limits = {"request_seconds": REQUEST_SECONDS}
    made = QueryPods(
        tmp_path_factory.mktemp("query"),
        *stores,
        files,
        pods=2,
        pool=POOL,
        statement_timeout_seconds=STATEMENT_SECONDS,
        limits=limits,
    )
    with made as pods:
        yield pods


@pytest.fixture
def agent(query: QueryPods) -> Iterator[Agent]:
    """The pods that were there before a test are there after it, and well."""
    before = [pod.process for pod in query.pods]
    agent = Agent(query)
    yield agent
    assert [pod.process for pod in query.pods] == before
    for pod in query.pods:
        pod.until_ready()
        assert agent.sends(pod) == 200


class Agent:
    """Sends samples of one virtual machine, each once a second of its own time."""

    def __init__(self, query: QueryPods) -> None:
        self._query = query
        organization = query.organization()
        (self.vm,) = vms(query.database, organization, 1)
        self.token = query.machine_token(organization, "metrics:write")
        self._start = datetime.now(UTC) - timedelta(days=1)
        self._numbers = itertools.count()
        self.acknowledged: list[Measured] = []

    def batch(self, size: int = 3) -> list[Measured]:
        """New ones."""
        numbers = itertools.islice(self._numbers, size)
        return [Measured(self.vm, self._start + timedelta(seconds=one), one % 100, 50.5) for one in numbers]

    def post(self, batch: Sequence[Measured], pod: ServiceProcess | None = None) -> Answer:
        pod = pod or self._query.pod
        bearer = f"Bearer {self.token}"
        answer = pod.ask(INGEST, "POST", body=written(batch), Content_Type="application/json", Authorization=bearer)
        if answer.status == 200:
            assert not answer.json()["rejected"], answer
            self.acknowledged += batch
        return answer

    def sends(self, pod: ServiceProcess) -> int:
        """The status of one batch."""
        return self.post(self.batch(), pod).status

    def check(self) -> None:
        """Whatever was acknowledged is there, once, and in everything that is made of it; and nothing else."""
        assert_same(found(self._query.database, [self.vm]), expected(self.acknowledged))


def written(batch: Sequence[Measured]) -> bytes:
    return json.dumps({"samples": [one.sent() for one in batch]}).encode()


def outage(answer: Answer, *details: str) -> None:
    """A 503 that says when to come again and nothing of the inside."""
    assert answer.status == 503, answer
    assert answer.headers["content-type"] == "application/problem+json"
    assert int(answer.headers["retry-after"]) > 0
    told = answer.json()
    assert set(told) == {"type", "title", "status", "detail", "request_id"}
    assert told["detail"] in details


@contextmanager
def locked(query: QueryPods, table: str = "query.vm_latest") -> Iterator[None]:
    """Somebody else holds a table that every ingest writes to last."""
    with query.database.connect() as somebody, somebody.transaction():
        somebody.execute(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE".encode())
        yield


def waiting(query: QueryPods) -> list[int]:
    """Backends of the pods that wait for a lock."""
    statement = "SELECT pid FROM pg_stat_activity WHERE usename = %s AND wait_event_type = 'Lock'"
    return [pid for (pid,) in query.database.sql(statement, query.login.name)]


# The database


def test_a_backend_that_is_killed_in_mid_query(query: QueryPods, agent: Agent) -> None:
    batch = agent.batch()
    with ThreadPoolExecutor(1) as pool:
        with locked(query):
            asked = pool.submit(agent.post, batch)
            (pid,) = until(lambda: waiting(query), "the statement waits", 10)
            query.database.sql("SELECT pg_terminate_backend(%s)", pid)
            outage(asked.result(), outages.OUTAGE)
        agent.check()
        assert agent.post(batch).status == 200
    agent.check()


def test_a_lock_that_somebody_else_holds(query: QueryPods, agent: Agent) -> None:
    batch = agent.batch()
    with locked(query):
        outage(agent.post(batch), TOO_SLOW)
    agent.check()
    assert agent.post(batch).json()["accepted"] == len(batch), "the same is taken afterwards"
    agent.check()


def test_a_full_pool(query: QueryPods, agent: Agent) -> None:
    """Some have a connection and wait for a lock, the others wait for a connection; the pod is ready all the time."""
    batches = [agent.batch() for _ in range(4 * POOL)]
    with ThreadPoolExecutor(len(batches)) as pool:
        with locked(query):
            asked = [pool.submit(agent.post, batch) for batch in batches]
            until(lambda: len(waiting(query)) == POOL - 1, "every connection waits", 10)
            assert query.pod.ready().status == 200
            for answer in asked:
                outage(answer.result(), outages.OUTAGE, TOO_SLOW)
        reasons = {line["reason"] for line in query.pod.lines("database cannot be asked")}
        assert "TimedOut" in reasons
        answers = [one.result() for one in [pool.submit(agent.post, batch) for batch in batches]]
    assert {answer.status for answer in answers} == {200}
    agent.check()
    assert query.database.server.sessions(query.login.name) <= len(query.pods) * POOL


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGQUIT])
def test_postgresql_restarted_under_load(query: QueryPods, agent: Agent, how: signal.Signals) -> None:
    """Cut off while data is written, or in a crash. Each agent sends a batch again until it is acknowledged."""
    server = query.database.server
    load = Load(query)
    with load.running():
        until(lambda: load.statuses[200] > 40, "the load runs", 20)
        server.stop(how)
        try:
            until(lambda: load.statuses[503] > 20, "outages are told", 20)
            for pod in query.pods:
                pod.until_dependency("database", "down", "Unreachable")
                assert pod.ready().status == 503
        finally:
            server.start()
        before = load.statuses[200]
        until(lambda: load.statuses[200] > before + 40, "all is well again", 30)
    load.check()
    assert set(load.statuses) == {200, 503}


def test_a_database_that_hangs(query: QueryPods, agent: Agent) -> None:
    """As on a machine that is suspended: connections stay open, and nobody answers."""
    batch = agent.batch()
    query.database.server.freeze()
    try:
        outage(agent.post(batch), outages.OUTAGE, "The answer took too long.")
    finally:
        query.database.server.thaw()
    until(lambda: agent.post(batch).status == 200, "all is well again", 20)
    agent.check()


def test_new_credentials_under_load(query: QueryPods) -> None:
    """Not one request fails, and the old user has no connection in the end."""
    old, new = query.login, query.database.login("novacron_query")
    load = Load(query)
    with load.running():
        until(lambda: load.statuses[200] > 40, "the load runs", 20)
        old.volume.replace({name: (new.volume.path / name).read_bytes() for name in ("username", "password", "ca.crt")})
        until(lambda: query.database.server.sessions(old.name) == 0, "nobody uses the old user any more", 20)
        before = load.statuses[200]
        until(lambda: load.statuses[200] > before + 40, "the load goes on", 20)
    assert set(load.statuses) == {200}
    load.check()
    query.login = new


class Load:
    """Agents that send and people who read, each over and over and through one pod after the other."""

    AGENTS = 4
    READ = ("/api/v1/vms?limit=10", "/api/v1/users", "/api/v1/dashboard?as_of=")

    def __init__(self, query: QueryPods) -> None:
        self._query = query
        self._agents = [Agent(query) for _ in range(self.AGENTS)]
        self._admin = query.token("admin", query.organization())
        self._stop = threading.Event()
        self.statuses: Counter[int] = Counter()

    def _send(self, agent: Agent) -> None:
        for pod in self._in_turn():
            batch = agent.batch()
            while not self._well(agent.post(batch, pod)):
                self._stop.wait(0.05)

    def _read(self, path: str) -> None:
        """Of another moment each time, where there is one: nothing is answered from what is kept."""
        for pod in self._in_turn():
            moment = quote(datetime.now(UTC).isoformat()) if path.endswith("as_of=") else ""
            if not self._well(pod.ask(path + moment, Authorization=f"Bearer {self._admin}")):
                self._stop.wait(0.05)

    def _in_turn(self) -> Iterator[ServiceProcess]:
        return itertools.takewhile(lambda _pod: not self._stop.is_set(), itertools.cycle(self._query.pods))

    def _well(self, answer: Answer) -> bool:
        self.statuses[answer.status] += 1
        if answer.status != 200:
            outage(answer, outages.OUTAGE)
        return answer.status == 200

    @contextmanager
    def running(self) -> Iterator[None]:
        """Whatever somebody meets besides an answer fails the test."""
        with ThreadPoolExecutor(self.AGENTS + len(self.READ)) as pool:
            working = [pool.submit(self._send, agent) for agent in self._agents]
            working += [pool.submit(self._read, path) for path in self.READ]
            try:
                yield
            finally:
                self._stop.set()
            for one in working:
                one.result()

    def check(self) -> None:
        for agent in self._agents:
            agent.check()


# Clients


def head(token: str, *lines: str) -> bytes:
    """Of a batch, whose body is to come."""
    known = (f"POST {INGEST} HTTP/1.1", "Host: a", "Content-Type: application/json", f"Authorization: Bearer {token}")
    return "\r\n".join([*known, *lines, "", ""]).encode()


def said(line: socket.socket) -> Answer:
    """The answer on a connection."""
    response = http.client.HTTPResponse(line)
    response.begin()
    return Answer(response)


@contextmanager
def lines(pod: ServiceProcess, count: int) -> Iterator[list[socket.socket]]:
    with ExitStack() as stack:
        opened = [socket.create_connection(("127.0.0.1", pod.port), timeout=20) for _ in range(count)]
        for line in opened:
            stack.enter_context(closing(line))
        yield opened


def test_clients_that_send_slowly(query: QueryPods, agent: Agent) -> None:
    """They hold no connection to the database, nobody waits for them, and their time ends."""
    body = written(agent.batch())
    with lines(query.pod, 3 * POOL) as slow:
        for line in slow:
            line.sendall(head(agent.token, f"Content-Length: {len(body)}") + body[:-1])
        assert [agent.sends(query.pod) for _ in range(10)] == [200] * 10
        assert [said(line).status for line in slow] == [408] * len(slow)


def test_clients_that_read_slowly(query: QueryPods, agent: Agent) -> None:
    """Their answers, a megabyte each, wait in the process; the connections to the database do not."""
    body = json.dumps({"samples": [{}] * MOST_SAMPLES}).encode()
    with lines(query.pod, 2 * POOL) as slow:
        for line in slow:
            line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            line.sendall(head(agent.token, f"Content-Length: {len(body)}") + body)
        for line in slow:
            assert line.recv(12) == b"HTTP/1.1 200"
        assert [agent.sends(query.pod) for _ in range(10)] == [200] * 10


def test_a_client_that_goes_away(query: QueryPods, agent: Agent) -> None:
    """Before its answer: what it sent is kept or not, and the connection it had is given back."""
    batches = [agent.batch() for _ in range(3 * POOL)]
    with locked(query), lines(query.pod, len(batches)) as gone:
        for line, batch in zip(gone, batches, strict=True):
            body = written(batch)
            line.sendall(head(agent.token, f"Content-Length: {len(body)}") + body)
        until(lambda: waiting(query), "the first ones wait", 10)
    for batch in batches:
        assert agent.post(batch).status == 200
    agent.check()


@pytest.mark.parametrize("chunked", [False, True], ids=["announced", "chunked"])
def test_bodies_over_the_cap(query: QueryPods, agent: Agent, chunked: bool) -> None:
    with lines(query.pod, 1) as (line,):
        if chunked:
            line.sendall(head(agent.token, "Transfer-Encoding: chunked"))
            block = b" " * (1 << 20)
            for _ in range(LARGEST_BODY >> 20):
                line.sendall(f"{len(block):x}\r\n".encode() + block + b"\r\n")
            line.sendall(b"1\r\n \r\n")
        else:
            line.sendall(head(agent.token, f"Content-Length: {LARGEST_BODY + 1}"))
        answer = said(line)
    assert (answer.status, answer.headers["connection"]) == (413, "close")


def test_more_bodies_than_one_organization_may_have_held(query: QueryPods, agent: Agent) -> None:
    """One of those that are too many is sent away; others are served meanwhile, and its own afterwards."""
    announced = head(agent.token, f"Content-Length: {LARGEST_BODY}")
    with lines(query.pod, 3) as sending:
        for line in sending[:-1]:
            line.sendall(announced + b" " * (LARGEST_BODY - (1 << 20)))
        sending[-1].sendall(announced)

        def refused() -> list[socket.socket]:
            """Sends a little, and looks long enough for that to have been read: else the answer would be cut off."""
            sending[-1].sendall(b" " * (64 << 10))
            return select.select(sending, [], [], 0.05)[0]

        (line, *_) = until(refused, "somebody is sent away", REQUEST_SECONDS / 2, every=0)
        outage(said(line), "Too much is being sent at once; try again later.")
        assert Agent(query).sends(query.pod) == 200
    until(lambda: agent.sends(query.pod) == 200, "what they held is free again", 10)
