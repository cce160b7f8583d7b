"""Auth's internal port as a server of its own: what tests revoke is in its feed, page by page."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.support.service_process import INTERNAL_KEY


class FeedServer:
    """Serves on entering, is gone after leaving.

    Args:
        page: most items of a page.
    """

    def __init__(self, page: int = 5000) -> None:
        self._page = page
        self._era = 1
        self._items: list[dict[str, Any]] = []
        self._server: ThreadingHTTPServer | None = None
        self._port = 0
        self.polls: list[float] = []
        """Monotonic: when revocations were asked for."""
        self.active: list[dict[str, Any]] = []
        self.key = INTERNAL_KEY

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    def __enter__(self) -> FeedServer:
        return self.start()

    def __exit__(
        self, _type: type[BaseException] | None, _value: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> FeedServer:
        """On the port that it had before, if it had one."""
        feed = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                where = urlsplit(self.path)
                if where.path != "/internal/v1/revocations":  # who asks whether we are there
                    feed._answer(self, (404, {}))
                    return
                feed.polls.append(time.monotonic())
                feed._answer(self, feed._revocations(parse_qs(where.query)))

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                feed.active.extend(body["sessions"])
                feed._answer(self, (200, {}))

            def log_message(self, *_arguments: object) -> None:
                """Quiet."""

        self._server = ThreadingHTTPServer(("127.0.0.1", self._port), Handler)
        self._port = self._server.server_port
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return self

    def stop(self) -> None:
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    def revoke(self, **item: Any) -> None:
        now = time.time()
        self._items.append({"at": now, "expires": int(now) + 3700, **item})

    def forget_cursors(self) -> None:
        """As after a restore of the database."""
        self._era += 1

    def _revocations(self, query: Mapping[str, list[str]]) -> tuple[int, dict[str, Any]]:
        era, _, start = query.get("after", [f"{self._era}-0"])[0].partition("-")
        if era != str(self._era):
            return 410, {}
        items = self._items[int(start) : int(start) + self._page]
        after = int(start) + len(items)
        more = len(items) == self._page
        return 200, {"cursor": f"{self._era}-{after}", "as_of": time.time(), "items": items, "more": more}

    def _answer(self, request: BaseHTTPRequestHandler, answer: tuple[int, dict[str, Any]]) -> None:
        allowed = request.headers.get("Authorization") == f"Bearer {self.key}"
        status, document = answer if allowed else (401, {})
        body = json.dumps(document).encode()
        request.send_response(status)
        request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        request.wfile.write(body)
