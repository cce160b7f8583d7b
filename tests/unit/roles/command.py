"""Commands in this process, and an API server in memory for them to ask."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any

import yaml
from click.testing import CliRunner

from novacron.__main__ import main
from novacron.adapters.kube import path as api_path
from novacron.core import kinds, labels
from novacron.core.manifest import Kind, Manifest


def novacron(*arguments: str, given: Any = None) -> tuple[int, str, str]:
    """Exit code, standard output and standard error of a command."""
    text = given if isinstance(given, str) or given is None else yaml.safe_dump(given)
    done = CliRunner().invoke(main, list(arguments), input=text)
    return done.exit_code, done.stdout, done.stderr


def refused(*arguments: str, given: Any = None, code: int = 2) -> str:
    """The one line that a command ends with, and that there is no other."""
    found, output, error = novacron(*arguments, given=given)
    assert (found, output, error.count("\n"), error[-1:]) == (code, "", 1, "\n"), (found, output, error)
    assert error.startswith("novacron: ")
    return error


def kubeconfig(
    file: Path, *, cluster: Mapping[str, Any] | None = None, user: Mapping[str, Any] | None = None, **context: Any
) -> str:
    """Path of a kubeconfig with the context ``x``."""
    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "x",
        "clusters": [{"name": "c", "cluster": {"server": "https://127.0.0.1:1"} if cluster is None else dict(cluster)}],
        "users": [{"name": "u", "user": {"token": "t"} if user is None else dict(user)}],
        "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u", **context}}],
    }
    file.write_text(yaml.safe_dump(content))
    return str(file)


class _Server(ThreadingHTTPServer):
    request_queue_size = 64  # a command opens a dozen connections at once


class ApiServer:
    """Answers each path with what it is told to, and 404 to all others; lists of served kinds are empty.

    Args:
        answers: path -> the answer, or a status code alone.
    """

    def __init__(self, directory: Path) -> None:
        self.answers: dict[str, Any] = {
            "/version": {"major": "1", "minor": "36"},
            f"/apis/{labels.API_VERSION}": {"resources": [{"name": labels.PLURAL}]},
            api_path(kinds.ACCESS_REVIEW): {"status": {"allowed": True}},
            api_path(kinds.NODE): _listed(),
        }
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = -1  # head and body in one packet: the second of two would wait for an acknowledgement

            def do_GET(self) -> None:
                self.rfile.read(int(self.headers.get("Content-Length") or 0))
                found = outer.answers.get(self.path.partition("?")[0], 404)
                code = found if isinstance(found, int) else 200
                body = json.dumps({"message": f"answer {code}\non two lines"} if isinstance(found, int) else found)
                self.send_response(code)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body.encode())

            do_POST = do_GET  # noqa: N815

            def log_message(self, *_arguments: Any) -> None:
                return

        self._server = _Server(("127.0.0.1", 0), Handler)
        self.kubeconfig = kubeconfig(
            directory / "kubeconfig", cluster={"server": f"http://127.0.0.1:{self._server.server_port}"}
        )

    def holds(self, kind: Kind, namespace: str, *items: Manifest) -> None:
        self.answers[api_path(kind, namespace)] = _listed(*items)

    def __enter__(self) -> ApiServer:
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _value: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()


def _listed(*items: Manifest) -> Manifest:
    return {"metadata": {"resourceVersion": "1"}, "items": list(items)}


def stored(body: Manifest, created: str = "2026-01-01T00:00:00Z", **status: Any) -> Manifest:
    """A resource as the API server gives it."""
    meta = {
        **body["metadata"],
        "uid": f"uid-{body['metadata']['name']}",
        "generation": 1,
        "resourceVersion": "1",
        "creationTimestamp": created,
    }
    return {**body, "metadata": meta, "status": {"observedGeneration": 1, "conditions": [], **status}}
