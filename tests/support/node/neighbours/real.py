"""All neighbours together: brought up, looked at, and turned against NovaCron the way the world does."""

from __future__ import annotations

import json
import time
from base64 import b64decode
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from novacron.core import names
from novacron.core.manifest import Manifest
from tests.support.controlplane.progress import say
from tests.support.node.neighbours import (
    access,
    cluster,
    coredns,
    external_secrets,
    images,
    metrics_server,
    openbao,
    pods,
    postgresql,
    redis_server,
)
from tests.support.node.neighbours.access import NAMESPACE, Access
from tests.support.node.neighbours.cluster import Cluster, NeighbourError
from tests.support.node.neighbours.openbao import OpenBao
from tests.support.node.neighbours.pods import Workload
from tests.support.node.neighbours.postgresql import Postgres, Session
from tests.support.node.neighbours.redis_server import Redis
from tests.support.waiting import NotInTime, until

AUTHORITY = "neighbours-ca"
"""Secret in NovaCron's namespace, with key ``ca.crt``: for spec.secrets.vault.caSecretRef."""
SERVICES = {
    postgresql.NAME: NAMESPACE,
    redis_server.NAME: NAMESPACE,
    openbao.NAME: NAMESPACE,
    metrics_server.NAME: metrics_server.NAMESPACE,
}
"""Those that speak TLS, with their namespaces."""
_SECONDS = 90.0


class Neighbours:
    """Those of one cluster.

    Args:
        on: the cluster.
        directory: where the file of their authority is written, ``neighbours-ca.crt``.
        dns: address of the resolver, as the kubelet gives it to pods (clusterDNS).
        kubelets: PEM of the authority that signed the kubelets' serving certificates.
        namespace, resource: of the NovaCron whose service account may log in to OpenBao.
    """

    def __init__(
        self,
        on: Cluster,
        directory: Path,
        dns: str,
        kubelets: str,
        namespace: str = "novacron",
        resource: str = "novacron",
    ) -> None:
        self._cluster = on
        self._dns = dns
        self._kubelets = kubelets
        self._namespace = namespace
        self._account = names.component(resource, "secrets")
        self._access: Access | None = None
        self.authority = directory / "neighbours-ca.crt"

    # Ways in

    @property
    def access(self) -> Access:
        """Passwords and keys, for whom a test lets in."""
        if self._access is None:
            raise NeighbourError("the neighbours are not up: call up() first")
        return self._access

    @property
    def database(self) -> Postgres:
        host = cluster.address(self._cluster, postgresql.workload())
        return Postgres(host, self.authority, self.access.superuser_password)

    @property
    def redis(self) -> Redis:
        host = cluster.address(self._cluster, redis_server.workload())
        return Redis(host, self.authority, self.access.redis_password)

    @property
    def store(self) -> OpenBao:
        host = cluster.address(self._cluster, openbao.workload())
        return OpenBao(host, self.access.authority, self.access.root_token)

    # Life

    def up(self) -> None:
        """Brings all of them up, or finds them running and puts right what tests have broken; says who is ready when.

        External Secrets finds its CRDs in the cluster (``crds.install``).

        Raises:
            NeighbourError: one of them does not come up; with its last words.
            BuildError, ToolchainError, ImageError, KubectlError: with the remedy.
        """
        archives = images.build()
        started = time.monotonic()
        for name, archive in archives.items():
            self._cluster.load(archive)
            say(f"the node has the image {name}")
        self._access = self._recorded() or access.issued(SERVICES)
        self.authority.write_text(self._access.authority)
        cluster.apply(self._cluster, manifests(self._access, self._dns, self._kubelets, self._namespace))
        # all of them start at once; each is waited for before those that need it
        self._available(coredns.workload())
        self._open_store()
        self._available(openbao.workload())
        self._available(postgresql.workload())
        self._available(redis_server.workload())
        self._fill()
        self._available(external_secrets.workload())
        self._available(metrics_server.workload())
        self._until(metrics_server.workload(), self._registered)
        for name, state in self.health().items():
            say(f"{name}: {state}")
        say(f"neighbours ready after {time.monotonic() - started:.1f} s")

    def health(self) -> dict[str, str]:
        """What each says of itself to somebody who logs in; those without a login are available, or are not."""
        found = {
            postgresql.NAME: f"PostgreSQL {self.database.version()}, TLS and passwords only",
            redis_server.NAME: f"Redis {self.redis.version()}, TLS and a password only",
            openbao.NAME: f"OpenBao {self.store.version()}, unsealed, secrets at {openbao.MOUNT}/",
        }
        for workload in (coredns.workload(), external_secrets.workload(), metrics_server.workload()):
            up = cluster.available(self._cluster, workload)
            found[workload.name] = f"{workload.image}, {'available' if up else 'not available'}"
        return found

    # What the world does

    def rotate_database_password(self) -> None:
        """The way a careful owner does it: PostgreSQL and the store within the same moment."""
        changed = replace(self.access, database_password=access.password())
        self.database.change_password(changed.database_password)
        self._remember(changed)
        self._write_database(changed.database_password)

    def break_database_password(self) -> None:
        """The store tells another password than PostgreSQL takes."""
        self._write_database(access.password())

    def restore_database_password(self) -> None:
        """The store tells the right one again."""
        self._write_database(self.access.database_password)

    def sessions(self) -> list[Session]:
        """NovaCron's connections to PostgreSQL."""
        return self.database.sessions()

    def seal_store(self) -> None:
        """OpenBao refuses everything, and has lost nothing."""
        self.store.seal()

    def unseal_store(self) -> None:
        self.store.unseal(self.access.unseal_key)

    # Steps

    def _open_store(self) -> None:
        workload = openbao.workload()
        # an address is asked for each time: a pod that is replaced gets another one
        self._until(workload, lambda: bool(cluster.address(self._cluster, workload)) and self.store.answers())
        if not self.store.initialised():
            keys = self.store.initialise()
            self._remember(replace(self.access, unseal_key=keys.unseal, root_token=keys.root))
        self.unseal_store()

    def _fill(self) -> None:
        """The login in PostgreSQL, and what the store tells of it."""
        self.database.prepare(self.access.database_password)
        # it asks as itself, with the token and the authority that its pod has
        self.store.prepare(self._account, self._namespace, {"kubernetes_host": "https://kubernetes.default.svc"})
        self.restore_database_password()
        self.store.write(openbao.REDIS, {"password": self.access.redis_password, "ca.crt": self.access.authority})

    def _write_database(self, password: str) -> None:
        login = {"username": postgresql.USER, "password": password, "ca.crt": self.access.authority}
        self.store.write(openbao.DATABASE, login)

    def _recorded(self) -> Access | None:
        """Of an earlier ``up`` on this cluster."""
        get = ("get", "secret", "-n", NAMESPACE, access.SECRET, "--ignore-not-found", "-o", "json")
        found = self._cluster.kubectl(*get)
        return access.restored(b64decode(json.loads(found)["data"][access.SECRET]).decode()) if found else None

    def _remember(self, changed: Access) -> None:
        self._access = changed
        cluster.apply(self._cluster, [pods.secret(access.SECRET, NAMESPACE, {access.SECRET: changed.stored()})])

    def _available(self, workload: Workload) -> None:
        started = time.monotonic()
        self._until(workload, lambda: cluster.available(self._cluster, workload))
        say(f"{workload.name} is available, waited {time.monotonic() - started:.1f} s")

    def _registered(self) -> bool:
        found = json.loads(self._cluster.kubectl("get", "apiservice", metrics_server.API, "-o", "json"))
        conditions = {item["type"]: item["status"] for item in found.get("status", {}).get("conditions", ())}
        return conditions.get("Available") == "True"

    def _until(self, workload: Workload, check: Callable[[], bool]) -> None:
        def settled() -> bool:
            return check() or cluster.hopeless(self._cluster, workload)

        try:
            until(settled, f"{workload.name} comes up", seconds=_SECONDS, every=0.2)
            up = check()
        except NotInTime:
            up = False
        if not up:
            words = cluster.last_words(self._cluster, workload)
            raise NeighbourError(f"{workload.name} does not come up: {words}")


def manifests(found: Access, dns: str, kubelets: str, namespace: str) -> list[Manifest]:
    """All of them; the arguments are those of ``Neighbours``."""
    return [
        pods.namespace(NAMESPACE, enforce="restricted"),
        pods.namespace(namespace),
        pods.secret(access.SECRET, NAMESPACE, {access.SECRET: found.stored()}),
        pods.secret(AUTHORITY, namespace, {"ca.crt": found.authority}),
        *coredns.manifests(dns),
        *postgresql.manifests(found),
        *redis_server.manifests(found),
        *openbao.manifests(found),
        *external_secrets.manifests(),
        *metrics_server.manifests(found, kubelets),
    ]
