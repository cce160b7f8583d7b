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
from tests.support.controlplane import crds
from tests.support.controlplane.plane import KubectlError
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
"""Secret in NovaCron's namespace, with key ``ca.crt``: what spec.secrets.vault.caSecretRef names."""
_SECONDS = 90.0
_SERVICES = {
    postgresql.NAME: NAMESPACE,
    redis_server.NAME: NAMESPACE,
    openbao.NAME: NAMESPACE,
    metrics_server.NAME: metrics_server.NAMESPACE,
}


class Neighbours:
    """Those of one cluster.

    Args:
        on: the cluster.
        directory: where the file of their authority is written, ``neighbours-ca.crt``.
        dns: address of the resolver, as the kubelet knows it (clusterDNS).
        namespace, resource: of the NovaCron whose service account may log in to OpenBao.
    """

    def __init__(
        self, on: Cluster, directory: Path, dns: str, namespace: str = "novacron", resource: str = "novacron"
    ) -> None:
        self._cluster = on
        self._dns = dns
        self._namespace = namespace
        self._resource = resource
        self._access: Access | None = None
        self.authority = directory / "neighbours-ca.crt"

    # Life

    def up(self) -> None:
        """Brings all of them up, or finds them running; says who is ready and when.

        Raises:
            NeighbourError: one of them does not come up; with its last words.
            BuildError, ToolchainError, ImageError, KubectlError: with the remedy.
        """
        archives = images.build()
        started = time.monotonic()
        for name, archive in archives.items():
            self._cluster.load(archive)
            say(f"the node has the image {name}")
        external = crds.directory() / "external-secrets"
        self._cluster.kubectl("apply", "--server-side", "--force-conflicts", "-f", str(external))
        self._open()
        cluster.apply(self._cluster, self._manifests())
        for workload, prepare in self._order():
            self._wait(workload, prepare)
            say(f"{workload.name} is ready, {time.monotonic() - started:.1f} s")
        for line in self.health():
            say(line)

    def _order(self) -> list[tuple[Workload, Callable[[], object]]]:
        """All of them start at once; they are waited for in the order in which one needs the other."""
        return [
            (coredns.workload(), lambda: None),
            (openbao.workload(), self._prepare_store),
            (postgresql.workload(), lambda: None),
            (redis_server.workload(), lambda: None),
            (external_secrets.workload(), lambda: None),
            (metrics_server.workload(), lambda: None),
        ]
