"""One operator in cluster mode for all tests of this folder, seen through a proxy; one namespace for each test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.api_client import Client
from tests.support.controlplane.plane import ControlPlane
from tests.support.fault_proxy import FaultProxy
from tests.support.neighbours import Neighbours
from tests.support.operator_process import OperatorProcess
from tests.support.place import Place

HOME = "novacron-system"
CRD = Path(__file__).parents[3] / "crds" / "novacron.yaml"


@pytest.fixture(scope="session")
def client(control_plane: ControlPlane) -> Client:
    """The administrator, on a cluster that serves NovaCrons."""
    control_plane.kubectl("apply", "--server-side", "--force-conflicts", "-f", str(CRD))
    return Client(control_plane.kubeconfig)


@pytest.fixture(scope="session")
def neighbours(control_plane: ControlPlane) -> Iterator[Neighbours]:
    with Neighbours(control_plane.kubeconfig) as playing:
        yield playing


@pytest.fixture(scope="session")
def proxy(control_plane: ControlPlane, tmp_path_factory: pytest.TempPathFactory) -> Iterator[FaultProxy]:
    with FaultProxy(control_plane.kubeconfig, tmp_path_factory.mktemp("proxy")) as running:
        yield running


@pytest.fixture(scope="session")
def operator(client: Client, proxy: FaultProxy, tmp_path_factory: pytest.TempPathFactory) -> Iterator[OperatorProcess]:
    if client.get("Namespace", "", HOME) is None:
        client.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": HOME}})
    directory: Path = tmp_path_factory.mktemp("operator")
    with OperatorProcess(proxy.kubeconfig, directory, home=HOME) as running:
        yield running.until_leading().until_ready()


@pytest.fixture
def place(client: Client, proxy: FaultProxy, operator: OperatorProcess) -> Iterator[Place]:
    """A namespace of this test's own."""
    assert operator.alive(), operator.last_words()
    made = Place(client, proxy.journal)
    yield made
    made.leave()
