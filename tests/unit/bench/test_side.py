"""Both sides of the comparison write the same bytes."""

from __future__ import annotations

import asyncio
from typing import cast

import orjson
import pytest

from novacron.adapters.kube import Kube
from novacron.core import labels
from novacron.core.capabilities import Capabilities
from novacron.core.manifest import Manifest, ref
from tests.bench.server import Bench, apply_all, resource
from tests.support.controlplane.plane import ControlPlane


@pytest.fixture
def bench() -> Bench:
    return Bench(cast(ControlPlane, None), cast(Kube, None), Capabilities())


def test_raw_objects_are_as_long_as_the_operators_but_no_watch_selects_them(bench: Bench) -> None:
    ours, raw = bench.children("bench-00001", baseline=False), bench.children("bench-00001")
    assert [ref(item) for item in ours] == [ref(item) for item in raw]
    assert len(orjson.dumps(ours)) == len(orjson.dumps(raw))
    assert {item["metadata"]["labels"][labels.MANAGED_BY] for item in ours} == {labels.MANAGER}
    assert labels.MANAGER not in {item["metadata"]["labels"][labels.MANAGED_BY] for item in raw}
    assert all(item["metadata"]["ownerReferences"] for item in raw)


def test_a_resource_has_about_forty_children(bench: Bench) -> None:
    assert 35 <= len(bench.children("bench-00001")) <= 50


async def test_everything_is_applied_once_and_no_more_at_once_than_asked() -> None:
    class Counting:
        def __init__(self) -> None:
            self.now = self.most = 0
            self.names: list[str] = []

        async def apply(self, _kind: object, manifest: Manifest) -> None:
            self.now += 1
            self.most = max(self.most, self.now)
            await asyncio.sleep(0)
            self.names.append(manifest["metadata"]["namespace"])
            self.now -= 1

    client = Counting()
    namespaces = [f"bench-{number:05d}" for number in range(20)]
    await apply_all(cast(Kube, client), [resource(name) for name in namespaces], concurrency=3)
    assert sorted(client.names) == namespaces
    assert client.most == 3
