"""A real API server without controllers, for what is proved about the operator's own processes."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from pathlib import Path

import pytest

from tests.live.outages import SCENARIOS
from tests.support.api_client import Client
from tests.support.arena import Arena
from tests.support.controlplane import crds
from tests.support.controlplane.plane import STORAGE, ControlPlane
from tests.support.installation import install
from tests.support.observed_states import Judged


@pytest.fixture(scope="session")
def api_server(judged: Judged) -> Iterator[ControlPlane]:
    """etcd and kube-apiserver; the neighbours' CRDs are there, their controllers are not."""
    with ControlPlane(components=STORAGE, nodes=0) as plane:
        crds.install(plane)
        with judged(plane, "tests/live"):
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
def long_runs(new_arena: Callable[[], Arena]) -> Mapping[str, Future[None]]:
    """What takes minutes, side by side: name -> its verdict, once there is one. Begun by the first test that asks."""
    return {scenario.__name__: _begun(scenario, new_arena) for scenario in SCENARIOS}


def _begun(scenario: Callable[[Callable[[], Arena]], None], new_arena: Callable[[], Arena]) -> Future[None]:
    """In a thread that Ctrl-C need not wait for; a pool would."""
    verdict: Future[None] = Future()

    def run() -> None:
        try:
            scenario(new_arena)
        except BaseException as error:  # noqa: BLE001 - the test that asks for the verdict raises it
            verdict.set_exception(error)
        else:
            verdict.set_result(None)

    threading.Thread(target=run, name=scenario.__name__, daemon=True).start()
    return verdict


@pytest.fixture
def arena(new_arena: Callable[[], Arena]) -> Iterator[Arena]:
    """An arena whose operator leads."""
    with new_arena() as made:
        yield made.start()
