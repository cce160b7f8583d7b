"""A real API server without controllers, for what is proved about the operator's own processes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.live.outages import SCENARIOS
from tests.support.api_client import Client
from tests.support.arena import Arena
from tests.support.controlplane import crds
from tests.support.controlplane.plane import STORAGE, ControlPlane
from tests.support.installation import install


@pytest.fixture(scope="session")
def api_server() -> Iterator[ControlPlane]:
    """etcd and kube-apiserver; the neighbours' CRDs are there, their controllers are not."""
    with ControlPlane(components=STORAGE, nodes=0) as plane:
        crds.install(plane)
        yield plane


@pytest.fixture(scope="session")
def account(api_server: ControlPlane) -> Path:
    return install(api_server)


@pytest.fixture(scope="session")
def client(api_server: ControlPlane, account: Path) -> Client:
    """The administrator."""
    assert account.exists()
    return Client(api_server.kubeconfig)


@pytest.fixture(scope="session")
def new_arena(client: Client, account: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Arena]:
    directory = tmp_path_factory.mktemp("arenas")
    return lambda: Arena(client, account, directory)


@pytest.fixture(scope="session")
def long_runs(new_arena: Callable[[], Arena]) -> Iterator[Mapping[str, Future[None]]]:
    """What takes minutes, side by side: name -> its verdict, once there is one."""
    with ThreadPoolExecutor(len(SCENARIOS)) as pool:
        yield {scenario.__name__: pool.submit(scenario, new_arena) for scenario in SCENARIOS}


@pytest.fixture(scope="session", autouse=True)
def _begin_long_runs_first(request: pytest.FixtureRequest) -> None:
    if any("long_runs" in getattr(item, "fixturenames", ()) for item in request.session.items):
        request.getfixturevalue("long_runs")


@pytest.fixture
def arena(new_arena: Callable[[], Arena]) -> Iterator[Arena]:
    """An arena whose operator leads."""
    with new_arena() as made:
        yield made.start()
