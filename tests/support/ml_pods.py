"""A pod of ml: tokens of anybody, auth's feed, and a scratch space of its own."""

from __future__ import annotations

import http.client
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any
from uuid import uuid4

from tests.support.feed_server import FeedServer
from tests.support.service_process import ML_SETTINGS, Answer, ServiceProcess
from tests.support.signer import Signer, key_set

PATH = "/api/v1/features"
JSON_LINES = "application/x-ndjson"


class MlPod:
    """Started on entering and killed on leaving.

    Args:
        home: a folder for its files.
        memory: members of that name that differ.
        members: of the settings document, beyond the usual ones.
    """

    def __init__(
        self, home: Path, *, memory: Mapping[str, Any] | None = None, level: str = "INFO", **members: Any
    ) -> None:
        self._stack = ExitStack()
        self._signer = Signer()
        self._feed = FeedServer()
        self._home, self._level = home, level
        self.scratch = home / "scratch"
        self.scratch.mkdir(parents=True)
        own = {"memory": ML_SETTINGS["memory"] | (memory or {}), "spill_directory": str(self.scratch)}
        self._members = {**own, **members}
        self.process: ServiceProcess

    def __enter__(self) -> MlPod:
        peers = {"auth": {"internal": self._stack.enter_context(self._feed).url}}
        self.process = ServiceProcess("ml", self._home, members={**self._members, "peers": peers}, level=self._level)
        self.process.jwks.replace({"jwks.json": key_set(self._signer)})
        self._stack.enter_context(self.process).until_ready()
        return self

    def __exit__(
        self, type_: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.__exit__(type_, value, trace)

    def token(self, role: str = "viewer", organization: str | None = "", **claims: Any) -> str:
        """Of a person; of an organization of his own where none is named."""
        return self._signer.token(role=role, org=str(uuid4()) if organization == "" else organization, **claims)

    def machine_token(self, *scopes: str) -> str:
        """Of a service account, which has no session."""
        return self._signer.token(role="service", org=str(uuid4()), scope=" ".join(scopes), sid=None, rot=None)

    def head(self, token: str = "", media_type: str = JSON_LINES, **headers: str) -> dict[str, str]:
        """Headers of a request."""
        return {
            "Authorization": f"Bearer {token or self.token()}",
            "Content-Type": media_type,
            **{name.replace("_", "-"): value for name, value in headers.items()},
        }

    def ask(self, body: bytes, query: str = "", **head: str) -> Answer:
        """Features of it."""
        line = self.process.connection()
        try:
            line.request("POST", f"{PATH}?{query}" if query else PATH, body, self.head(**head))
            return Answer(line.getresponse())
        finally:
            line.close()

    def jobs(self, outcome: str) -> float:
        """How many have ended so."""
        return self.process.metrics()[f'novacron_ml_jobs_total{{outcome="{outcome}"}}']

    @property
    def running(self) -> float:
        """Jobs."""
        return self.process.metrics()["novacron_ml_jobs_running"]

    @property
    def disk(self) -> int:
        """Bytes of files that the process has open in its scratch space; they have no names."""
        assert self.process.process is not None
        found = 0
        for descriptor in Path(f"/proc/{self.process.process.pid}/fd").iterdir():
            try:
                if str(descriptor.readlink()).startswith(str(self.scratch)):
                    found += descriptor.stat().st_size
            except FileNotFoundError:  # closed meanwhile
                continue
        return found

    @property
    def resident(self) -> int:
        """Bytes of memory that the process has."""
        return self._status("VmRSS")

    @property
    def peak(self) -> int:
        """The most that it had since the last ``forget_peak``."""
        return self._status("VmHWM")

    def forget_peak(self) -> None:
        assert self.process.process is not None
        Path(f"/proc/{self.process.process.pid}/clear_refs").write_text("5")

    def _status(self, name: str) -> int:
        assert self.process.process is not None
        lines = Path(f"/proc/{self.process.process.pid}/status").read_text().splitlines()
        return int(next(line for line in lines if line.startswith(f"{name}:")).split()[1]) << 10


@contextmanager
def upload(pod: MlPod, query: str = "", **head: str) -> Iterator[http.client.HTTPConnection]:
    """A request whose body goes on in chunks: ``piece`` sends one, ``end`` the last."""
    line = pod.process.connection()
    line.putrequest("POST", f"{PATH}?{query}")
    for name, value in pod.head(**head).items():
        line.putheader(name, value)
    line.putheader("Transfer-Encoding", "chunked")
    line.endheaders()
    try:
        yield line
    finally:
        line.close()


def piece(line: http.client.HTTPConnection, content: bytes) -> None:
    line.send(b"%x\r\n%s\r\n" % (len(content), content))


def end(line: http.client.HTTPConnection) -> Answer:
    line.send(b"0\r\n\r\n")
    return Answer(line.getresponse())
