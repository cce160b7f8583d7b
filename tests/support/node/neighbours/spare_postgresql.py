"""One PostgreSQL more, for tests that crash it or put its clock forward: nobody else's NovaCron is on it."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType

from image.debian import triplet
from novacron.core.manifest import at
from tests.support.node.neighbours import access, cluster, postgresql
from tests.support.node.neighbours.access import NAMESPACE
from tests.support.node.neighbours.cluster import Cluster
from tests.support.node.neighbours.postgresql import Postgres
from tests.support.waiting import until

_CLOCK = f"{postgresql.DATA}/clock"
_ENVIRONMENT = {
    "LD_PRELOAD": f"/usr/lib/{triplet()}/faketime/libfaketime.so.1",
    "FAKETIME_TIMESTAMP_FILE": _CLOCK,  # as long as it is not there, the clock is right
    "FAKETIME_CACHE_DURATION": "1",
    "FAKETIME_DONT_FAKE_MONOTONIC": "1",
}
_SECONDS = 60.0


class SparePostgres:
    """Starts on entering, is gone after leaving, with its data.

    Args:
        name: of its Service.
        home: a folder for the file of its authority, which has signed nothing else.
    """

    def __init__(self, on: Cluster, name: str, home: Path) -> None:
        self._cluster = on
        self._workload = postgresql.workload(name, _ENVIRONMENT)
        self._file = home / f"{name}-ca.crt"
        self._administrator = access.password()
        self.host = access.host_names(name, NAMESPACE)[0]
        self.password = access.password()
        """Of NovaCron's login."""
        self.authority, self._certificate = access.alone(name, NAMESPACE)

    def __enter__(self) -> SparePostgres:
        self._file.write_text(self.authority)
        cluster.apply(self._cluster, postgresql.server(self._workload, self._certificate, self._administrator))
        until(lambda: cluster.available(self._cluster, self._workload), "the spare PostgreSQL is up", _SECONDS)
        self.database.prepare(self.password)
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _value: BaseException | None, _trace: TracebackType | None
    ) -> None:
        name = self._workload.name
        made = (f"deployment/{name}", f"service/{name}", f"configmap/{name}", f"secret/{name}-tls",
                f"secret/{name}-first")  # fmt: skip
        self._cluster.kubectl("delete", "-n", NAMESPACE, *made, "--wait=false")

    @property
    def database(self) -> Postgres:
        host = cluster.address(self._cluster, self._workload)
        return Postgres(host, self._file, self._administrator, name=self._workload.name)

    def crash(self) -> None:
        """Twice: the kubelet starts it again at once the first time, and after ten seconds the second time."""
        lives = self._lives()
        self._shell("kill -QUIT 1")
        until(lambda: self._lives() > lives and self._running(), "it lives again", _SECONDS)
        self._shell("kill -QUIT 1")
        until(lambda: not self._running(), "it is down", _SECONDS)

    def until_back(self) -> None:
        until(lambda: cluster.available(self._cluster, self._workload), "it is back", _SECONDS)

    def put_forward(self, days: int) -> None:
        """Its clock, at once and for good."""
        self._shell(f"echo +{days}d > {_CLOCK}")

    def _shell(self, script: str) -> None:
        self._cluster.kubectl("exec", "-n", NAMESPACE, f"deploy/{self._workload.name}", "--", "/bin/sh", "-c", script)

    def _lives(self) -> int:
        return int(at(self._container(), "restartCount", default=0))

    def _running(self) -> bool:
        return at(self._container(), "state", "running") is not None

    def _container(self) -> dict[str, object]:
        (found,) = at(cluster.pod(self._cluster, self._workload) or {}, "status", "containerStatuses", default=[{}])
        return dict(found)
