"""What a client meets at every workload: ids, problems, limits; and what a log may say of it."""

from __future__ import annotations

import http.client
import json
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.support import query_pods
from tests.support.auth_pods import OWN_SETTINGS
from tests.support.service_process import TRIAL, Answer, ServiceProcess
from tests.support.trial_role import CANARY
from tests.support.waiting import until

PROBLEM = "application/problem+json"
LIMITS = {
    "body_bytes": 1000,
    "head_bytes": 4096,
    "head_seconds": 1.0,
    "request_seconds": 1.0,
    "idle_seconds": 3,
    "requests_at_once": 4,
}


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServiceProcess]:
    with ServiceProcess("ml", tmp_path_factory.mktemp("ml"), module=TRIAL, members={"limits": LIMITS}) as process:
        yield process.until_ready()


def _problem(answer: Answer, status: int) -> dict[str, object]:
    """The members of a structured answer."""
    assert (answer.status, answer.headers["content-type"]) == (status, PROBLEM), answer
    found: dict[str, object] = answer.json()
    assert (found["type"], found["status"]) == ("about:blank", status)
    assert found["request_id"] == answer.headers["x-request-id"]
    return found


# Identity and the log


def test_a_request_id_is_kept_where_it_is_plain(service: ServiceProcess) -> None:
    assert service.ask("/health", X_Request_Id="abc-DEF_123.4").headers["x-request-id"] == "abc-DEF_123.4"


@pytest.mark.parametrize("given", ["short", "x" * 65, "with space here", 'quote"quote"quote', "-leading-dash"])
def test_any_other_is_replaced(service: ServiceProcess, given: str) -> None:
    found = service.ask("/health", X_Request_Id=given).headers["x-request-id"]
    assert found != given
    assert len(found) == 32


def test_a_trace_names_the_request(service: ServiceProcess) -> None:
    trace = "0af7651916cd43dd8448eb211c80319c"
    answer = service.ask("/health", traceparent=f"00-{trace}-b7ad6b7169203331-01")
    assert answer.headers["x-request-id"] == trace


def test_the_log_has_one_line_without_what_was_asked(service: ServiceProcess) -> None:
    answer = service.ask("/slow/0?password=canary-query", X_Request_Id="access-line-1", Authorization="canary-header")
    assert answer.status == 200
    line = service.line("request", "access-line-1")
    assert {name: line[name] for name in ("method", "route", "status", "bytes", "level")} == {
        "method": "GET",
        "route": "/slow/{seconds}",
        "status": 200,
        "bytes": len(answer.body),
        "level": "info",
    }
    assert 0 <= line["duration_ms"] < 1000
    service.ask("/canary-path/of/nobody")
    assert "canary" not in service.log()


def test_probes_are_told_to_the_curious_alone(service: ServiceProcess) -> None:
    service.ask("/health", X_Request_Id="probe-line-1")
    service.ask("/metrics", port=service.metrics_port, X_Request_Id="probe-line-2")
    found = [service.line("request", f"probe-line-{number}") for number in (1, 2)]
    assert [(line["route"], line["level"]) for line in found] == [("/health", "debug"), ("/metrics", "debug")]


def test_metrics_count_by_template(service: ServiceProcess) -> None:
    sample = 'http_requests_total{code="200",method="GET",route="/slow/{seconds}"}'
    other = 'http_requests_total{code="405",method="OTHER",route="/refuse"}'
    before = service.metrics()
    service.ask("/slow/0")
    service.ask("/slow/0.0")
    service.ask("/refuse", "PROPFIND")
    until(lambda: service.metrics().get(sample, 0) - before.get(sample, 0) == 2, "two requests are counted", 10)
    until(lambda: service.metrics().get(other, 0) - before.get(other, 0) == 1, "a strange method is counted", 10)
    until(lambda: service.metrics()["novacron_event_loop_lag_seconds_count"] > 0, "the loop's lag is measured", 10)
    after = service.metrics()
    assert after['novacron_build_info{role="ml",version="0.1.0"}'] == 1
    assert after["process_resident_memory_bytes"] > 0


# Problems


def test_nothing_is_served_elsewhere(service: ServiceProcess) -> None:
    _problem(service.ask("/nowhere"), 404)
    _problem(service.ask("/health/"), 404)
    _problem(service.ask("/metrics"), 404)
    _problem(service.ask("/ready", port=service.metrics_port), 404)


def test_another_method_is_told_which_there_are(service: ServiceProcess) -> None:
    answer = service.ask("/health", "POST")
    _problem(answer, 405)
    assert set(answer.headers["allow"].split(", ")) == {"GET", "HEAD"}


def test_a_defect_says_nothing_of_itself(service: ServiceProcess) -> None:
    answer = service.ask("/crash?token=canary-query", X_Request_Id="the-crash-1")
    _problem(answer, 500)
    assert CANARY not in str(answer)
    line = service.line("request failed by a defect", "the-crash-1")
    assert line["kind"] == "ValueError"
    assert any("trial_role.py" in frame for frame in line["at"])
    assert CANARY not in service.log()


def test_a_defect_half_way_breaks_the_connection(service: ServiceProcess) -> None:
    with pytest.raises(http.client.IncompleteRead):
        service.ask("/half")


def test_a_refusal_of_a_route_keeps_its_words(service: ServiceProcess) -> None:
    assert _problem(service.ask("/refuse"), 409)["detail"] == "that is taken"


@pytest.mark.parametrize(
    "text",
    [
        b"rubbish\r\n\r\n",
        b"GET /health HTTP/1.1\r\nContent-Length: none\r\n\r\n",
        b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    ],
    ids=["no HTTP", "no number", "two lengths"],
)
def test_what_is_no_http_is_refused(service: ServiceProcess, text: bytes) -> None:
    assert _said(service, text).startswith(b"HTTP/1.1 400 Bad Request\r\n")


# Limits


def test_a_body_may_be_as_large_as_its_limit(service: ServiceProcess) -> None:
    assert service.ask("/echo", "POST", body=b"x" * 1000).body == b"x" * 1000
    answer = service.ask("/echo", "POST", body=b"x" * 1001)
    _problem(answer, 413)
    assert answer.headers["connection"] == "close"
    assert service.ask("/large", "POST", body=b"x" * 1001).status == 200


def test_a_body_of_unknown_length_is_counted(service: ServiceProcess) -> None:
    chunk = b"200\r\n" + b"x" * 0x200 + b"\r\n"
    head = b"POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    assert b" 413 " in _said(service, head + 3 * chunk + b"0\r\n\r\n").partition(b"\r\n")[0]
    assert b" 200 " in _said(service, head + chunk + b"0\r\n\r\n", last=b"x" * 0x200).partition(b"\r\n")[0]


@pytest.mark.parametrize("headers", [1, 200], ids=["one long header", "many headers"])
def test_headers_may_not_grow_without_end(service: ServiceProcess, headers: int) -> None:
    size = 6000 // headers
    lines = b"".join(b"X-%d: %s\r\n" % (number, b"x" * size) for number in range(headers))
    said = _said(service, b"GET /health HTTP/1.1\r\nHost: x\r\n" + lines)
    assert said.startswith(b"HTTP/1.1 431 ")
    assert b"application/problem+json" in said


def test_a_client_that_sends_its_headers_slowly_is_not_waited_for(service: ServiceProcess) -> None:
    before = time.monotonic()
    said = _said(service, b"GET /health HTTP/1.1\r\nHost: x\r\nX-Slow: ", drip=b"x")
    assert said.startswith(b"HTTP/1.1 408 ")
    assert time.monotonic() - before < 8


def test_also_not_on_its_second_request(service: ServiceProcess) -> None:
    first = b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n"
    said = _said(service, first + b"GET /hea")
    assert said.startswith(b"HTTP/1.1 200 ")
    assert b"HTTP/1.1 408 " in said


def test_a_connection_that_says_nothing_is_closed(service: ServiceProcess) -> None:
    assert _said(service, b"") == b""


def test_an_idle_connection_is_closed(service: ServiceProcess) -> None:
    said = _said(service, b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
    assert said.startswith(b"HTTP/1.1 200 ")


def test_an_answer_may_not_take_for_ever(service: ServiceProcess) -> None:
    answer = service.ask("/slow/20")
    _problem(answer, 503)
    assert answer.headers["retry-after"] == "1"


def test_a_client_may_not_send_its_body_for_ever(service: ServiceProcess) -> None:
    said = _said(service, b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc")
    assert said.startswith(b"HTTP/1.1 408 ")


def test_a_client_that_takes_nothing_of_its_answer_is_not_waited_for(service: ServiceProcess) -> None:
    """4 MiB, of which the kernel holds only a part."""
    sent = b"x" * (4 << 20)
    before = service.metrics()["process_open_fds"]
    with socket.socket() as line:
        line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        line.settimeout(10)
        line.connect(("127.0.0.1", service.port))
        line.sendall(b"POST /large HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(sent) + sent)
        assert line.recv(12) == b"HTTP/1.1 200"
        assert service.metrics()["process_open_fds"] == before + 1
        until(lambda: service.metrics()["process_open_fds"] == before, "its connection is gone", 20)


def test_too_many_at_once_are_told_to_come_again_and_probes_are_not(service: ServiceProcess) -> None:
    """Seven while four may run."""
    together = threading.Barrier(7)

    def ask(_number: int) -> Answer:
        together.wait(10)
        return service.ask("/slow/0.6")

    with ThreadPoolExecutor(7) as pool:
        answers = [pool.submit(ask, number) for number in range(7)]
        until(lambda: service.metrics()["http_requests_in_flight"] >= 5, "requests wait", 10, every=0.02)
        assert service.ready().status == 200
        found = sorted((future.result() for future in answers), key=lambda answer: answer.status)
    assert [answer.status for answer in found] == [200] * 4 + [503] * 3
    _problem(found[-1], 503)
    assert found[-1].headers["retry-after"] == "1"


# What it is told


def test_new_settings_need_no_restart_and_bad_ones_change_nothing(tmp_path: Path) -> None:
    sample = 'novacron_reloads_total{outcome="%s",source="reloaded.json"}'
    with ServiceProcess("ml", tmp_path, reloaded={"database_pool_size": 2}) as process:
        process.reload(database_pool_size=7)
        until(lambda: process.metrics().get(sample % "applied") == 2, "the settings are taken over")
        process.reload(database_pool_size="canary")
        until(lambda: process.metrics().get(sample % "refused") == 1, "the settings are refused")
        (line,) = process.lines("settings not reloaded, the last ones stay in use")
        assert "database_pool_size" in line["problem"]
        assert "canary" not in process.log()
        assert [one["database_pool_size"] for one in process.lines("settings reloaded")] == [7]


@pytest.fixture
def unreachable(tmp_path: Path) -> dict[str, Any]:
    """Settings that fit every role, and datastores that answer nobody."""
    store = {"host": "127.0.0.1", "port": 1, "credentials": str(tmp_path), "secret": "s"}
    stores = {"database": {**store, "name": "n", "ssl_mode": "verify-full"}, "redis": {**store, "tls": True}}
    return {**OWN_SETTINGS, **query_pods.OWN_SETTINGS, "signing_keys": str(tmp_path), **stores}


def test_every_role_starts_and_answers(tmp_path: Path, unreachable: Mapping[str, Any]) -> None:
    """Without datastores in reach: alive, not ready, and all else is a problem until the role's own issue."""
    wall = ["jwks", "auth-feed"]
    expected = {
        "api": ["redis", *wall, "auth"],
        "auth": ["database", "redis", *wall, "schema", "signing-keys", "internal-key"],
        "query": ["database", "schema", "queries", "redis", *wall, "auth"],
        "ml": ["memory", *wall, "auth"],
    }
    for role, names in expected.items():
        peers = {} if role == "auth" else {"auth": {"internal": "http://127.0.0.1:1"}}
        members = {**unreachable, "peers": peers}
        with ServiceProcess(role, tmp_path / role, members=members, internal=role == "auth") as process:
            assert [one["name"] for one in process.ready().json()["dependencies"]] == names
            _problem(process.ask("/api/v1/anything"), 401)
            assert process.metrics()[f'novacron_build_info{{role="{role}",version="0.1.0"}}'] == 1


def test_auth_has_a_third_port(tmp_path: Path, unreachable: Mapping[str, Any]) -> None:
    with ServiceProcess("auth", tmp_path / "auth", internal=True, members=unreachable) as process:
        _problem(process.ask("/internal/v1/anything", port=process.internal_port), 404)
        _problem(process.ask("/internal/v1/revocations", port=process.internal_port), 401)
        _problem(process.ask("/internal/v1/revocations"), 401)


def _said(service: ServiceProcess, text: bytes, *, drip: bytes = b"", last: bytes = b"") -> bytes:
    """Everything that comes back until the other side closes, or until it ends with ``last``."""
    found = b""
    with socket.create_connection(("127.0.0.1", service.port), timeout=0.3 if drip else 10) as line:
        line.sendall(text)
        while not (last and found.endswith(last)):
            try:
                data = line.recv(65536)
            except TimeoutError:
                line.sendall(drip)
                continue
            except ConnectionResetError:
                break
            if not data:
                break
            found += data
    return found


def test_the_answers_are_json(service: ServiceProcess) -> None:
    """Also those to requests that no application saw."""
    said = _said(service, b"rubbish\r\n\r\n")
    assert json.loads(said.partition(b"\r\n\r\n")[2])["status"] == 400
