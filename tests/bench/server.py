"""What every case stands on: etcd and an API server alone, CRDs, namespaces, counts of objects.

No controller runs: nothing but the two sides of a comparison writes. Both speak as the administrator, through
``novacron.adapters.kube.Kube``.
"""

from __future__ import annotations

import asyncio
import itertools
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from novacron.adapters import credentials
from novacron.adapters.kube import Kube, path
from novacron.api.v1alpha1 import validate
from novacron.core import kinds, labels
from novacron.core.capabilities import Capabilities
from novacron.core.manifest import Kind, Manifest
from novacron.stack import migration
from novacron.stack.desired import wanted
from tests.support.controlplane import crds
from tests.support.controlplane.plane import STORAGE, ControlPlane
from tests.support.operator_process import OperatorProcess
from tests.support.resources import minimal
from tests.support.waiting import until

CRD = Path(__file__).parents[2] / "crds" / "novacron.yaml"
NAMESPACE = Kind("v1", "Namespace", "namespaces", namespaced=False)
CONCURRENCY = 32
_METADATA_LIST = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
_BASELINE = "novacron-baseline"
"""In place of the managed-by label's value and as long: a raw object must not be cached by an operator."""


@dataclass(slots=True)
class Bench:
    """One control plane and its client."""

    plane: ControlPlane
    kube: Kube
    capabilities: Capabilities
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    async def namespaces(self, count: int) -> list[str]:
        """Fresh ones."""
        names = [f"bench-{next(self._numbers):05d}" for _ in range(count)]
        body = {"apiVersion": "v1", "kind": "Namespace"}
        await apply_all(self.kube, [body | {"metadata": {"name": name}} for name in names])
        return names

    def operator(self, name: str) -> OperatorProcess:
        return OperatorProcess(self.plane.kubeconfig, self.plane.directory / "operators", name=name)

    def children(self, namespace: str, *, baseline: bool = True) -> list[Manifest]:
        """What the operator would apply there at first, with an owner of the same length.

        Deployments of auth and query come once the migration Job has succeeded, and nothing here runs it.

        Args:
            baseline: under another managed-by label, so that no watch of an operator selects it.
        """
        body = resource(namespace)
        body["metadata"]["uid"] = f"00000000-0000-4000-8000-{int(namespace.rpartition('-')[2]):012d}"
        valid = validate(body)
        complete = migration.with_jobs(wanted(valid, self.capabilities), valid, {})
        manifests = list(migration.in_turn(complete, valid, {}).manifests)
        if baseline:
            for manifest in manifests:
                manifest["metadata"]["labels"] = {**manifest["metadata"]["labels"], labels.MANAGED_BY: _BASELINE}
        return manifests

    async def count(self, kind: Kind) -> int:
        """All objects of a kind, at the price of one."""
        page = await self.kube.read(path(kind) + "?limit=1", _METADATA_LIST)
        return len(page.get("items") or ()) + int(page["metadata"].get("remainingItemCount", 0))

    async def counts(self) -> Counter[Kind]:
        return Counter({kind: await self.count(kind) for kind in kinds.CHILDREN})

    async def until_there(self, expected: Mapping[Kind, int], seconds: float, every: float) -> None:
        """Until so many objects of each kind exist. Asks for one kind at a time, so that waiting costs nothing.

        Raises:
            TimeoutError: they do not.
        """
        async with asyncio.timeout(seconds):
            for kind, number in expected.items():
                while await self.count(kind) < number:  # noqa: ASYNC110 - another process writes
                    await asyncio.sleep(every)


def resource(namespace: str) -> Manifest:
    """The NovaCron of every case: production, all four workloads, everything that is on by default, no open end."""
    body = minimal("novacron", namespace)
    body["spec"]["database"]["cidrs"] = ["10.1.0.0/16"]
    body["spec"]["redis"]["cidrs"] = ["10.2.0.0/16"]
    return body


def kinds_of(manifests: Iterable[Manifest]) -> Counter[Kind]:
    return Counter(kinds.BY_KIND[manifest["kind"]] for manifest in manifests)


async def apply_all(kube: Kube, manifests: Iterable[Manifest], concurrency: int = CONCURRENCY) -> None:
    """Server-side apply of everything, so many at once; raises the first refusal."""
    queue = iter(manifests)

    async def worker() -> None:
        for manifest in queue:
            await kube.apply(_kind(manifest["kind"]), manifest)

    async with asyncio.TaskGroup() as group:
        for _ in range(concurrency):
            group.create_task(worker())


def _kind(name: str) -> Kind:
    if name == "Namespace":
        return NAMESPACE
    return kinds.NOVACRON if name == labels.KIND else kinds.BY_KIND[name]


@contextmanager
def control_plane() -> Iterator[ControlPlane]:
    with ControlPlane(components=STORAGE, nodes=0) as plane:
        crds.install(plane)
        plane.kubectl("apply", "--server-side", "-f", str(CRD))
        until(lambda: kinds.NOVACRON.resource in plane.kubectl("api-resources", "-o", "name"), "NovaCrons are served")
        plane.kubectl("create", "namespace", labels.OPERATOR_NAMESPACE)
        yield plane


@asynccontextmanager
async def bench(plane: ControlPlane, connections: int = 64) -> AsyncIterator[Bench]:
    """A client of a plane that runs."""
    found = credentials.from_kubeconfig(str(plane.kubeconfig))
    async with Kube(found, connections=connections) as kube:
        yield Bench(plane, kube, Capabilities(server=plane.server_version))
