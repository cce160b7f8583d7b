"""One operator in cluster mode for all tests of this folder, seen through a proxy; one namespace for each test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.api_client import Client
from tests.support.controlplane.plane import ControlPlane
from tests.support.fault_proxy import FaultProxy
from tests.support.installation import install
from tests.support.neighbours import Neighbours
from tests.support.operator_process import OperatorProcess
from tests.support.place import Place


@pytest.fixture(scope="session")
def account(control_plane: ControlPlane) -> Path:
    """The operator's own identity, with the rights of manifests/install and no other."""
    return install(control_plane)


@pytest.fixture(scope="session")
def client(control_plane: ControlPlane, account: Path) -> Client:
    """The administrator, on a cluster that serves NovaCrons."""
    assert account.exists()
    return Client(control_plane.kubeconfig)


@pytest.fixture(scope="session")
def neighbours(control_plane: ControlPlane) -> Iterator[Neighbours]:
    with Neighbours(control_plane.kubeconfig) as playing:
        yield playing


@pytest.fixture(scope="session")
def proxy(account: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[FaultProxy]:
    with FaultProxy(account, tmp_path_factory.mktemp("proxy")) as running:
        yield running


@pytest.fixture(scope="session")
def operator(proxy: FaultProxy, tmp_path_factory: pytest.TempPathFactory) -> Iterator[OperatorProcess]:
    with OperatorProcess(proxy.kubeconfig, tmp_path_factory.mktemp("operator")) as running:
        yield running.until_leading().until_ready()


@pytest.fixture
def place(client: Client, proxy: FaultProxy, operator: OperatorProcess) -> Iterator[Place]:
    """A namespace of this test's own."""
    assert operator.alive(), operator.last_words()
    made = Place(client, proxy)
    yield made
    made.leave()
