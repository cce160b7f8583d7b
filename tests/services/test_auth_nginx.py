"""A foreign backend behind a real nginx with our sample: who asks reaches it, and nobody else does."""

from __future__ import annotations

import http.client
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.services.conftest import REDIS_PASSWORD
from tests.support.auth_pods import AuthPods, post
from tests.support.nginx import Nginx
from tests.support.ports import free_port
from tests.support.postgres import Postgres
from tests.support.redis_server import RedisServer
from tests.support.service_process import Answer
from tests.support.waiting import until

SAMPLE = Path(__file__).parents[2] / "manifests" / "gateways" / "nginx.conf"
LIMIT = {"requests_per_minute": 6000, "logins_per_minute": 6000, "trusted_proxies": ["127.0.0.1/32"]}


class Backend(BaseHTTPRequestHandler):
    """Says what reached it."""

    def do_POST(self) -> None:
        sent = self.rfile.read(int(self.headers.get("Content-Length", "0"))).decode()
        body = json.dumps({"headers": {k.lower(): v for k, v in self.headers.items()}, "body": sent}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self) -> None:
        self.do_POST()

    def log_message(self, *_arguments: object) -> None:
        return None


@dataclass(frozen=True, slots=True)
class Gateway:
    auth: AuthPods
    port: int

    def ask(self, method: str = "GET", *, body: bytes | None = None, **headers: str) -> Answer:
        line = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            sent = {name.replace("_", "-"): value for name, value in headers.items()}
            line.request(method, "/some/path?canary", body, sent)
            return Answer(line.getresponse())
        finally:
            line.close()


@pytest.fixture(scope="module")
def gateway(
    postgres: Postgres, redis_server: RedisServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Gateway]:
    files: dict[str, str | bytes] = {"password": REDIS_PASSWORD, "ca.crt": redis_server.ca}
    home = tmp_path_factory.mktemp("nginx")
    backend = ThreadingHTTPServer(("127.0.0.1", 0), Backend)
    threading.Thread(target=backend.serve_forever, daemon=True).start()
    with AuthPods(tmp_path_factory.mktemp("auth"), postgres, redis_server, files, rate_limit=LIMIT) as auth:
        port = free_port()
        text = SAMPLE.read_text()
        for before, after in (
            ("novacron-auth.novacron.svc.cluster.local:8080", f"127.0.0.1:{auth.pod.port}"),
            ("backend.example.svc.cluster.local:8080", f"127.0.0.1:{backend.server_port}"),
            ("listen 8080", f"listen 127.0.0.1:{port}"),
        ):
            assert text.count(before) == 1
            text = text.replace(before, after)
        with Nginx(home, port, text):
            yield Gateway(auth, port)
    backend.shutdown()
    backend.server_close()


def test_the_backend_learns_who_asks_and_nothing_else(gateway: Gateway) -> None:
    person = gateway.auth.person("operator")
    mine = gateway.auth.log_in(person)
    forged = {"X_Novacron_Subject": "canary", "X_Novacron_Role": "platform-admin", "X_Novacron_Scopes": "canary"}
    answer = gateway.ask("POST", body=b"sent", Authorization=mine.bearer, **forged)
    assert answer.status == 200, answer
    found = answer.json()
    assert found["body"] == "sent"
    headers = found["headers"]
    assert (headers["x-novacron-subject"], headers["x-novacron-role"]) == (person.id, "operator")
    assert headers["x-novacron-organization"] == person.organization
    assert headers["x-novacron-session"] == mine.session
    assert "canary" not in str(headers)
    assert "authorization" not in headers


@pytest.mark.parametrize(
    ("header", "status"), [("", 401), ("Bearer canary", 401), ("Basic canary", 401), ("Bearer ", 403)]
)
def test_nobody_else_gets_through(gateway: Gateway, header: str, status: int) -> None:
    answer = gateway.ask(Authorization=header) if header else gateway.ask()
    assert answer.status == status, answer
    if status == 401:
        assert answer.headers["www-authenticate"].startswith('Bearer realm="novacron"')


def test_a_session_that_ended_is_refused_within_seconds(gateway: Gateway) -> None:
    mine = gateway.auth.log_in(gateway.auth.person())
    assert gateway.ask(Authorization=mine.bearer).status == 200
    post(gateway.auth.pod, "/api/v1/auth/logout", {"Authorization": mine.bearer})
    until(lambda: gateway.ask(Authorization=mine.bearer).status == 401, "nginx refuses", 5)
